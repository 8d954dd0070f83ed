"""The files of results that the site shows, and those of them that are read when it is made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import read_object
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import IGNORED_MACHINES
from mfbench.results.reader import Side, files_of, last_began, pythons_of, read_side

# Of more measured commits, only the ends of branches, the releases and the newest are read.
MOST_READ, NEWEST_READ = 1000, 200
FACTS = ("arch", "cpu", "num_cpu", "os", "ram")


@dataclass(frozen=True)
class Measured:
    """What the site shows of a folder of results.

    Attributes
    ----------
    results : pathlib.Path
        That folder.
    machines : mapping
        asv's facts about each machine.
    files : mapping
        The files of results, by machine and the full hash of the commit.
    sides : mapping
        What the files hold that were read, by machine: one side for each commit.
    of_unknown_commits, of_other_pythons : int
        How many files are left out: of commits that the repository lacks, and of other Pythons
        than the one with the most results of the machine.
    """

    results: Path
    machines: Mapping[str, Mapping[str, str]]
    files: Mapping[str, Mapping[str, Sequence[Path]]]
    sides: Mapping[str, Sequence[Side]]
    of_unknown_commits: int = 0
    of_other_pythons: int = 0

    @property
    def read(self) -> Iterator[Path]:
        """The files that were read."""
        for machine, sides in self.sides.items():
            for side in sides:
                yield from self.files[machine][side.commit]

    def only(self, machine: str, commits: Collection[str]) -> Measured:
        """Return what one machine measured of some commits."""
        files = {each: paths for each, paths in self.files[machine].items() if each in commits}
        sides = [side for side in self.sides[machine] if side.commit in commits]
        facts = {machine: self.machines[machine]}
        return replace(self, machines=facts, files={machine: files}, sides={machine: sides})


def read_measured(results: Path, upstream: Path) -> Measured:
    """Find the files of results of the repository's commits; raise Failure for a damaged one."""
    newest_first = git(upstream, "rev-list", "--all").split()
    known = {commit[:8]: commit for commit in newest_first}
    machines = measured_machines(results)
    files: dict[str, dict[str, list[Path]]] = {}
    of_unknown_commits = of_other_pythons = 0
    for machine in machines:
        found = files.setdefault(machine, {})
        usual = f"-py{next(iter(pythons_of(results / machine)), '')}-"
        for path in files_of(results / machine):
            if path.name[:8] not in known:
                of_unknown_commits += 1
            elif usual not in path.name:
                of_other_pythons += 1
            else:
                found.setdefault(known[path.name[:8]], []).append(path)
    commits = {commit for found in files.values() for commit in found}
    read = commits_to_read(upstream, newest_first, commits)
    sides = {machine: sides_of(found, read) for machine, found in files.items()}
    return Measured(results, machines, files, sides, of_unknown_commits, of_other_pythons)


def sides_of(files: Mapping[str, Sequence[Path]], commits: Collection[str]) -> list[Side]:
    """Read a machine's files of some commits: of each commit what was measured last."""
    return [
        max((read_file(path, commit) for path in paths), key=last_began)
        for commit, paths in files.items()
        if commit in commits
    ]


def read_file(path: Path, commit: str) -> Side:
    """Read a file of results of a commit."""
    side = read_side(path, commit[:8])
    if side.commit != commit:
        name = f"{path.parent.name}/{path.name}"
        raise Failure(f"{name} holds results of another commit; restore it with git")
    return side


def commits_to_read(
    upstream: Path, newest_first: Sequence[str], measured: Collection[str]
) -> Collection[str]:
    """Return all measured commits, or of very many those that charts and histories show."""
    if len(measured) <= MOST_READ:
        return measured
    newest = [each for each in newest_first if each in measured][:NEWEST_READ]
    return {*newest, *git(upstream, "rev-list", "--no-walk", "--all").split()}


def measured_machines(results: Path) -> dict[str, dict[str, str]]:
    """Return asv's facts about each machine that the site shows."""
    found = {}
    for name in sorted({path.parent.name for path in results.glob("*/*.json")}):
        if name in IGNORED_MACHINES:
            continue
        path = results / name / "machine.json"
        if not path.exists():
            raise Failure(
                f"{name}/machine.json is missing, so asv would ignore that machine's results; "
                "restore it with git, or start any run on that machine, which writes it"
            )
        try:
            facts = read_object(path)
        except Failure as failure:
            raise Failure(
                f"{name}/machine.json is damaged ({failure}); restore it with git"
            ) from None
        found[name] = {"name": name, **{each: str(facts.get(each, "")) for each in FACTS}}
    return found
