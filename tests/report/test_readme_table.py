"""README's table is the one that the committed results give."""

import math
import shutil

import pytest

from mfbench.foundation.errors import Failure, NothingMeasured
from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.report import readme_table
from mfbench.repository.series import find_commit
from mfbench.results.machines import machines_with
from tests.committed import MACHINE, edit, file_of


def test_the_table_still_matches_the_results():
    if not machines_with(RESULTS, [find_commit(UPSTREAM, name) for name in readme_table.SIDES]):
        pytest.skip("the series was changed and not measured since")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    made = readme_table.readme_table(RESULTS, UPSTREAM)
    assert readme_table.replace_table(readme, made) == readme
    assert made.count("× faster** (") == len(readme_table.ROWS)


def test_the_table_is_of_the_machine_that_measured_both_sides_and_most_else(copied):
    assert readme_table.machine_of_tables(copied, UPSTREAM) == MACHINE
    other = shutil.copytree(copied / MACHINE, copied / "other")
    shutil.copy(file_of(copied, "main"), other / "00000000-of-another-commit.json")
    assert readme_table.machine_of_tables(copied, UPSTREAM) == "other"
    next(other.glob(file_of(copied, "optimized").name)).unlink()
    assert readme_table.machine_of_tables(copied, UPSTREAM) == MACHINE
    shutil.rmtree(copied / MACHINE)
    with pytest.raises(NothingMeasured, match="no machine measured main and optimized; "):
        readme_table.readme_table(copied, UPSTREAM)


def test_a_row_without_a_result_is_named_with_what_to_run(copied):
    def forget(content):
        values = content["results"]["flows.Run.time_hello"]
        values[0] = [math.nan] * len(values[0])

    edit(copied, "optimized", forget)
    with pytest.raises(NothingMeasured, match=r"flows\.Run\.time_hello: .*optimized; .*--series"):
        readme_table.readme_table(copied, UPSTREAM, MACHINE)


def test_a_readme_without_marks_is_left_alone():
    with pytest.raises(Failure, match="mark the table"):
        readme_table.replace_table("no table here", "table")
