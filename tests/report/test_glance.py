"""What a comparison says at a glance, in words. That the page says the same, its tests tell."""

import re

import pytest

from mfbench.report.glance import costs_text, human_name, trust_text, verdict_sentence, where_text
from mfbench.results.reader import Case, Side
from mfbench.verdict.rows import Comparison, Row
from mfbench.verdict.verdict import Verdict

NOBODY = Side("nobody", "0" * 40, "env", {}, {})


@pytest.mark.parametrize(
    "case, words",
    [
        (Case("artifacts.Save.time_save", ("float64-8MB",)), "save float64 8 MB"),
        (Case("extensions.FirstDiscovery.time_discover", ("200", "0")), "first discovery 200, 0"),
        (Case("imports.Import.timeraw_metaflow"), "import metaflow"),
    ],
)
def test_a_case_has_a_name_in_words(case, words):
    assert human_name(case) == words


def size(name, before, after, verdict=Verdict.SLOWER, **more):
    return Row(Case.parse(name), "bytes", verdict, before=before, after=after, **more)


def comparison(*rows, **more):
    return Comparison(NOBODY, NOBODY, None, rows, **more)


def test_costs_are_summed_up_by_benchmark_the_worst_first():
    stored = "artifacts.Stored.track_bytes"
    rows = [
        size(f"{stored}(a-1KB)", 1000, 1020),
        size(f"{stored}(b-1KB)", 1000, 1080),
        size(f"{stored}(c-1KB)", 1000, 500, Verdict.FASTER),
        size("packages.Build.track_bytes(venv)", 10, 25),
        size("s3runs.Join.track_keys(50)", 0, 3),
    ]
    assert costs_text(comparison(*rows)) == (
        "s3runs: join keys 50 from 0; packages: build bytes venv 2.5×; "
        "artifacts: stored bytes +2.0% to +8.0% in 2 cases"
    )
    fails = Row(Case("client.Read.time_read"), "seconds", Verdict.NOT_MEASURED, failed=True)
    assert costs_text(comparison(fails)) == "client: read fails"
    assert costs_text(comparison()) == "none seen"


def test_the_sentence_counts_and_trust_needs_a_control():
    rows = [size("a.B.track_c", 2, 1, Verdict.FASTER), size("a.B.track_d", 1, 2)]
    assert re.findall(r"\d+", verdict_sentence(comparison(*rows))) == ["1", "1", "0"]
    assert where_text(comparison(*rows)) == "no topic changed by more than 5%"
    assert verdict_sentence(comparison()) == "No case of these two commits can be compared"
    assert trust_text(comparison(*rows)) == "no control was measured"
    called = comparison(*rows, control_called=(2, 40))
    assert "called faster or slower in 2 of 40 timed cases" in trust_text(called)
