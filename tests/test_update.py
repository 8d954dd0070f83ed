"""New releases come in by one command, once."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from mfbench import update
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RELEASES, ROOT
from mfbench.repository.releases import load
from tests.project_clones import IDEA, SERIES, variables
from tests.repository.person import commit

ANOTHER = IDEA.replace("time.sleep(0.1)", "pids.pop(idx)").replace(
    "time.sleep(0.001)", "del pids[idx]"
)


BENCH = "Footprint.track_modules"


@pytest.fixture
def project(clone):
    """The copy of the project, under git; upstream/ is missing."""
    shutil.rmtree(clone / "upstream", ignore_errors=True)
    # The site shows it.
    modules = ROOT / "dashboard" / "node_modules"
    if modules.exists() and not (clone / "dashboard" / "node_modules").exists():
        shutil.copytree(modules, clone / "dashboard" / "node_modules")
    git(clone, "init", "--quiet")
    return clone


def start(project, *arguments, code=0):
    """Run a command; return what it said and all results."""
    command = [sys.executable, "-m", "mfbench", *arguments]
    finished = subprocess.run(
        command, cwd=project, env=variables(project), capture_output=True, text=True
    )
    assert finished.returncode == code, finished.stdout + finished.stderr
    results = {path: path.read_bytes() for path in project.glob("results/*/*-*.json")}
    return finished.stdout, results


@pytest.mark.slow
def test_a_second_update_measures_nothing(project):
    path = project / RELEASES.relative_to(ROOT)
    listed = path.read_text()
    path.write_text(json.dumps({"releases": json.loads(listed)["releases"][:1]}))
    first, results = start(project, "update", "--bench", BENCH)
    path.write_text(listed)
    assert "new releases: 2." in first
    assert first.endswith("\n3 commits measured; the site is published\n")
    assert (project / "html" / "index.html").exists()
    second, unchanged = start(project, "update", "--bench", BENCH)
    assert "new releases: none" in second
    assert second.endswith("\n0 commits measured; the site is published\n")
    assert unchanged == results


@pytest.mark.slow
def test_a_clone_of_metaflow_is_measured_updated_and_published(project, upstream):
    """Of two optimisations, one no longer applies; the rest is done, and the exit code says so."""
    (project / "optimizations" / "__init__.py").write_text(
        SERIES.replace(",)", ", load('another'))")
    )
    (project / "optimizations" / "another.py").write_text(ANOTHER)
    changed = upstream / "metaflow" / "multicore_utils.py"
    git(upstream, "branch", "--move", "main", "master")
    edited = changed.read_text().replace("time.sleep(0.1)", "time.sleep(0.05)")
    slower = f"import wave\n{(upstream / 'metaflow' / 'util.py').read_text()}"
    development = [
        commit(upstream, "metaflow/multicore_utils.py", edited),
        commit(upstream, "metaflow/util.py", slower),
    ]
    git(upstream, "checkout", "--quiet", "-b", "idea", "master~1")
    idea = commit(upstream, "idea.py")
    git(upstream, "checkout", "--quiet", "master")

    said, others = start(project, "setup", "--clone", upstream)
    assert "ask_often does not apply to main: metaflow/multicore_utils.py: " in said
    assert "upstream/ is complete: 6 commits on main, the series on optimized" in said
    few = ["--profile", "default", "--bench", BENCH]
    said, _ = start(project, "run", "main...idea", *few)
    assert f"main...idea ({development[0][:8]}) → idea ({idea[:8]})" in said and "1 same" in said
    newest = load()[-1].version
    start(project, "run", newest, "main", *few)
    said, _ = start(project, "compare", "main~1", "main", "--all")
    assert f"main~1 ({development[0][:8]}) → main ({development[1][:8]})" in said
    assert re.search(r"│ (\d+) modules │ (?!\1)\d+ modules", said)

    released = commit(upstream, "released.py")
    git(upstream, "tag", "2.100.0")
    tip = commit(upstream, "since.py")
    said, results = start(project, "update", "--bench", BENCH, code=4)
    assert "new releases: 2.100.0\n" in said and "release 2.100.0: 1 case" in said
    for revision in ("main", "2.100.0"):
        assert f"\nask_often does not apply to {revision}: metaflow/multicore_utils.py" in said
    # That release, main, the control and optimized; nobody removes what was measured of others.
    assert said.endswith("\n4 commits measured; the site is published\n")
    assert others.items() <= results.items()
    site = json.loads((project / "html" / "data" / "site.json").read_text())
    shown = {each["hash"]: each["name"] for each in site["commits"]}
    assert {*development, idea, released, tip} <= set(shown)
    assert shown[released] == "2.100.0"
    # What STATUS.md says was measured of released metaflow.
    assert "A case study profiled" not in (project / "html" / "index.html").read_text()
    said, _ = start(project, "compare", "main", "optimized")
    assert "1 same" in said
    said, _ = start(project, "results", "check")
    assert said.endswith(", 0 faults\n")
    said, unchanged = start(project, "update", "--bench", BENCH, code=4)
    assert "new releases: none\n" in said and unchanged == results
    assert said.endswith("\n0 commits measured; the site is published\n")


def test_a_document_that_can_t_be_written_does_not_stop_the_others(monkeypatch):
    written = []

    def write(name):
        if name == "status":
            raise Failure("it has no results")
        written.append(name)

    monkeypatch.setattr("mfbench.report.report.write_document", write)
    monkeypatch.setattr(update, "write_import_trees", lambda: None)
    assert update.write_documents() == ["STATUS.md stays as it was: it has no results"]
    assert written == ["readme", "history", "pythons", "optimizations"]
