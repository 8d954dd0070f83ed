"""What the targets do not name: content of other kinds, which must not be slower or much larger."""

from __future__ import annotations

from pathlib import Path

from scripts.readme_table import Measured, Row, read_case, speed_up
from scripts.targets import NOT_MEASURED

KINDS = (
    ("None", "nothing"),
    ("one byte", "one-byte"),
    ("repeats, 20 KB apart, 1 MB", "near-repeats-1MB"),
    ("repeats, 500 KB apart, 2 MB", "far-repeats-2MB"),
    ("noise and text by turns, 3 MB", "alternating-3MB"),
    ("compressed already, 1 MB", "compressed-1MB"),
    ("a photo's pixels, 2 MB", "photo-2MB"),
    ("a sparse array, 4 MB", "sparse-4MB"),
    ("four values, 1 MB", "few-values-1MB"),
    ("40,000 strings, 1 MB", "many-strings-1MB"),
    ("7,000 arrays, 1 MB", "many-arrays-1MB"),
    ("250,000 floats in a list, 2 MB", "floats-2MB"),
    ("text, 56 KB", "text-56KB"),
    ("repeats, 2 KB apart, 56 KB", "near-repeats-56KB"),
    ("known keys, each with noise, 56 KB", "records-56KB"),
    ("base64 in a string, 600 KB", "base64-600KB"),
    ("repeats, 2 KB apart, 660 KB", "near-repeats-660KB"),
    ("a noisy image, 660 KB", "noisy-image-660KB"),
    ("noise, then known keys, 660 KB", "keys-at-last-660KB"),
)
# The release, its control and the last commit of the series, by name.
WITH_ISAL = ("main", "control", "")
# What stands for the release, for its control and for the series without isal: the commit after the
# last one brings isal.
WITHOUT_ISAL = ("lazy_plugins", "extension_loading", "read_descriptions_at_once")
SIZE = "artifacts.StoredOther.track_bytes"
BENCHMARKS = ("artifacts.SaveOther.time_save", "artifacts.LoadOther.time_load", SIZE)


def ratio(before: Measured | None, after: Measured | None) -> str:
    """Return how many times as fast, or as small, a case became."""
    return NOT_MEASURED if before is None or after is None else speed_up(before, after)


def table(results: Path, machine: str, before: str, control: str, after: str) -> str:
    """Compare saving, loading and size of each kind of content.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    machine : str
        The machine's name.
    before, control, after : str
        The release's commit, the control's, and the one of the series; or what stands for them.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        "| content | saving | control | loading | control | size |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for label, payload in KINDS:
        cells: list[str] = []
        for benchmark in BENCHMARKS:
            row = Row(label, benchmark, (payload,))
            old, same, new = (
                read_case(results, machine, commit, row) for commit in (before, control, after)
            )
            if benchmark != SIZE:
                cells += [ratio(old, other) for other in (new, same)]
            else:
                # The other way round, as the rule is: how much larger.
                cells.append(ratio(new, old))
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
