"""The main job: measure, compare, publish.

Without options it measures metaflow's newest release against the optimised branch, interleaved,
with the cases that a person feels, in a few minutes.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts import history, machine
from scripts.asv_command import asv
from scripts.discovery import known_cases
from scripts.errors import Failure, run
from scripts.git_command import git
from scripts.optimize import commits_without_results
from scripts.paths import HTML, RESULTS, UPSTREAM
from scripts.releases import load
from scripts.series import base_commit, write_series

# What a person waits for. The rest (what lies inside of these, whole foreaches, hash functions and
# codecs that are not metaflow's) is left to full runs.
SHORT = (
    r"^flows\.Run\.|^imports\.(Interpreter|Import\.timeraw_metaflow)|^cli\.FlowScript\.time_show"
    r"|^artifacts\.(Save|Load)\..*(metrics-52KB|float64-8MB|text-10MB)"
    r"|^multicore\.ParallelMap\..*'default'"
)
# The fewest that give an interval.
SHORT_ROUNDS = 4
# What repeats: once is enough, and a number of rounds would be asked of these, too.
SHORT_COUNTS = r"^(instructions|imports\.Footprint)\."


# What a commit of the series claims to move, beside counts of instructions: measured in one run
# with the commit below it.
CLAIMS = (
    (("defer_requests", "event_waiting"), r"^multicore\."),
    (("defer_cards", "extension_loading"), r"^extensions\."),
    (
        (
            # Two that leave artifacts alone: how far the same differs in one run.
            "extension_loading",
            "lazy_plugins",
            "pickle_in_pieces",
            "artifact_compression",
            "read_in_place",
            "unpickle_from_file",
            "inflate_while_unpickling",
            "huge_pages",
            "arrays_in_huge_pages",
            "compress_in_threads",
            "read_descriptions_at_once",
            "accelerated_deflate",
        ),
        r"^artifacts\.(Save|Load|Stored|Memory)\.",
    ),
    # Without isal and zlib-ng: the first is the control, the second stands for the release.
    (
        ("extension_loading", "lazy_plugins", "read_descriptions_at_once"),
        r"^artifacts\.(Save|Load|Stored)Other\.",
    ),
    (("artifact_compression", "read_in_place"), r"^client\.(Read|Many)"),
    (
        (
            "arrays_in_huge_pages",
            "compress_in_threads",
            "read_descriptions_at_once",
            "accelerated_deflate",
            "read_run_once",
        ),
        r"^client\.(Read|Many)",
    ),
    (
        ("read_run_once", "plugins_by_name", "package_on_demand", "git_inside_repositories"),
        r"^flows\.Run\.",
    ),
    # The setting of the latter off, and on.
    (
        ("git_inside_repositories", "blake3_keys"),
        r"^(artifacts\.Save(WithBlake3Keys)?|hashing\.ContentKey(WithBlake3)?)\.time_.*"
        r"(float64-8MB|embeddings-8MB|random-5MB)",
    ),
    (("blake3_keys", "load_before_forking"), r"^s3\."),
    (
        ("load_before_forking", "temporary_names"),
        r"^artifacts\.Save(Other)?\..*('dict-233B'|'20-small'|'one-byte')",
    ),
)
COUNTS = r"^instructions\."


def minor_releases() -> list[str]:
    """Return the last release of each minor version, oldest first, without the newest of all."""
    last = {tuple(release.version.split(".")[:2]): release.version for release in load()}
    return list(last.values())[:-1]


def series(upstream: Path = UPSTREAM) -> list[str]:
    """Return the commits from main (not included) to optimized, oldest first."""
    commits = git(upstream, "rev-list", "--reverse", "main..optimized").split()
    if not commits:
        raise Failure("branch optimized holds no commit beyond main; python -m scripts.optimize")
    return commits


def claims(upstream: Path = UPSTREAM) -> list[tuple[list[str], str]]:
    """Return which commits of the series are to be measured together, and with what.

    Main and the control are compared with the last commit: they are measured with it again, for
    its samples are those of its last run.
    """
    main = base_commit(upstream, "main")
    hashes = {each.name: each.hash for each in write_series(upstream, main) if each.hash}
    control, *_, last = hashes.values()
    runs = [([hashes[name] for name in names if name in hashes], only) for names, only in CLAIMS]
    return [
        ([main, control, *together] if last in together else together, only)
        for together, only in runs
    ]


def unmeasured(upstream: Path = UPSTREAM, results: Path = RESULTS) -> list[str]:
    """Return the commits between that nobody has measured: the site needs them, too."""
    missing = {commit.hash for commit in commits_without_results(upstream, results)}
    return [commit for commit in series(upstream)[:-1] if commit in missing]


def commits_of(names: Sequence[str]) -> list[str]:
    """Turn names into commits, or say which is unknown."""
    return [base_commit(UPSTREAM, name) for name in names]


def require_match(pattern: str) -> None:
    """Say at once that a pattern matches nothing; asv does after it has made environments."""
    cases = known_cases()
    if cases and not any(re.search(pattern, name) for name in cases):
        topics = sorted({name.partition(".")[0] for name in cases})
        raise Failure(f"--bench {pattern} matches no benchmark; topics are {', '.join(topics)}")


def regular_expression(text: str) -> str:
    """Return what --bench was given if asv can search for it."""
    try:
        re.compile(text)
    except re.error as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {problem}") from None
    return text


def positive(text: str) -> int:
    """Return a number of rounds."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def machine_name(text: str) -> str:
    """Return the name of a machine, which becomes a folder's."""
    if not re.fullmatch(r"\w[\w.-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: use letters, digits, . _ and -")
    return text


