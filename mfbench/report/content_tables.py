"""Tables of STATUS.md: other kinds of content; proposals of others beside the optimisations."""

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
# For each measure: the benchmark of metaflow's own code, and that of a rival.
LZ4 = {
    "saving": ("artifacts.Save.time_save", "rival.SaveWithLz4.time_save"),
    "loading": ("artifacts.Load.time_load", "rival.LoadWithLz4.time_load"),
    "size": ("artifacts.Stored.track_bytes", "rival.StoredWithLz4.track_bytes"),
}
ONE_CLIENT = {"time": ("s3runs.Batch.time_many", "rival.BatchInOneClient.time_many")}


def content_table(comparison: Comparison) -> str:
    """Return what became of each kind of content that only these benchmarks save."""
    rows = []
    for payload in parameters_of(comparison.base, SAVE_OTHER):
        save, load, size = (
            comparison.row(f"{name}({payload})") for name in (SAVE_OTHER, LOAD_OTHER, SIZE_OTHER)
        )
        times = [text(row) for row in (save, load) for text in (speed_up_text, noise_text)]
        rows.append([f"`{payload}`", *times, speed_up_text(size)])
    return markdown_table(("content", "saving", "noise", "loading", "noise", "size"), rows)


def rival_table(
    comparison: Comparison,
    benchmarks: Mapping[str, Benchmark],
    measures: Mapping[str, tuple[str, str]],
    parameter_heading: str,
    rival_name: str,
) -> str:
    """Return what a rival makes of the base's own code, and what the head makes of it."""
    (_, first), *_ = measures.values()
    values = parameters_of(comparison.base, first)
    pairs = {f"{own}({x})": f"{other}({x})" for own, other in measures.values() for x in values}
    # A rival that does not run metaflow gets a verdict here, too.
    compared = {name: replace(each, runs_metaflow=True) for name, each in benchmarks.items()}
    beside = cases_beside(comparison.base, pairs, compared)
    rows = []
    for value in values:
        texts = [f"`{value}`"]
        for own, other in measures.values():
            # Without the reason, which STATUS.md gives once.
            texts.append(speed_up_text(beside.row(f"{other}({value})")).partition(":")[0])
            texts.append(speed_up_text(comparison.row(f"{own}({value})")))
        rows.append(texts)
    columns = (f"{what}: {by}" for what in measures for by in (rival_name, "optimised"))
    return markdown_table((parameter_heading, *columns), rows)


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


def parameters_of(side: Side, benchmark: str) -> list[str]:
    """Return the first parameters with which a benchmark was measured, in its own order."""
    return [case.parameters[0] for case in side.cases if case.benchmark == benchmark]
