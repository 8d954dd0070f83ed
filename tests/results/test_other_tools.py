"""Other tools for asv read results/, and the site made of it, as they are."""

import json
import re
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest

from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.report.readme_table import ROWS
from mfbench.report.words import value_text
from mfbench.results.reader import Case, read_side
from tests.committed import MACHINE, file_of
from tests.published_sites import MACHINES

pytestmark = pytest.mark.slow

SPYGLASS = Path(sys.executable).with_name("asv-spyglass")
SAVE = Case("artifacts.Save.time_save", ("float64-8MB",))
# asv-tachyon's addresses have these as they are, and f- before all else that asv publishes.
PLAIN = ("machine", "python", "branch")


@pytest.fixture
def graphs(published):
    """Which graphs asv published: a set of them for each machine and branch."""
    return json.loads((published / "index.json").read_text())["graph_param_list"]


def value_at(machine, commit, case=SAVE):
    """Return what a machine measured of a case at a commit; None if it did not."""
    for path in (RESULTS / machine).glob(f"{commit[:8]}-*.json"):
        measured = read_side(path, commit).cases.get(case)
        if measured and measured.is_known:
            return measured.value
    return None


def latest(machine, branch):
    """Return what a machine measured of `SAVE` at the last commit of a branch that it measured."""
    commits = git(UPSTREAM, "rev-list", "--first-parent", branch).split()
    return next(filter(None, (value_at(machine, commit) for commit in commits)))


@pytest.fixture
def tachyon(published, tmp_path, browser):
    """A function that opens a view of asv-tachyon on the published site."""
    reason = "asv-tachyon is missing; make setup installs it"
    pytest.importorskip("asv_tachyon", reason=reason)
    site = shutil.copytree(published, tmp_path / "site")
    subprocess.run([sys.executable, "-m", "asv_tachyon", "install", site], check=True)
    errors = []

    def open_view(graph, **chosen):
        state = {name if name in PLAIN else f"f-{name}": value for name, value in graph.items()}
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_port}/#{urlencode(chosen | state)}")
        return page

    handler = partial(SimpleHTTPRequestHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield open_view
        server.shutdown()
    assert errors == []


def test_asv_tachyon_shows_what_each_machine_measured(tachyon, graphs):
    assert {graph["machine"] for graph in graphs} == set(MACHINES)
    for graph in graphs:
        page = tachyon(graph, view="grid")
        name = page.get_by_role("button", name=SAVE.benchmark, exact=True)
        row = page.locator(".card", has=name).locator("tr", has_text="'float64-8MB'")
        value = latest(graph["machine"], graph["branch"])
        assert row.inner_text() == f"payload='float64-8MB'\t{1000 * value:.3f}ms"
        page.close()


def test_asv_tachyon_calls_less_better(tachyon, graphs):
    (graph,) = (each for each in graphs if each["machine"] == MACHINE and "opt" in each["branch"])
    page = tachyon(graph, view="compare", pairMode="revision")
    page.locator("tbody tr").first.wait_for()
    rows = [row.split("\t") for row in page.locator("tbody tr").all_inner_texts()]
    kinds = {(mark, kind.split()[-1]) for mark, *_, kind in rows}
    assert {("-", "track"), ("-", "time")} <= kinds
    assert all((mark == "-") == (float(ratio) < 1) for mark, _, _, ratio, _ in rows)


def spyglass(*arguments):
    """Run asv-spyglass and return what it printed."""
    if not SPYGLASS.exists():
        pytest.skip("asv-spyglass is missing; make setup installs it on Python 3.12 and later")
    finished = subprocess.run([SPYGLASS, *arguments], capture_output=True, text=True)
    # 1 is an answer: something is slower.
    assert finished.returncode in (0, 1) and not finished.stderr, finished.stderr
    return finished.stdout


def test_asv_spyglass_compares_two_files_as_readme_does():
    files = [file_of(RESULTS, name) for name in ("main", "optimized")]
    said = spyglass("compare", "--no-env-label", *files, RESULTS / "benchmarks.json")
    rows = {cells[5].strip().replace("'", ""): cells[2:4] for cells in cells_of(said)}
    for name in ROWS.values():
        values = [
            read_side(path, "").cases[Case.parse(name, one_value=True)].value for path in files
        ]
        shown = [re.sub("±[^a-zµ]*", " ", cell).strip() for cell in rows[name]]
        assert shown == [value_text(value, "seconds") for value in values]


@pytest.mark.parametrize("machine", MACHINES)
def test_asv_spyglass_reads_every_file_of_a_machine(machine):
    files = sorted((RESULTS / machine).glob("*-*.json"))
    said = spyglass("compare-many", *files, "--bconf", RESULTS / "benchmarks.json")
    compared = cells_of(said)
    # The benchmark, and a column for each file.
    assert len(compared) > 10 and {len(cells) - 2 for cells in compared} == {len(files) + 1}


def cells_of(said):
    """Return the cells of the rows of a table in markdown."""
    return [line.split("|") for line in said.splitlines() if line.startswith("|")][2:]
