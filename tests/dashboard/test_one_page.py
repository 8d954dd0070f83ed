"""A comparison of any pair as one file, which shows what `mfbench compare --every-run` says."""

import subprocess
import sys

import pytest

from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.report.glance import verdict_sentence
from mfbench.verdict.revisions import compare_revisions
from tests.browsing import ROWS


def write_page(*arguments):
    command = [sys.executable, "-m", "dashboard.one_page", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_a_pair_is_one_file_with_all_its_runs(tmp_path, look):
    path = tmp_path / "pages" / "my-branch.html"
    finished = write_page("2.18.13", "2.19.39", path, "--machine", "reference")
    assert finished.returncode == 0, finished.stderr
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    page = look(path)
    compared = compare_revisions(
        RESULTS, UPSTREAM, ("2.18.13", "2.19.39"), "reference", every_run=True
    )
    assert page.inner_text("#names") == "2.18.13 → 2.19.39"
    assert page.is_checked("#every-run")
    assert page.inner_text("#sentence") == verdict_sentence(compared)
    page.uncheck("#every-run")
    page.wait_for_function("location.hash.includes('runs=one')")
    page.check("#every-run")
    page.wait_for_function("!location.hash.includes('runs=')")
    assert page.locator(ROWS).count() > 0


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["main"], "Missing argument"),
        (["main", "nothing", "page.html"], "unknown revision nothing"),
        (["2.10.4", "optimized", "page.html", "--machine", "nowhere"], "has no results"),
    ],
)
def test_what_cannot_be_shown_is_told_in_a_line(arguments, said):
    finished = write_page(*arguments)
    assert finished.returncode == 3 and not (ROOT / "page.html").exists()
    assert said in finished.stderr and finished.stderr.count("\n") == 1
