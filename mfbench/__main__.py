"""``python -m mfbench`` is the same as ``mfbench``."""

import sys

from mfbench import SET_UP

try:
    from mfbench.cli import main
except ModuleNotFoundError as missing:
    print(f"error: {missing}; {SET_UP}", file=sys.stderr)
    sys.exit(3)

if __name__ == "__main__":
    main()
