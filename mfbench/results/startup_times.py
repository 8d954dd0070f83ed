"""Where the times of start-up are kept, in pyperf's own files, and what two of them hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mfbench.foundation.errors import Failure

if TYPE_CHECKING:
    import pyperf

# What Python is started with and nothing else: the same code on both sides.
PLAIN_PYTHON = "python"


def folder_of(records: Path, machine: str, base: str, head: str) -> Path:
    """Return the folder of the last run that timed two commits together, given their hashes."""
    return records / "pyperf" / machine / f"{base[:8]}..{head[:8]}"


def files_of(folder: Path) -> tuple[Path, Path]:
    """Return the files of base and head in such a folder."""
    return folder / "base.json", folder / "head.json"


def read_suite(path: Path) -> pyperf.BenchmarkSuite:
    """Read a file of pyperf, or raise Failure where it is something else."""
    # Not above: loading pyperf takes as long as a comparison.
    import pyperf

    try:
        return pyperf.BenchmarkSuite.load(str(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Failure(f"{path} is no file of pyperf ({problem}); move it away") from None


def read_startup(
    records: Path, machine: str, base: str, head: str
) -> dict[str, tuple[list[float], list[float]]]:
    """Return the times of base and head by command, in seconds, one per process.

    Empty where this machine never timed the two together.
    """
    paths = files_of(folder_of(records, machine, base, head))
    if not all(path.exists() for path in paths):
        return {}
    old, new = (
        {each.get_name(): list(each.get_values()) for each in read_suite(path)} for path in paths
    )
    return {name: (values, new[name]) for name, values in old.items() if name in new}
