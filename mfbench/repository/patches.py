"""The optimisations as patches in mail format, for pull requests."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.repository.series import (
    SeriesCommit,
    find_commit,
    read_pulls,
    read_series,
    write_pulls,
    write_series,
)

# The version of git, and how short it makes hashes, differ from machine to machine.
LAYOUT = ("--no-signature", "--full-index")


def export(
    upstream: Path, onto: str, folder: Path, effects: Mapping[str, Sequence[str]]
) -> list[Path]:
    """Write a patch for each optimisation that changes a release; return them in order.

    `onto` is the revision to patch. For main, these are the commits of branch optimized as it is,
    and nothing is written into the repository. `effects` holds, by optimisation, lines about what
    it was measured to change; they go into the message. Patches of the same names are overwritten;
    a folder with others is refused.
    """
    changing = _changing(upstream, onto, read_series, write_series)
    texts = _format(upstream, f"{changing[0].below}..{changing[-1].hash}", "--numbered")
    return _write(folder, texts, effects)


def export_alone(
    upstream: Path,
    onto: str,
    folder: Path,
    effects: Mapping[str, Sequence[str]],
    names: Collection[str] = (),
) -> list[Path]:
    """Write NAME.patch for some optimisations, or for all: each on the release and what it needs.

    Otherwise as `export`. For main, the commits are those of pr/NAME.
    """
    changing = _changing(upstream, onto, read_pulls, write_pulls)
    if unknown := sorted(set(names) - {each.name for each in changing}):
        raise Failure(
            f"optimisation {unknown[0]} is unknown or changes nothing on {onto}; "
            "see mfbench optimize list"
        )
    chosen = [each for each in changing if not names or each.name in names]
    texts = {
        f"{each.name}.patch": text
        for each in chosen
        for text in _format(upstream, f"{each.below}..{each.hash}", "--no-numbered").values()
    }
    return _write(folder, texts, effects)


def _changing(
    upstream: Path,
    onto: str,
    read: Callable[[Path], list[SeriesCommit]],
    write: Callable[[Path, str], list[SeriesCommit]],
) -> list[SeriesCommit]:
    """Return the commits on a revision that change something."""
    base = find_commit(upstream, onto)
    commits = read(upstream) if base == find_commit(upstream, "main") else write(upstream, base)
    if changing := [commit for commit in commits if commit.files]:
        return changing
    raise Failure(f"no optimisation changes {onto}; see mfbench optimize check {onto}")


def _format(upstream: Path, commits: str, *options: str) -> dict[str, str]:
    """Return commits as git formats them for mail, by file name."""
    with tempfile.TemporaryDirectory() as fresh:
        options = ("--quiet", *LAYOUT, f"--output-directory={fresh}", *options)
        git(upstream, "format-patch", *options, commits)
        return {
            path.name: path.read_text(encoding="utf-8") for path in sorted(Path(fresh).iterdir())
        }


def _write(
    folder: Path, texts: Mapping[str, str], effects: Mapping[str, Sequence[str]]
) -> list[Path]:
    if folder.exists() and not folder.is_dir():
        raise Failure(f"{folder} is a file; name a folder for the patches")
    if others := {path.name for path in folder.glob("*.patch")} - set(texts):
        raise Failure(f"{folder} holds other patches ({min(others)}); name an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(with_effect(text, effects), encoding="utf-8")
    return [folder / name for name in texts]


def with_effect(patch: str, effects: Mapping[str, Sequence[str]]) -> str:
    """Return a patch whose message ends with what its optimisation was measured to change."""
    heading = "Measured on metaflow's newest release, before and after this change alone:"

    def with_lines(trailer: re.Match[str]) -> str:
        lines = "".join(f"- {line}\n" for line in effects.get(trailer[1], ()))
        return f"{heading}\n\n{lines}\n{trailer[0]}" if lines else trailer[0]

    return re.sub(r"^Optimization: (\w+)$", with_lines, patch, count=1, flags=re.MULTILINE)
