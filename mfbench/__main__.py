"""``python -m mfbench`` is the same as ``mfbench``."""

from mfbench.cli import main

if __name__ == "__main__":
    main()