def measure(commits: Sequence[str], *options: str, may_fail: bool = False) -> None:
    """Measure commits and keep their samples.

    Parameters
    ----------
    commits : sequence of str
        Hashes.
    *options : str
        More options of ``asv run``.
    may_fail : bool, optional
        Whether to go on where benchmarks fail.
    """
    asv(
        "run",
        "HASHFILE:-",
        "--record-samples",
        "--show-stderr",
        *options,
        stdin="\n".join(commits),
        may_fail=may_fail,
    )


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    described.add_argument(
        "--full",
        action="store_true",
        help="all benchmarks; and what each commit of the series claims to move",
    )
    described.add_argument(
        "--minors",
        action="store_true",
        help="then the last release of each minor version, interleaved",
    )
    described.add_argument("--quick", action="store_true", help="one sample a case: a smoke test")
    described.add_argument(
        "--bench",
        metavar="REGEX",
        type=regular_expression,
        help="only these benchmarks, as in asv run --bench",
    )
    described.add_argument(
        "--rounds",
        metavar="NUMBER",
        type=positive,
        help=f"samples of each case (default: {SHORT_ROUNDS}, or what each benchmark asks for)",
    )
    described.add_argument(
        "--machine", metavar="NAME", type=machine_name, help="the name to store results under"
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Set up, measure, compare, publish."""
    arguments = parser().parse_args(argv)
    if arguments.bench:
        require_match(arguments.bench)
    history.ensure(UPSTREAM)
    name = machine.ensure(arguments.machine)
    options = ["--machine", name]
    # A quick run has one round; interleaved, asv would go through the others empty-handed.
    options += ["--quick"] if arguments.quick else ["--interleave-rounds"]
    short = not (arguments.full or arguments.bench)
    only = arguments.bench or (SHORT if short else None)
    rounds = arguments.rounds or (SHORT_ROUNDS if short and not arguments.quick else None)
    options += ["--attribute", f"rounds={rounds}"] if rounds else []
    commits = commits_of(["main"])
    commits += [series()[0], series()[-1]] if arguments.full else [series()[-1]]
    measure(commits, *options, *(["--bench", only] if only else []))
    if short:
        quick = ["--quick"] if arguments.quick else []
        measure(commits, "--machine", name, *quick, "--bench", SHORT_COUNTS)
    between = [] if arguments.full else unmeasured()
    if between:
        print(f"\n{len(between)} commits of the series have no results yet: their counts\n")
        measure(between, "--machine", name, "--bench", COUNTS)
    if arguments.full and not arguments.bench:
        for together, claimed in claims():
            measure(together, *options, "--bench", claimed)
        measure(series()[1:-1], *options, "--bench", COUNTS)
    if arguments.minors:
        measure(commits_of(minor_releases()), *options, *(["--bench", only] if only else []))
    asv("compare", "main", "optimized", "--machine", name, "--split")
    asv("publish")
    print(f"\nsite: {HTML / 'index.html'} (make preview serves it on this machine)")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
