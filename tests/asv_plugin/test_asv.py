"""asv's own commands, on a clone of this project that has no upstream/ yet."""

import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.support import environment
from mfbench.asv_plugin import commands
from mfbench.foundation.git_command import git
from tests.interrupts import interrupted
from tests.project_clones import variables

pytestmark = pytest.mark.slow
BENCHMARK = "multicore.ParallelMap.time_map"
ONE_CASE = rf"^{BENCHMARK}\(1, 'default'\)$"
AUTHOR = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
# Unlike python -m asv, the script has not this folder on its path.
SCRIPT = str(Path(sys.executable).with_name("asv"))


def asv(clone: Path, *arguments: str, code: int = 0, **more: str) -> str:
    finished = subprocess.run(
        [SCRIPT, *arguments],
        cwd=clone,
        env=variables(clone) | more,
        capture_output=True,
        text=True,
    )
    said = finished.stdout + finished.stderr
    assert finished.returncode == code, said
    assert "Traceback" not in said
    return said


@pytest.fixture(scope="module")
def first(clone):
    """What the first command says, which builds upstream/."""
    return asv(clone, "compare", "main", "HEAD", code=1)


@pytest.fixture(scope="module")
def measured(clone, first):
    """The clone, with one case of three commits."""
    for commits in ("main^!", "main..HEAD"):
        asv(clone, "run", "--quick", "--bench", ONE_CASE, commits)
    return clone


@pytest.fixture
def machine(measured):
    """The folder of this machine's results; they are there again afterwards."""
    (folder,) = (path.parent for path in measured.glob("results/*/machine.json"))
    kept = shutil.copytree(folder, measured / "kept")
    yield folder
    for path in measured.glob("results/*/"):
        shutil.rmtree(path)
    kept.rename(folder)


def copy_of(machine, name):
    folder = Path(shutil.copytree(machine, machine.with_name(name)))
    for path in folder.glob("*.json"):
        text = path.read_text()
        path.write_text(text.replace(f'"machine": "{machine.name}"', f'"machine": "{name}"'))
    return folder


def test_the_first_command_builds_the_repository_and_the_series(clone, first):
    assert "Building upstream/ from metaflow's releases" in first
    upstream = clone / "upstream"
    assert git(upstream, "rev-parse", "HEAD") == git(upstream, "rev-parse", "optimized")


def test_compare_chooses_among_machines_where_asv_would_ask(measured, machine):
    assert BENCHMARK in asv(measured, "compare", "main", "HEAD")
    another = copy_of(machine, "another")
    assert "Using results" not in asv(measured, "compare", "main", "HEAD")
    assert BENCHMARK in asv(measured, "compare", "--machine", "another", "main", "HEAD")
    for path in machine.glob("*-*.json"):
        path.unlink()
    (copy_of(another, "third") / "00000000-of-another-commit.json").write_text("{}")
    said = asv(measured, "compare", "main", "HEAD")
    assert "Using results of 'third'" in said and BENCHMARK in said


def test_a_machine_is_recorded_without_a_question_and_pins_are_in_the_results(measured, machine):
    said = asv(measured, "run", "--quick", "--bench", ONE_CASE, "-m", "quiet", "main^!")
    assert "No information stored" not in said
    quiet = machine.with_name("quiet")
    facts = json.loads((quiet / "machine.json").read_text())
    assert facts["machine"] == "quiet"
    assert all(facts[name] for name in ("cpu", "num_cpu", "ram", "os", "arch"))
    result = json.loads(next(quiet.glob("*-*.json")).read_text())
    assert result["requirements"]["asv_runner"] == "0.2.5"


def test_publish_refuses_a_half_measured_series_and_keeps_the_site(measured, machine):
    asv(measured, "publish")
    page = measured / "html" / "commits.html"
    assert "the control of the series" in page.read_text()
    commit = git(measured / "upstream", "rev-parse", "optimized")
    (path,) = machine.glob(f"{commit[:8]}-*.json")
    path.unlink()
    assert "event_waiting" in asv(measured, "publish", code=1)
    assert "the control of the series" in page.read_text()


def test_a_series_that_was_never_finished_is_finished(measured):
    upstream = measured / "upstream"
    tip = git(upstream, "rev-parse", "optimized")
    git(upstream, "checkout", "--quiet", "main")
    git(upstream, "branch", "--delete", "--force", "optimized")
    asv(measured, "compare", "main", "HEAD")
    assert git(upstream, "rev-parse", "HEAD") == tip


def test_what_a_person_can_mend_is_one_line(measured, tmp_path):
    said = asv(measured, "compare", "nonsense", "HEAD", code=1)
    assert "unknown revision nonsense" in said
    said = asv(measured, "run", "--quick", "9.9.9^!", code=1)
    assert "unknown revision or range 9.9.9^!" in said
    said = asv(measured, "compare", "main", "HEAD", code=1, PATH=str(tmp_path))
    assert "git is missing" in said
    with (measured / ".asv" / "measuring").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = asv(measured, "run", "--quick", "--bench", ONE_CASE, "main^!", code=1)
    assert "another run measures in this checkout" in said
    code, said = interrupted(measured, "asv", "run", "--bench", "artifacts", "main^!")
    assert code != 0 and said == ""


def test_benchmarks_know_of_a_quick_run(tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "asv_run", lambda conf, quick: environment.short_of_time())
    # Also restores it afterwards.
    monkeypatch.setenv(environment.QUICK, "")
    configuration = SimpleNamespace(env_dir=str(tmp_path / "env"))
    found = [commands.run_alone(configuration, quick=quick) for quick in (False, True)]
    assert found == [False, True]


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "results.json"
    commands.write_json(path, {"whole": 1}, 2)
    with pytest.raises(TypeError):
        commands.write_json(path, {"half": 1, "then": object()}, 2)
    assert json.loads(path.read_bytes()) == {"whole": 1, "version": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_a_commit_that_does_not_build_is_recorded_and_passed_over(measured, machine):
    upstream = measured / "upstream"
    git(upstream, "checkout", "--quiet", "--detach", "main")
    git(upstream, "rm", "--quiet", "-r", "metaflow", "setup.py")
    git(upstream, *AUTHOR, "commit", "--quiet", "-m", "metaflow 9")
    commit = git(upstream, "rev-parse", "HEAD")
    git(upstream, "checkout", "--quiet", "optimized")
    said = asv(measured, "run", "--quick", "--bench", ONE_CASE, f"{commit}^!", code=2)
    assert "error: this commit has no package metaflow" in said
    (path,) = machine.glob(f"{commit[:8]}-*.json")
    ((result, *_),) = json.loads(path.read_text())["results"].values()
    assert result is None or set(result) == {None}
