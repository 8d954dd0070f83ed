"""The optimisation series as commits, and the branch that holds them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts import kept_changes
from scripts.errors import Failure
from scripts.files import write_text
from scripts.git_command import before_interrupts, commit_of, git, is_clean, is_repository
from scripts.kept_changes import Change
from scripts.paths import ROOT
from scripts.upstream_git import (
    EMAIL,
    NewCommit,
    blob_reader,
    files_of,
    git_folder,
    write_commits,
)

STAMP = "metaflow-benchmarks-series.json"


@dataclass(frozen=True)
class SeriesCommit:
    """One optimisation on one release; where it does not apply, `hash` is empty."""

    number: int
    name: str
    title: str
    hash: str
    files: tuple[str, ...]
    refusal: str = ""


def build_series(
    upstream: Path, onto: str = "main", branch: str = "optimized"
) -> list[SeriesCommit]:
    """Put the series on `branch` of `upstream`; check a new one out where that is nobody's loss.

    Parameters
    ----------
    upstream : pathlib.Path
        The repository under test.
    onto : str
        The revision below the first commit.
    branch : str
        Which branch to make or to move. Commits of a person on it are kept on another one.

    Returns
    -------
    list of SeriesCommit
        One for each optimisation, in order.
    """
    base = base_commit(upstream, onto)
    series = write_series(upstream, base)
    tip = next((commit.hash for commit in reversed(series) if commit.hash), base)
    place(upstream, branch, tip, base, check_out=branch == "optimized")
    return series


def is_stale(upstream: Path) -> bool:
    """Tell whether the series was built from other optimisations than there are now."""
    return not read_stamp(git_folder(upstream) / STAMP, sources_fingerprint())


def base_commit(upstream: Path, onto: str) -> str:
    """Return the hash of a revision, or say what is missing."""
    if not is_repository(upstream):
        raise Failure(f"{upstream.name}/ is missing; build it with: python -m scripts.history")
    found = commit_of(upstream, onto)
    if found is None:
        raise Failure(f"unknown revision {onto}{nearest(upstream, onto)}")
    return found


def nearest(upstream: Path, name: str) -> str:
    """Suggest the tags that look most like `name`."""
    import difflib

    tags = git(upstream, "tag", "--list").split()
    close = difflib.get_close_matches(name, tags, cutoff=0.4)
    return f"; the nearest releases are {', '.join(close)}" if close else "; git tag lists them"


def write_series(upstream: Path, base: str) -> list[SeriesCommit]:
    """Write the series' commits on top of `base`; no branch changes.

    What was written is noted in the repository's git folder, so that the next call is quick.
    """
    stamp = git_folder(upstream) / STAMP
    fingerprint = sources_fingerprint()
    noted = read_stamp(stamp, fingerprint)
    if base in noted:
        series = [
            SeriesCommit(**{**entry, "files": tuple(entry["files"])}) for entry in noted[base]
        ]
        last = next((commit.hash for commit in reversed(series) if commit.hash), base)
        if commit_of(upstream, last) is not None:
            return series
    series = new_commits(upstream, base)
    # Read once more: another process may have noted other bases meanwhile.
    noted = read_stamp(stamp, fingerprint)
    noted[base] = [asdict(commit) for commit in series]
    write_text(stamp, json.dumps({"fingerprint": fingerprint, "series": noted}, indent=1))
    return series


def new_commits(upstream: Path, base: str) -> list[SeriesCommit]:
    """Write one commit for each optimisation that applies to `base`."""
    start = int(git(upstream, "show", "-s", "--format=%ct", base))
    with blob_reader(upstream) as read:
        changes = list(changes_of(upstream, base, read))
    written = [
        NewCommit(message_of(change), change.files, start + 60 * change.number)
        for change in changes
        if not change.refusal
    ]
    hashes = iter(write_commits(upstream, base, written))
    return [
        SeriesCommit(
            change.number,
            change.name,
            change.title,
            "" if change.refusal else next(hashes),
            tuple(change.files),
            change.refusal,
        )
        for change in changes
    ]


def message_of(change: Change) -> str:
    """Return the message of an optimisation's commit."""
    return "\n\n".join([change.title, change.body, f"Optimization: {change.name}\n"])


