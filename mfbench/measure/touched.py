"""Which topics the difference between two commits can touch, by what the benchmarks declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from mfbench.foundation.errors import NothingMeasured
from mfbench.foundation.git_command import git
from mfbench.results.benchmarks import Benchmark

# What the environments install; nothing else of a commit is measured.
PACKAGE = "metaflow/"
# What a topic covers that any change of the package can touch.
EVERYTHING = "metaflow/*"


def touched_topics(
    benchmarks: Mapping[str, Benchmark], upstream: Path, base: str, head: str
) -> tuple[str, ...]:
    """Return the topics that the difference between two commits can touch; all are ().

    Raises NothingMeasured where no file of metaflow's package differs.
    """
    found = git(upstream, "diff", "--name-only", "--no-renames", "-z", base, head).split("\0")
    changed = [path for path in found if path.startswith(PACKAGE)]
    if not changed:
        raise NothingMeasured(
            f"no file of metaflow's package differs between {base[:8]} and {head[:8]}"
        )
    covers: dict[str, set[str]] = {}
    for benchmark in benchmarks.values():
        covers.setdefault(benchmark.name.partition(".")[0], set()).update(benchmark.covers)
    named = {pattern for each in covers.values() for pattern in each} - {EVERYTHING}
    if not all(_matches(path, named) for path in changed):
        return ()
    return tuple(
        topic
        for topic, patterns in sorted(covers.items())
        if any(_matches(path, patterns) for path in changed)
    )


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
