"""docs/pythons.md has a column for each Python, and a sentence where there is none."""

import re
import shutil

import pytest

from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.report import readme_table
from mfbench.report.readme_table import pythons_page
from mfbench.repository.series import find_commit
from mfbench.results.machines import machines_with
from tests.committed import MACHINE, measured_with


def test_the_page_still_matches_the_results():
    if not machines_with(RESULTS, [find_commit(UPSTREAM, name) for name in readme_table.SIDES]):
        pytest.skip("the series was changed and not measured since")
    page = (ROOT / "docs" / "pythons.md").read_text(encoding="utf-8")
    assert pythons_page(RESULTS, UPSTREAM) == page
    assert page.count("× faster** (") >= len(readme_table.ROWS)


def test_each_python_has_a_column_and_each_skipped_one_its_reason(copied):
    measured_with(copied, "3.12")
    measured_with(copied, "3.10")
    measured_with(copied, "3.13", "main")
    path = copied.parent / "records" / "pythons" / f"{MACHINE}.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"3.14": "no interpreter of this version was found"}')
    page = pythons_page(copied, UPSTREAM)
    assert "| what | Python 3.10 | Python 3.11 | Python 3.12 |\n" in page
    cell = r"\d+ ms → [\d.]+ ms<br>\*\*[\d.]+× faster\*\* \([\d.]+–[\d.]+\)"
    row = re.search(rf"^\| `import metaflow` \| ({cell}) \| ({cell}) \| ({cell}) \|$", page, re.M)
    assert row and row[1] == row[2] == row[3]
    (skipped,) = re.findall("^Python (.*) was skipped: (.*)$", page, re.M)
    assert skipped == ("3.14", "no interpreter of this version was found.")


def test_a_case_that_one_python_lacks_is_said_to_be_not_measured(copied):
    measured_with(copied, "3.12")
    for path in (copied / MACHINE).glob("*-py3.12-*.json"):
        path.write_text(path.read_text().replace('"s3runs.Run.time_run"', '"s3runs.Run.time_old"'))
    (row,) = re.findall("^.*the same with S3.*$", pythons_page(copied, UPSTREAM), re.M)
    *_, of_usual, of_other, _ = row.split(" |")
    assert "× faster" in of_usual and of_other == " –<br>not measured"


def test_the_machine_with_the_most_pythons_is_shown(copied):
    shutil.copytree(copied / MACHINE, copied / "another")
    (copied / "another" / "00000000-of-more.json").touch()
    assert "Machine: `another`" in pythons_page(copied, UPSTREAM)
    measured_with(copied, "3.12")
    assert f"Machine: `{MACHINE}`" in pythons_page(copied, UPSTREAM)
    assert "Machine: `another`" in pythons_page(copied, UPSTREAM, "another")


def test_without_results_the_page_is_a_sentence(copied):
    for path in copied.glob("*/*-*.json"):
        path.unlink()
    for machine in (None, MACHINE, "unknown"):
        title, empty, sentence = pythons_page(copied, UPSTREAM, machine).splitlines()
        assert (title, empty) == ("# metaflow by Python version", "")
        assert sentence.startswith("`main` and `optimized` were not measured")
        assert sentence.endswith(" yet; `mfbench run --pythons 3.10,3.11,3.12,3.13` does.")