def changes_of(upstream: Path, base: str, read: Callable[[str], str]) -> Iterator[Change]:
    """Apply the series to the files of `base`, each optimisation on what the ones before left."""
    tree, fingerprint = git(upstream, "rev-parse", f"{base}^{{tree}}"), sources_fingerprint()
    kept = kept_changes.load(fingerprint, tree)
    if kept is not None:
        yield from kept
        return
    found = []
    for change in applied(upstream, base, read):
        found.append(change)
        yield change
    kept_changes.save(fingerprint, tree, found)


def applied(upstream: Path, base: str, read: Callable[[str], str]) -> Iterator[Change]:
    """Apply the series to the files of `base`, whatever is known of them."""
    # Not above: loading the vocabulary takes longer than finding that nothing is to do.
    from optimizations import SERIES
    from optimizations.errors import DoesNotApply
    from optimizations.source_tree import SourceTree

    if sys.stderr.isatty():
        print("applying the optimisation series ...", file=sys.stderr)
    texts: dict[str, str] = {}
    blobs = {path: entry.blob for path, entry in files_of(upstream, base).items()}

    def text_of(path: str) -> str:
        return texts[path] if path in texts else read(blobs[path])

    for number, optimization in enumerate(SERIES, 1):
        about = (number, optimization.name, optimization.title, optimization.body)
        tree = SourceTree([*blobs, *(path for path in texts if path not in blobs)], text_of)
        try:
            optimization.apply(tree)
        except DoesNotApply as reason:
            yield Change(*about, {}, str(reason))
            continue
        files = tree.changes()
        texts |= files
        yield Change(*about, files)


def sources_fingerprint() -> str:
    """Return a digest of all that decides what the series' commits hold."""
    sources = [*sorted((ROOT / "optimizations").glob("*.py")), ROOT / "constraints.txt"]
    digest = hashlib.sha256()
    own = [ROOT / "scripts" / f"{name}.py" for name in ("kept_changes", "series", "upstream_git")]
    for path in [*sources, *own]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def read_stamp(stamp: Path, fingerprint: str) -> dict[str, list[dict[str, Any]]]:
    """Return what was noted for each base with the same sources; nothing if the note is damaged."""
    try:
        noted = json.loads(stamp.read_text(encoding="utf-8"))
        return dict(noted["series"]) if noted["fingerprint"] == fingerprint else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def place(upstream: Path, branch: str, tip: str, base: str, check_out: bool) -> None:
    """Make `branch` point to `tip`, keep a person's work, check it out if asked and harmless."""
    current = commit_of(upstream, f"refs/heads/{branch}")
    head = git(upstream, "rev-parse", "--symbolic-full-name", "HEAD").removeprefix("refs/heads/")
    if current == tip:
        return
    # What a person has checked out since stays: HEAD is an argument of many commands.
    is_new = current is None
    goes_there = head == branch or (check_out and is_new and may_leave(upstream, head))
    if check_out and not goes_there:
        print(f"{upstream.name}/ stays on {head}; the series is on {branch}", file=sys.stderr)
    if goes_there and not is_clean(upstream):
        raise Failure(
            f"{upstream.name}/ has uncommitted changes; commit them to a branch of your own or "
            "stash them (git stash), and run again"
        )
    if current is not None:
        keep_foreign_commits(upstream, branch, current, base)
    if goes_there:
        with before_interrupts():
            git(upstream, "checkout", "--quiet", "-B", branch, tip)
    else:
        git(upstream, "update-ref", f"refs/heads/{branch}", tip, current or "")


def may_leave(upstream: Path, head: str) -> bool:
    """Tell whether leaving what is checked out loses nothing and surprises nobody."""
    if head != "HEAD":
        return head == "main"
    return bool(git(upstream, "for-each-ref", "--contains", "HEAD", "--count=1"))


def keep_foreign_commits(upstream: Path, branch: str, current: str, base: str) -> None:
    """Put another branch where `branch` points if it holds commits that are not of the series."""
    excluded = ["--not", base, "--branches=main", "--tags", "--remotes"]
    committers = git(upstream, "log", "--format=%ce", current, *excluded).split()
    kept = git(upstream, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}-kept-*")
    if set(committers) <= {EMAIL} or current in kept.split():
        return
    number = 1
    while commit_of(upstream, f"refs/heads/{branch}-kept-{number}") is not None:
        number += 1
    git(upstream, "branch", "--no-track", f"{branch}-kept-{number}", current)
    kept_on = f"{branch}-kept-{number}"
    print(f"{branch} held commits of your own; they are kept on {kept_on}", file=sys.stderr)
