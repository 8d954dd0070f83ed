"""Which topics the difference between two commits can touch, by what the benchmarks declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from mfbench.foundation.errors import Failure, NothingMeasured
from mfbench.foundation.git_command import commit_of, git
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import Benchmark

# What the environments install; nothing else of a commit is measured.
PACKAGE = "metaflow/"
# What a topic covers that any change of the package can touch.
EVERYTHING = "metaflow/*"
# It differs between any two releases.
VERSION = "metaflow/version.py"
# Of this project: what changes nothing that is measured.
ASIDE = ("docs/*", "tests/*", "dashboard/*", "results/*", "records/*", "*.md", ".github/*")


def touched_topics(
    benchmarks: Mapping[str, Benchmark], upstream: Path, base: str, head: str
) -> tuple[str, ...]:
    """Return the topics that the difference between two commits can touch; empty for all.

    Raises NothingMeasured where no file of metaflow's package differs.
    """
    found = git(upstream, "diff", "--name-only", "--no-renames", "-z", base, head).split("\0")
    changed = [path for path in found if path.startswith(PACKAGE) and path != VERSION]
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


def topics_of_project(
    benchmarks: Mapping[str, Benchmark], root: Path, upstream: Path, since: str
) -> tuple[str, ...]:
    """Return the topics that changes of this project since a commit can touch; empty for all.

    A benchmark's module is its topic's; an optimisation's touches what it changes in metaflow.
    Raises NothingMeasured where nothing that is measured has changed.
    """
    if (begin := commit_of(root, since)) is None:
        raise Failure(f"this checkout has no commit {since}; fetch it: git fetch --unshallow")
    found = git(root, "diff", "--name-only", "--no-renames", "-z", f"{begin}...HEAD").split("\0")
    changed = [path for path in found if path and not _matches(path, ASIDE)]
    if not changed:
        raise NothingMeasured(f"nothing that is measured has changed since {since[:8]}")
    topics = [_topics_of_file(Path(path), benchmarks, upstream) for path in changed]
    return tuple(sorted({topic for each in topics for topic in each})) if all(topics) else ()


def _topics_of_file(
    path: Path, benchmarks: Mapping[str, Benchmark], upstream: Path
) -> tuple[str, ...]:
    """Return the topics that a changed file of this project can touch; empty for all."""
    folder, name = str(path.parent), path.stem
    if folder == "benchmarks" and any(each.startswith(f"{name}.") for each in benchmarks):
        return (name,)
    if folder == "optimizations":
        # Not every module there is an optimisation, or applies.
        with suppress(Failure):
            commit = find_commit(upstream, f"pr/{name}")
            return touched_topics(benchmarks, upstream, f"{commit}~1", commit)
    return ()


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
