"""Find the commit that changed a benchmark: `python -m scripts.bisect` (scripts/bisection.py)."""

if __name__ == "bisect":
    # A script that lies in this folder, as backfill.py, finds this file in place of Python's own.
    from _bisect import bisect_left, bisect_right, insort_left, insort_right

    bisect, insort = bisect_right, insort_right
    __all__ = ["bisect", "bisect_left", "bisect_right", "insort", "insort_left", "insort_right"]
else:
    import sys

    from scripts.bisection import main
    from scripts.errors import run

    if __name__ == "__main__":
        sys.exit(run(main))
