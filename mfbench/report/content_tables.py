"""Tables of STATUS.md that compare by content: other kinds of it, and lz4 as a rival."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mfbench.report.words import markdown_table, noise_text, speed_up_text
from mfbench.results.benchmarks import Benchmark
from mfbench.results.reader import Case, Side
from mfbench.verdict.comparison import compare
from mfbench.verdict.rows import Comparison

SAVE_OTHER = "artifacts.SaveOther.time_save"
LOAD_OTHER = "artifacts.LoadOther.time_load"
SIZE_OTHER = "artifacts.StoredOther.track_bytes"
# The benchmark of metaflow's own store, and the same of lz4.
RIVALS = {
    "artifacts.Save.time_save": "rival.SaveWithLz4.time_save",
    "artifacts.Load.time_load": "rival.LoadWithLz4.time_load",
    "artifacts.Stored.track_bytes": "rival.StoredWithLz4.track_bytes",
}


def content_table(comparison: Comparison) -> str:
    """Return what became of each kind of content that only these benchmarks save."""
    rows = []
    for payload in payloads_of(comparison.base, SAVE_OTHER):
        save, load, size = (
            comparison.row(f"{name}({payload})") for name in (SAVE_OTHER, LOAD_OTHER, SIZE_OTHER)
        )
        times = [text(row) for row in (save, load) for text in (speed_up_text, noise_text)]
        rows.append([f"`{payload}`", *times, speed_up_text(size)])
    return markdown_table(("content", "saving", "noise", "loading", "noise", "size"), rows)


def rival_table(comparison: Comparison, benchmarks: Mapping[str, Benchmark]) -> str:
    """Return what lz4 makes of the base's own store, and what the head makes of it."""
    payloads = payloads_of(comparison.base, RIVALS["artifacts.Save.time_save"])
    pairs = {f"{own}({each})": f"{lz4}({each})" for own, lz4 in RIVALS.items() for each in payloads}
    beside = cases_beside(comparison.base, pairs, benchmarks)
    rows = []
    for payload in payloads:
        texts = [f"`{payload}`"]
        for own, lz4 in RIVALS.items():
            # Without the reason, which STATUS.md gives once.
            texts.append(speed_up_text(beside.row(f"{lz4}({payload})")).partition(":")[0])
            texts.append(speed_up_text(comparison.row(f"{own}({payload})")))
        rows.append(texts)
    what = ("saving", "loading", "size")
    header = ["content", *(f"{each}: {by}" for each in what for by in ("lz4", "optimised"))]
    return markdown_table(header, rows)


def cases_beside(
    side: Side, pairs: Mapping[str, str], benchmarks: Mapping[str, Benchmark]
) -> Comparison:
    """Compare cases of one commit with other cases of the same commit.

    `pairs` maps asv's name of the case before to that of the case after, which names the row.
    """
    before, after = {}, {}
    for old, new in pairs.items():
        case = Case.parse(new)
        if (own := side.cases.get(Case.parse(old))) and (other := side.cases.get(case)):
            # The versions of two benchmarks differ, which compare() would refuse.
            before[case], after[case] = own, replace(other, version=own.version)
    base, head = (replace(side, cases=cases) for cases in (before, after))
    return compare(base, head, None, benchmarks, every_run=True)


def payloads_of(side: Side, benchmark: str) -> list[str]:
    """Return the payloads with which a benchmark was measured, in its own order."""
    return [case.parameters[0] for case in side.cases if case.benchmark == benchmark]
