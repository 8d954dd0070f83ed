"""The optimisation series as patches in mail format, for a pull request."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.repository.series import find_commit, read_series, write_series

# The version of git, and how short it makes hashes, differ from machine to machine.
LAYOUT = ("--no-signature", "--full-index", "--numbered")


def export(
    upstream: Path, onto: str, folder: Path, effects: Mapping[str, Sequence[str]]
) -> list[Path]:
    """Write a patch for each optimisation that changes a release; return them in order.

    `onto` is the revision to patch. For main, these are the commits of branch optimized as it is,
    and nothing is written into the repository. The control is empty and left out. `effects` holds,
    by optimisation, lines about what it was measured to change; they go into the message. Patches
    of the same names are overwritten; a folder with others is refused.
    """
    base = find_commit(upstream, onto)
    if folder.exists() and not folder.is_dir():
        raise Failure(f"{folder} is a file; name a folder for the patches")
    is_main = base == find_commit(upstream, "main")
    series = read_series(upstream) if is_main else write_series(upstream, base)
    changing = [commit.hash for commit in series if commit.files]
    if not changing:
        raise Failure(f"no optimisation changes {onto}; see mfbench optimize check {onto}")
    commits = f"{changing[0]}^..{changing[-1]}"
    with tempfile.TemporaryDirectory() as fresh:
        git(upstream, "format-patch", "--quiet", *LAYOUT, f"--output-directory={fresh}", commits)
        patches = sorted(Path(fresh).iterdir())
        others = {path.name for path in folder.glob("*.patch")} - {path.name for path in patches}
        if others:
            raise Failure(f"{folder} holds other patches ({min(others)}); name an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        for patch in patches:
            text = with_effect(patch.read_text(encoding="utf-8"), effects)
            (folder / patch.name).write_text(text, encoding="utf-8")
    return [folder / patch.name for patch in patches]


def with_effect(patch: str, effects: Mapping[str, Sequence[str]]) -> str:
    """Return a patch whose message ends with what its optimisation was measured to change."""
    heading = "Measured on metaflow's newest release, against the commit below this one:"

    def with_lines(trailer: re.Match[str]) -> str:
        lines = "".join(f"- {line}\n" for line in effects.get(trailer[1], ()))
        return f"{heading}\n\n{lines}\n{trailer[0]}" if lines else trailer[0]

    return re.sub(r"^Optimization: (\w+)$", with_lines, patch, count=1, flags=re.MULTILINE)
