"""Benchmarks are read from asv's description of them, or found anew."""

import shutil

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import RESULTS, ROOT
from mfbench.results.benchmarks import discover, read_benchmarks
from mfbench.results.reader import Case

NONE = "asv finds no benchmark in"


@pytest.fixture(scope="module")
def benchmarks():
    return read_benchmarks(RESULTS)


@pytest.mark.parametrize(
    "case, size",
    [
        ("artifacts.Save.time_save(float64-8MB)", 8_000_000),
        ("artifacts.Load.time_load(metrics-52KB)", 52_000),
        ("client.ReadArtifact.time_read(cold, float64-8MB)", 8_000_000),
        ("artifacts.Save.time_save(20-small)", None),
        ("compression.Pack.track_size(float64-8MB)", None),
    ],
)
def test_throughput_needs_a_size(benchmarks, case, size):
    case = Case.parse(case)
    assert benchmarks[case.benchmark].bytes_of(case) == size


@pytest.mark.parametrize(
    "case, witness, answer",
    [
        ("cli.Metaflow.time_banner", "instructions.Command.track_run(metaflow)", None),
        ("multicore.ParallelMap.time_map(8, default)", None, "answers.ParallelMap.track_wrong(8)"),
        ("rival.SaveWithLz4.time_save(a)", None, None),
    ],
)
def test_witness_and_answer_take_the_cases_parameters(benchmarks, case, witness, answer):
    case = Case.parse(case)
    benchmark = benchmarks[case.benchmark]
    assert benchmark.witness_of(case) == (Case.parse(witness) if witness else None)
    assert benchmark.answer_of(case) == (Case.parse(answer) if answer else None)


@pytest.mark.parametrize("content", [None, "{", '{"a.B.time_c": {"name": "a.B.time_c"}}'])
def test_a_bad_description_is_told_in_a_line_with_what_to_do(tmp_path, content):
    if content is not None:
        (tmp_path / "benchmarks.json").write_text(content)
    with pytest.raises(Failure, match=r"^benchmarks.json is .*; asv run --bench just-discover"):
        read_benchmarks(tmp_path)


@pytest.mark.parametrize(
    "mistake, place",
    [
        ("class New:\n    def time_new(self:\n        pass\n", ":2: SyntaxError: "),
        ("import no_such_module\n", ":1: ModuleNotFoundError: "),
        ("class New:\n    params = 3\n    def time_new(self): 0\n", ":3: TypeError: "),
        (
            "class New:\n    params = ()\n    def new(self): 0\n",
            f":1: {NONE} New; it needs a public",
        ),
        ("class _New:\n    rounds = 1\n    def time_new(self): 0\n", f":1: {NONE} _New; "),
        ("def timer(): 0\n\n\ndef tme_old(): 0\n", f":4: {NONE} tme_old; call it time_..., or"),
        ("class New:\n    def new(self): 0\n", f":1: {NONE} it, and nothing imports it; "),
    ],
)
def test_a_broken_or_overlooked_benchmark_is_told_with_file_and_line(tmp_path, mistake, place):
    folder = tmp_path / "benchmarks"
    shutil.copytree(ROOT / "benchmarks", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "new.py").write_text(mistake)
    with pytest.raises(Failure) as raised:
        discover(folder)
    assert str(raised.value).startswith(f"benchmarks/new.py{place}")
    assert "\n" not in str(raised.value)
