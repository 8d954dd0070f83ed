"""asv plugin: the repository under test, its environments, and this machine's name.

asv imports it because ``asv.conf.json`` lists ``.scripts.asv_upstream``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import uv
from asv import machine as asv_machine
from asv import util
from asv.commands import compare
from asv.console import log
from asv.plugins.git import Git
from asv.plugins.virtualenv import Virtualenv

from scripts.errors import Failure
from scripts.paths import ROOT


class Upstream(Git):
    """metaflow's releases and the optimisation series, built when they are missing."""

    dvcs = "metaflow-upstream"

    def __init__(self, url: str, mirror_path: str) -> None:
        """Build the repository at `url` unless it is there, then open it."""
        if not self.is_local_repo(url):
            from scripts.history import ensure

            log.info(f"Building {url}/ from metaflow's releases (once, about a minute)")
            log.flush()
            try:
                ensure(Path(url).resolve())
            except Failure as failure:
                raise util.UserError(str(failure)) from None
        super().__init__(url, mirror_path)

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


def machine_files(results_dir: str) -> Iterator[str]:
    """List the machine files that ``asv compare`` chooses from.

    It refuses to choose between machines; the one that it runs on is what a person means, where
    that has results.
    """
    found = list(asv_machine.iter_machine_files(results_dir))
    here = this_machine()
    return iter([path for path in found if Path(path).parent.name == here] or found)


def this_machine() -> str:
    """Return the name under which asv records results here."""
    name = asv_machine.Machine.get_unique_machine_name()
    try:
        return str(asv_machine.MachineCollection.load(name)["machine"])
    except util.UserError:
        return str(name)


def facts(use_defaults: bool = False) -> dict[str, Any]:
    """Describe this machine without asking, so that a first ``asv run`` simply runs."""
    return {**asv_machine.Machine.get_defaults(), **asked_for(sys.argv[1:])}


def asked_for(arguments: Sequence[str]) -> dict[str, str]:
    """Find the name that a person gave this machine on asv's command line, if any."""
    described = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    described.add_argument("--machine", "-m")
    return vars(described.parse_known_args(arguments)[0])


def setup() -> None:
    """Put the choices above into asv, which has no option for them."""
    # asv would hand it to every process it measures, which would compile metaflow at each start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Plugins are not told the options; a benchmark that takes a minute wants to know this one.
    if {"--quick", "-q"} & set(sys.argv):
        os.environ["METAFLOW_BENCHMARKS_QUICK"] = "1"
    compare.iter_machine_files = machine_files
    asv_machine.Machine.generate_machine_file = staticmethod(facts)
