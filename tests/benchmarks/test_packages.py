"""Packages of large folders hold what they are named after."""

import pytest

from benchmarks import packages


@pytest.mark.parametrize(
    ("name", "suffix", "number", "megabytes"),
    [("10000-files", ".py", 10_000, 10), ("venv", ".py", 3000, 30), ("csv-200MB", ".csv", 20, 200)],
)
def test_a_folder_is_as_large_as_its_name_says(tmp_path, name, suffix, number, megabytes):
    packages.FOLDERS[name](tmp_path)
    sizes = [path.stat().st_size for path in tmp_path.rglob(f"*{suffix}")]
    assert (len(sizes), sum(sizes)) == (number, pytest.approx(megabytes * 1e6, rel=0.01))
