"""Benchmarks are skipped where a package that they need beside metaflow is missing."""

import pytest
from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.support import beside


def test_a_missing_package_is_a_reason_to_skip(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "FOLDER", tmp_path)
    (tmp_path / "pandas").mkdir()
    assert beside.path_with("pandas") == str(tmp_path)
    with pytest.raises(SkipNotImplemented, match=r"pylint is not in .venv/beside; make setup"):
        beside.path_with("pylint")
