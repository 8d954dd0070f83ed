"""asv plugin: virtual environments with pinned requirements."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import uv
from asv import util
from asv.plugins.virtualenv import Virtualenv

from mfbench.asv_plugin import THIS_PYTHON
from mfbench.asv_plugin.copy_install import COMMIT, PACKAGE
from mfbench.foundation.paths import ROOT

CONSTRAINTS = ROOT / "constraints.txt"


def find_python(version: str) -> str | None:
    """Return the interpreter of a version: the one that asv runs on, or the one that uv finds.

    asv would take the first of that name on PATH, whether it starts or not.
    """
    if version == THIS_PYTHON:
        return sys.executable
    # The shims on PATH start a Python of pyenv only if it is chosen.
    of_pyenv = Path(os.environ.get("PYENV_ROOT", "")).glob(f"versions/{version}.*")
    chosen = {"PYENV_VERSION": ":".join(path.name for path in of_pyenv)}
    command = [uv.find_uv_bin(), "python", "find", "--no-project", "--no-python-downloads", version]
    finished = subprocess.run(command, env=os.environ | chosen, capture_output=True, text=True)
    return finished.stdout.strip() or None


Virtualenv._find_python = staticmethod(find_python)


def run_uv(*arguments: str, stdin: str = "") -> str:
    """Run uv in the project's folder; return why it failed, or an empty text."""
    command = [uv.find_uv_bin(), *arguments]
    finished = subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True)
    if finished.returncode == 0:
        return ""
    said = finished.stderr.strip() or f"uv ended with exit code {finished.returncode}"
    return re.split("\n|, we can conclude", said.partition("cause: ")[2] or said)[0]


class PinnedVirtualenv(Virtualenv):
    """A virtualenv whose requirements one call of uv resolves together.

    asv's own calls pip for each requirement: five times slower, and the last call wins.
    """

    tool_name = "pinned"
    constraints = CONSTRAINTS

    @property
    def name(self) -> str:
        """Python's version and a digest of the pins: short enough for a file's name."""
        pins = hashlib.sha256(repr(sorted(self._requirements.items())).encode()).hexdigest()
        return f"{self.tool_name}-py{self._python}-{pins[:8]}"

    def _get_installed_commit_hash(self) -> str | None:
        """Return the commit that is installed; asv's own note may be of another installation."""
        noted = super()._get_installed_commit_hash()
        markers = Path(self._path).glob(f"lib/python*/site-packages/{PACKAGE}/{COMMIT}")
        return noted if any(noted == path.read_text() for path in markers) else None

    def _install_requirements(self) -> None:
        wanted = {**self._base_requirements, **self._requirements}
        declarations = [
            name.removeprefix("pip+") + (f"=={version}" if version else "")
            for name, version in wanted.items()
        ]
        # A package built here could differ from one built on another machine.
        options = ["--quiet", "--no-build", "--compile-bytecode"]
        # The project's lock also pins what the requirements themselves need.
        options += ["--constraint", str(self.constraints)]
        options += ["--python", self.find_executable("python"), *declarations]
        if reason := run_uv("pip", "install", *options):
            raise util.UserError(
                f"the pinned requirements can't be installed ({reason}); "
                "check the network and run the same command again"
            )
