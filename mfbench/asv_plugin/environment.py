"""asv plugin: virtual environments with pinned requirements."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import uv
from asv import util
from asv.plugins.virtualenv import Virtualenv

from mfbench.asv_plugin.copy_install import COMMIT, PACKAGE
from mfbench.foundation.paths import ROOT


class PinnedVirtualenv(Virtualenv):
    """A virtualenv whose requirements one call of uv resolves together.

    asv's own calls pip for each requirement: five times slower, and the last call wins.
    """

    tool_name = "pinned"

    def __init__(self, conf: Any, python: str, requirements: Any, tagged_env_vars: Any) -> None:
        """Use the Python that asv runs on; asv would use the first of that version on PATH."""
        super().__init__(conf, python, requirements, tagged_env_vars)
        if python == f"{sys.version_info[0]}.{sys.version_info[1]}":
            self._executable = sys.executable

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
        command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--compile-bytecode"]
        # The project's lock also pins what the requirements themselves need.
        command += ["--constraint", str(ROOT / "constraints.txt")]
        command += ["--python", self.find_executable("python"), *declarations]
        finished = subprocess.run(command, capture_output=True, text=True)
        if finished.returncode != 0:
            reason = finished.stderr.strip().partition("\n")[0]
            raise util.UserError(
                f"the pinned requirements can't be installed ({reason}); "
                "check the network and run the same command again"
            )
