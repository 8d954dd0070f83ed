"""Large cases, tried with a small payload; and that no usual run measures them."""

import pytest
from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks import large
from benchmarks.support.environment import is_left_out
from benchmarks.support.memory import require_memory

SMALL = "float64-8MB"


@pytest.mark.parametrize("kind", [large.Save, large.Load, large.SaveTwo])
def test_each_case_works_with_a_small_payload(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(large, "require_memory", lambda _: None)
    for name in [each for each in dir(kind) if each.startswith(("time_", "track_"))]:
        case = kind()
        case.setup(SMALL)
        value = getattr(case, name)(SMALL)
        assert value is None or value >= 0, name
        if kind is large.Load:
            case.teardown(SMALL)
        else:
            assert len(list(case.folder.rglob("0.DONE.lock"))) == 1 + (kind is large.SaveTwo)


def test_only_a_large_run_on_a_large_machine_measures_them(monkeypatch):
    monkeypatch.delenv("METAFLOW_BENCHMARKS_LARGE", raising=False)
    assert [is_left_out(profile) for profile in ("large", "thorough", "")] == [True, False, False]
    monkeypatch.setenv("METAFLOW_BENCHMARKS_LARGE", "1")
    assert not is_left_out("large")
    monkeypatch.setenv("METAFLOW_BENCHMARKS_QUICK", "1")
    assert is_left_out("thorough")
    require_memory(0.1)
    with pytest.raises(SkipNotImplemented, match="less than 1000000 GB of memory"):
        require_memory(1_000_000)
