"""asv plugin: the repository under test, its environments, and this machine's name.

asv imports it because ``asv.conf.json`` lists ``.scripts.asv_upstream``.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uv
from asv import machine as asv_machine
from asv import util
from asv.benchmarks import Benchmarks
from asv.commands import compare
from asv.commands import run as run_command
from asv.console import log
from asv.plugins.git import Git
from asv.plugins.virtualenv import Virtualenv
from asv.repo import NoSuchNameError, get_repo

from scripts import INTERRUPTED, machine
from scripts.asv_command import PART_OF_A_JOB
from scripts.errors import Failure
from scripts.files import replaced
from scripts.git_command import commit_of, executable, is_repository
from scripts.measurements import likeliest, machines_with
from scripts.paths import ROOT

# asv takes this folder off the path again, and some of what is here is imported when it is needed.
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))


class Upstream(Git):
    """metaflow's releases and the optimisation series, built when they are missing."""

    dvcs = "metaflow-upstream"

    def __init__(self, url: str, mirror_path: str) -> None:
        """Build the repository at `url` unless it is there, then open it."""
        try:
            self._complete(Path(url).resolve())
            super().__init__(url, mirror_path)
        except Failure as failure:
            raise util.UserError(str(failure)) from None

    def _complete(self, repository: Path) -> None:
        from scripts import history, series

        executable()
        if not is_repository(repository) or commit_of(repository, "optimized") is None:
            log.info(f"Building {repository.name}/ from metaflow's releases (about a minute)")
            log.flush()
            history.ensure(repository)
        elif series.is_stale(repository):
            log.warning("The series has changed since; renew it: python -m scripts.optimize")
        if history.is_behind(repository):
            log.warning("There are newer releases than in upstream/: python -m scripts.history")

    def get_hashes_from_range(self, range_spec: str) -> list[str]:
        """Return the commits of a range; asv's own lets git's complaint through as a traceback."""
        try:
            return list(super().get_hashes_from_range(range_spec))
        except util.ProcessError:
            raise util.UserError(
                f"unknown revision or range {range_spec}; git -C upstream tag lists the releases"
            ) from None

    def get_tags(self) -> dict[str, str]:
        """Return the commit of each tag; in one call of git, where asv makes one for each."""
        lines = self._run_git(
            ["for-each-ref", "--format=%(refname:short) %(objectname) %(*objectname)", "refs/tags"]
        ).splitlines()
        tags = {}
        for line in lines:
            name, *hashes = line.split()
            tags[name] = hashes[-1]
        return tags


class PinnedVirtualenv(Virtualenv):
    """A virtualenv whose requirements are resolved together, in one call of uv.

    asv's own calls pip for each requirement: five times slower, and the last call wins.
    """

    tool_name = "pinned"

    def __init__(self, conf: Any, python: str, requirements: Any, tagged_env_vars: Any) -> None:
        """Take the Python that asv runs on; asv would take the first of that version on PATH."""
        super().__init__(conf, python, requirements, tagged_env_vars)
        if python == f"{sys.version_info[0]}.{sys.version_info[1]}":
            self._executable = sys.executable

    @property
    def name(self) -> str:
        """Python's version and a digest of the pins: short enough for a file name."""
        pins = hashlib.sha256(repr(sorted(self._requirements.items())).encode()).hexdigest()
        return f"{self.tool_name}-py{self._python}-{pins[:8]}"

    def _install_requirements(self) -> None:
        wanted = {**self._base_requirements, **self._requirements}
        declarations = [
            name.removeprefix("pip+") + (f"=={version}" if version else "")
            for name, version in wanted.items()
        ]
        command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--compile-bytecode"]
        # The pins' own requirements are held by the lock that holds this project's.
        command += ["--constraint", str(ROOT / "constraints.txt")]
        interpreter = self.find_executable("python")
        try:
            subprocess.run(
                [*command, "--python", interpreter, *declarations],
                check=True,
                capture_output=True,
                text=True,
            )
        except subprocess.CalledProcessError as problem:
            reason = problem.stderr.strip().partition("\n")[0]
            raise util.UserError(
                f"the pinned requirements can't be installed ({reason}); "
                "check the network and run the same command again"
            ) from None


