"""What each target was to reach, what it reached, and what plain Python reaches beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from scripts.case_study import IMPORT, RUN, TASK, TASKS
from scripts.readme_table import Measured, Row, read_case, speed_up

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Goal:
    """A number to reach.

    Attributes
    ----------
    row : Row
        The case.
    wanted : float
        How many times as fast as the unchanged release, or as few instructions.
    after : str
        The last optimisation that counts; empty for all.
    floor : Row, optional
        The case that does the same without metaflow.
    tried : str
        Where it is missed: what was tried beside, and what came of it.
    before : str
        What is divided: the unchanged release, or an optimisation that was measured in one run with
        `after` and does not touch the case.
    """

    row: Row
    wanted: float
    after: str = ""
    floor: Row | None = None
    tried: str = ""
    before: str = "main"


def saving(label: str, payload: str, wanted: float, tried: str = "", floor: bool = False) -> Goal:
    """Describe the goal of saving a payload."""
    row = Row(f"saving {label}", "artifacts.Save.time_save", (payload,))
    least = Row("", "floors.Save.time_save", (payload,)) if floor else None
    return Goal(row, wanted, floor=least, tried=tried)


def loading(label: str, payload: str, wanted: float, tried: str = "", floor: bool = False) -> Goal:
    """Describe the goal of loading a payload."""
    row = Row(f"loading {label}", "artifacts.Load.time_load", (payload,))
    least = Row("", "floors.Load.time_load", (payload,)) if floor else None
    return Goal(row, wanted, floor=least, tried=tried)


def mapping(tasks: str, wanted: float, tried: str = "") -> Goal:
    """Describe the goal of a parallel map of some trivial tasks."""
    row = Row(f"`parallel_map` of {tasks}", "multicore.ParallelMap.time_map", (tasks, "default"))
    least = Row("", "floors.Fork.time_fork_and_wait", (tasks,))
    return Goal(row, wanted, floor=least, tried=tried)


def reached(goal: Goal, results: Path, machine: str, commits: Mapping[str, str]) -> list[str]:
    """Return the cells of one goal.

    Parameters
    ----------
    goal : Goal
        What was wanted.
    results : pathlib.Path
        The folder of results.
    machine : str
        The machine's name.
    commits : mapping of str to str
        Hashes by optimisation; the release's is that of "main", and the tip's that of "".

    Returns
    -------
    list of str
        The case, what was wanted, what was reached, plain Python's, and what was tried.
    """
    first = commits.get(goal.before)
    before = None if first is None else read_case(results, machine, first, goal.row)
    # Not every release takes every optimisation.
    commit = commits.get(goal.after)
    after = None if commit is None else read_case(results, machine, commit, goal.row)
    wanted = f"≥ {goal.wanted:.4g}×"
    name = goal.row.label + (f", up to `{goal.after}`" if goal.after else "")
    if before is None or after is None:
        return [name, wanted, NOT_MEASURED, "", ""]
    missed = before.value / after.value < goal.wanted
    most = most_of(goal, results, machine, commits, before)
    found = speed_up(before, after)
    return [name, wanted, found if missed else f"**{found}**", most, goal.tried if missed else ""]


def most_of(
    goal: Goal, results: Path, machine: str, commits: Mapping[str, str], before: Measured
) -> str:
    """Return how many times as fast as the release the least of all work is; "" if unknown."""
    floors = [
        read_case(results, machine, commits[name], goal.floor)
        for name in ("main", "")
        if goal.floor is not None
    ]
    # Twice the same code: once beside each version.
    known = [each for each in floors if each is not None]
    samples = tuple(sample for each in known for sample in each.samples)
    if not known:
        return ""
    return speed_up(before, Measured(median(samples or [each.value for each in known]), samples))


LOOKING = (
    "What is left beside the floor's work is looking for what compresses, and the files' own time. "
    "Hashing in a thread beside the looking gained nothing in the median, for to start the thread "
    "takes as long as it saves; fewer windows to look through missed repeats that are far apart."
)
MEMORY = (
    "What is left is hashing, the file, one copy of an array in huge pages, and looking for what "
    "compresses. Hashing while the file is written was quicker, but the file's name needs the "
    "hash; hashing in a thread beside the looking gained nothing in the median. To write an "
    "array's own memory would spare the copy, and store another value than was hashed where a "
    "thread changes the array meanwhile."
)
READING = (
    "What is left is one copy from the file to where it stays, in huge pages already; the floor "
    "has small ones. Reading in two threads was no faster. A mapping of the file spares the copy, "
    "and a file that shrinks meanwhile ends the process. Reading into an array's own memory "
    "instead of the bytes that pickle makes was hardly faster, and other content has no such place."
)
UNPICKLING = (
    "Nearly all of it is unpickling thousands of numbers, which is the same before and after, and "
    "the rest is opening two files. Reading it with fewer calls made no difference, and zlib in "
    "isal's place was slower."
)
INFLATING = (
    "What is left is one copy to where it stays, and the checksum. isal's own reader of gzip files "
    "was a little quicker, and is private to isal; steps larger than 64 KB gained as little."
)
ZLIB = (
    "Nearly all of it is zlib itself, in one call that knows the size. isal, where it is "
    "installed, and unpickling while decompressing are the two other ways: commits of their own, "
    "above the number together."
)
LISTING = (
    "The release's processes differ by more than the number. What is left is 50 tasks' "
    "metadata, a file each; reading an attempt's files once and artifacts without a cache helped."
)
FORKING = (
    "A process a task has to be forked and waited for. A kept pool of processes would see none of "
    "what the caller changed since; threads can't run what holds the interpreter's lock."
)

GOALS: tuple[Goal, ...] = (
    Goal(IMPORT, 1 / 0.78, "defer_requests"),
    Goal(IMPORT, 1 / 0.71, "defer_asyncio"),
    Goal(IMPORT, 1 / 0.58, "defer_cards"),
    Goal(IMPORT, 1 / 0.54, "extension_loading"),
    Goal(IMPORT, 1 / 0.40),
    Goal(TASK, 1 / 0.52),
    Goal(RUN, 1 / 0.60),
    Goal(
        Row(
            "1 extension among 200 distributions, once more in one process",
            "extensions.RepeatedDiscovery.time_discover",
            ("200", "1"),
        ),
        20,
    ),
    saving("float64 800 KB", "float64-800KB", 9, LOOKING, floor=True),
    loading("float64 800 KB", "float64-800KB", 5, READING, floor=True),
    saving("float64 8 MB", "float64-8MB", 18, MEMORY, floor=True),
    loading("float64 8 MB", "float64-8MB", 8, READING, floor=True),
    saving("float32 embeddings 8 MB", "embeddings-8MB", 20, MEMORY, floor=True),
    loading("float32 embeddings 8 MB", "embeddings-8MB", 20, READING, floor=True),
    saving("random bytes 5 MB", "random-5MB", 18, MEMORY, floor=True),
    loading("random bytes 5 MB", "random-5MB", 5, READING, floor=True),
    saving("half noise, half zeros 16 MB", "half-noise-16MB", 7, MEMORY),
    loading("half noise, half zeros 16 MB", "half-noise-16MB", 5, INFLATING),
    saving("metrics 52 KB", "metrics-52KB", 1.2),
    loading("metrics 52 KB", "metrics-52KB", 1.2, UNPICKLING),
    *(
        replace(goal, before="lazy_plugins", after="artifact_compression")
        for goal in (
            saving("text 10 MB", "text-10MB", 1.4),
            saving("columns 20 MB", "columns-20MB", 1.8),
            loading("columns 20 MB", "columns-20MB", 1.3, ZLIB),
        )
    ),
    saving("text 10 MB", "text-10MB", 2),
    saving("columns 20 MB", "columns-20MB", 4),
    loading("columns 20 MB", "columns-20MB", 1.3),
    mapping("1", 10, FORKING),
    mapping("8", 4, FORKING),
    mapping("64", 2, FORKING),
    Goal(
        Row(
            "first read of float64 8 MB by the client",
            "client.ReadArtifact.time_read",
            ("cold", "float64-8MB"),
        ),
        3.5,
    ),
    Goal(TASKS, 2, tried=LISTING),
)


def table(results: Path, machine: str, commits: Mapping[str, str]) -> str:
    """Make the table of all goals; `commits` as in `reached`.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        "| case | wanted | reached | plain Python | what else was tried |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(reached(goal, results, machine, commits))} |" for goal in GOALS]
    return "\n".join(lines) + "\n"
