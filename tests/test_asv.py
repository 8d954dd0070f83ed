"""asv's own commands, on a clone of this project with no upstream/ of its own yet."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.paths import RELEASES, ROOT

SOURCES = ["asv.conf.json", "pyproject.toml", "constraints.txt", "scripts", "optimizations"]
SOURCES += ["dashboard", "benchmarks"]
ONE_BENCHMARK = "multicore.ParallelMap"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the project that knows two releases, in a home that knows nothing."""
    folder = tmp_path_factory.mktemp("clone")
    for name in SOURCES:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    listed = json.loads(RELEASES.read_text())["releases"][-2:]
    (folder / "scripts" / "releases.json").write_text(json.dumps({"releases": listed}))
    (folder / "home").mkdir()
    return folder


def asv(clone: Path, *arguments: str, code: int = 0) -> str:
    cache = (
        os.environ.get("METAFLOW_BENCHMARKS_CACHE") or Path.home() / ".cache/metaflow-benchmarks"
    )
    variables = {"HOME": str(clone / "home"), "METAFLOW_BENCHMARKS_CACHE": str(cache)}
    finished = subprocess.run(
        [sys.executable, "-m", "asv", *arguments],
        cwd=clone,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    said = finished.stdout + finished.stderr
    assert finished.returncode == code, said
    assert "Traceback" not in said
    return said


def test_run_builds_what_is_missing_and_compare_needs_no_option(clone):
    asv(clone, "run", "--quick", "--bench", ONE_BENCHMARK, "main^!")
    assert (clone / "upstream" / ".git").exists()
    asv(clone, "run", "--quick", "--bench", ONE_BENCHMARK, "main..HEAD")
    # The results of another machine beside these: asv alone would ask which to use.
    here = next(path.parent for path in clone.glob("results/*/machine.json"))
    shutil.copytree(here, clone / "results" / "another")
    facts = json.loads((here / "machine.json").read_text()) | {"machine": "another"}
    (clone / "results" / "another" / "machine.json").write_text(json.dumps(facts))
    assert "multicore.ParallelMap.time_map" in asv(clone, "compare", "main", "HEAD")
    shutil.rmtree(clone / "results" / "another")


def test_machine_facts_and_pins_stand_in_the_results(clone):
    facts = json.loads(next(clone.glob("results/*/machine.json")).read_text())
    assert all(facts[name] for name in ("cpu", "num_cpu", "ram", "os", "arch"))
    result = json.loads(next(clone.glob("results/*/*pinned*.json")).read_text())
    assert result["requirements"]["asv_runner"] == "0.2.5"


def test_publish_explains_the_commits(clone):
    asv(clone, "publish")
    page = (clone / "html" / "commits.html").read_text()
    assert "the control of the series" in page


def test_publish_refuses_a_half_measured_series(clone):
    commit = subprocess.check_output(
        ["git", "-C", clone / "upstream", "rev-parse", "--short=8", "HEAD"], text=True
    ).strip()
    found = list(clone.glob(f"results/*/{commit}-*.json"))
    assert found
    for path in found:
        path.rename(path.with_suffix(".kept"))
    try:
        assert "no results for event_waiting" in asv(clone, "publish", code=1)
    finally:
        for path in found:
            path.with_suffix(".kept").rename(path)


def test_a_commit_that_does_not_exist_is_named(clone):
    assert "nonsense" in asv(clone, "compare", "nonsense", "HEAD", code=1)