def compare_here(conf: Any, hash_1: str, hash_2: str, **options: Any) -> None:
    """Run ``asv compare``, which refuses to choose between machines, for the likeliest one."""
    options["machine"] = options.get("machine") or likeliest_machine(conf, hash_1, hash_2)
    compare_on_machine(conf, hash_1, hash_2, **options)


compare_on_machine = compare.Compare.run


def likeliest_machine(config: Any, *revisions: str) -> str | None:
    """Return this machine if it has results for all revisions, else the likeliest that has."""
    repository = get_repo(config)
    commits = []
    for revision in revisions:
        try:
            commits.append(repository.get_hash_from_name(revision))
        except NoSuchNameError:
            raise util.UserError(
                f"unknown revision {revision}; git -C upstream tag lists the releases"
            ) from None
    results = Path(config.results_dir)
    measured = machines_with(results, commits)
    return likeliest(results, measured, this_machine()) if measured else None


def this_machine() -> str:
    """Return the name under which asv records results here."""
    name = asv_machine.Machine.get_unique_machine_name()
    try:
        return str(asv_machine.MachineCollection.load(name)["machine"])
    except util.UserError:
        return str(name)


def run_alone(conf: Any, *arguments: Any, **options: Any) -> Any:
    """Run ``asv run`` unless another one measures in this checkout already.

    They would disturb each other, install over each other, and lose what the other has written.
    """
    lock = Path(conf.env_dir).resolve().parent / "measuring"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise util.UserError(
                "another run measures in this checkout; wait for it to end, or use another clone"
            ) from None
        return run_together(conf, *arguments, **options)


run_together = run_command.Run.run


def discover_anyway(
    conf: Any, repo: Any, environments: Any, commit_hash: Sequence[str], **options: Any
) -> Benchmarks:
    """Find the benchmarks, where what is measured does not build by releases before the newest.

    asv tries the commits it is to measure and the branches' tips, and records nothing if none
    builds: a newest release that does not, and the series on it, would be nobody's news.
    """
    try:
        before = repo.get_hash_from_name("main")
        earlier = repo.get_hashes_from_range(f"{before} --skip=1 -{RELEASES_TRIED}")
    except (NoSuchNameError, util.UserError):
        earlier = []
    return discover_at_first(conf, repo, environments, [*commit_hash, *earlier], **options)


discover_at_first = Benchmarks.discover
RELEASES_TRIED = 5


def write_whole(path: str, *contents: Any, **options: Any) -> None:
    """Write JSON as asv does, whole or not at all: a kill or a full disk leaves what was there."""
    with replaced(Path(path)) as beside:
        write_json(str(beside), *contents, **options)


write_json = util.write_json


def facts(use_defaults: bool = False) -> dict[str, Any]:
    """Describe this machine without asking, so that a first ``asv run`` simply runs."""
    return {**machine.facts(), **asked_for(sys.argv[1:])}


def asked_for(arguments: Sequence[str]) -> dict[str, str]:
    """Find the name that a person gave this machine on asv's command line, if any."""
    described = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    described.add_argument("--machine", "-m")
    return vars(described.parse_known_args(arguments)[0])


def in_one_line(kind: type[BaseException], problem: BaseException, traceback: Any) -> None:
    """Say in a line what asv lets through as a traceback, where a person can do something."""
    if isinstance(problem, KeyboardInterrupt):
        if PART_OF_A_JOB not in os.environ:
            print(INTERRUPTED, file=sys.stderr)
    elif isinstance(problem, OSError | util.ProcessError):
        print(f"error: {' '.join(str(problem).split())}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, problem, traceback)


def setup() -> None:
    """Put the choices above into asv, which has no option for them."""
    # asv would hand it to every process it measures, which would compile metaflow at each start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Plugins are not told the options; a benchmark that takes a minute wants to know this one.
    if any(re.fullmatch("--qui?c?k?|-[a-z]*q[a-z]*", argument) for argument in sys.argv):
        os.environ["METAFLOW_BENCHMARKS_QUICK"] = "1"
    compare.Compare.run = staticmethod(compare_here)
    run_command.Run.run = staticmethod(run_alone)
    Benchmarks.discover = staticmethod(discover_anyway)
    util.write_json = write_whole
    sys.excepthook = in_one_line
    asv_machine.Machine.generate_machine_file = staticmethod(facts)
