"""asv's own commands, on a clone of this project that has no upstream/ yet."""

import fcntl
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.support import environment
from mfbench.asv_plugin import commands
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import ROOT
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
    # That of a benchmark is shown where it is asked for.
    assert "Traceback" not in said or "--show-stderr" in arguments
    return said


@pytest.fixture(scope="module")
def first(clone):
    """What the first command says, which builds upstream/."""
    return asv(clone, "compare", "main", "HEAD", code=1)


@pytest.fixture(scope="module")
def measured(clone, first):
    """The clone, with one case of three commits."""
    for commits in ("main^!", "refs/metaflow-benchmarks/control/main^!", "main..HEAD"):
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


def test_the_first_command_builds_the_repository_and_says_what_to_measure(clone, first):
    assert "Building upstream/ from metaflow's releases" in first
    tip = git(clone / "upstream", "rev-parse", "optimized")
    assert git(clone / "upstream", "rev-parse", "HEAD") == tip
    assert f" and HEAD ({tip[:8]}) were not measured on any machine; " in first
    assert "measure both with: mfbench run main HEAD" in first


def test_compare_chooses_among_machines_where_asv_would_ask(measured, machine):
    assert BENCHMARK in asv(measured, "compare", "main", "HEAD")
    another = copy_of(machine, "another")
    assert "Using results" not in asv(measured, "compare", "main", "HEAD")
    assert BENCHMARK in asv(measured, "compare", "--machine", "another", "main", "HEAD")
    for path in machine.glob("*-*.json"):
        path.unlink()
    (copy_of(another, "largest") / "00000000-of-another-commit.json").write_text("{}")
    said = asv(measured, "compare", "main", "HEAD")
    assert "Using results of 'largest'" in said and BENCHMARK in said
    said = asv(measured, "compare", "--machine", machine.name, "main", "HEAD", code=1)
    assert said.strip().count("\n") == 0 and "were not measured on machine" in said


def test_compare_names_the_commit_that_was_not_measured(measured, machine):
    release = git(measured / "upstream", "rev-parse", "--short=8", "main~1")
    said = asv(measured, "compare", "main~1", "HEAD", code=1)
    assert f" main~1 ({release}) was not measured on any machine; measure both" in said
    tip = git(measured / "upstream", "rev-parse", "--short=8", "HEAD")
    for path in copy_of(machine, "another").glob(f"{tip}-*.json"):
        path.unlink()
    for path in machine.glob("*-*.json"):
        if not path.name.startswith(tip):
            path.unlink()
    said = asv(measured, "compare", "main", "HEAD", code=1)
    assert "main and HEAD were not measured on the same machine; measure both" in said


def test_a_machine_is_recorded_without_a_question_and_pins_are_in_the_results(measured, machine):
    said = asv(measured, "run", "--quick", "--bench", ONE_CASE, "-m", "quiet", "main^!")
    assert "No information stored" not in said
    quiet = machine.with_name("quiet")
    facts = json.loads((quiet / "machine.json").read_text())
    assert facts["machine"] == "quiet"
    assert all(facts[name] for name in ("cpu", "num_cpu", "ram", "os", "arch"))
    result = json.loads(next(quiet.glob("*-*.json")).read_text())
    assert result["requirements"]["asv_runner"] == "0.2.5"


def test_publish_names_what_was_not_measured(measured, machine):
    asv(measured, "publish")
    page = measured / "html" / "index.html"
    assert "<p>Not measured:</p>" not in page.read_text()
    assert "the control of the series" in (page.parent / "commits.html").read_text()
    commit = git(measured / "upstream", "rev-parse", "optimized")
    (path,) = machine.glob(f"{commit[:8]}-*.json")
    path.unlink()
    asv(measured, "publish")
    (named,) = re.findall(r"<p>Not measured:</p>\n<ul>\n<li>(.*)</li>\n</ul>", page.read_text())
    assert named.endswith("<code>ask_often</code></a>")


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
    said = asv(measured, "run", "--quick", "--bench", "[", "main^!", code=1)
    assert "'[' is no regular expression (unterminated character set at position 0)" in said
    code, said = interrupted(measured, "asv", "run", "--bench", "artifacts", "main^!")
    assert code != 0 and said == ""


def test_a_broken_configuration_is_told_where_asv_shows_a_traceback(measured):
    path = measured / "asv.conf.json"
    text = path.read_text()
    path.write_text(text[:-3])
    finished = subprocess.run(
        [sys.executable, "-m", "mfbench", "run", "--smoke", "--bench", BENCHMARK],
        cwd=measured,
        env=variables(measured),
        capture_output=True,
        text=True,
    )
    path.write_text(text)
    assert finished.returncode == 3 and "Traceback" not in finished.stderr
    said = finished.stderr.splitlines()[-1]
    assert said.startswith("error: asv.conf.json can't be read (<string>:"), said


def test_installing_commands_refuse_while_another_measures(measured):
    with (measured / ".asv" / "measuring").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for command in (
            *(["run", "main^!"], ["continuous", "main", "HEAD"], ["check"], ["setup"], ["update"]),
            *(["find", "main..HEAD", BENCHMARK], ["profile", BENCHMARK]),
        ):
            said = asv(measured, *command, code=1).strip()
            assert "another run measures in this checkout" in said and "\n" not in said, command
    # None of them waits for itself.
    assert "No problems found" in asv(measured, "check")
    asv(measured, "update")
    # By a factor that no busy machine reaches.
    few = ["--quick", "--factor", "1000", "--bench", ONE_CASE]
    said = asv(measured, "continuous", *few, "main", "HEAD~1")
    assert "BENCHMARKS NOT SIGNIFICANTLY CHANGED" in said


# As `asv check` beside a run once did: it puts another commit into the place of the measured one.
SWAP = """
from benchmarks.support.environment import INSTALLED

class Swap:
    version = unit = "swaps"
    def setup_cache(self):
        return 1
    def track_swap(self, _):
        INSTALLED.write_text("another commit")
        return 1
"""


def test_a_sample_of_another_commit_than_the_measured_one_fails(measured, machine):
    (measured / "benchmarks" / "aswap.py").write_text(SWAP)
    cases = f"{ONE_CASE}|^aswap"
    said = asv(measured, "run", "--show-stderr", "--quick", "--bench", cases, "main^!", code=2)
    commit = git(measured / "upstream", "rev-parse", "main")
    assert f"another process installed another  over {commit[:8]} while it was measured" in said
    (path,) = machine.glob(f"{commit[:8]}-*.json")
    results = json.loads(path.read_text())["results"]
    assert results["aswap.Swap.track_swap"][0] is None and results[BENCHMARK][0][0] is None
    (measured / "benchmarks" / "aswap.py").unlink()
    # asv believes that the commit is installed, and its marker says otherwise.
    asv(measured, "run", "--quick", "--bench", ONE_CASE, "main^!")


def test_all_that_a_run_stores_says_when_the_run_began(measured, machine):
    cases = f"{ONE_CASE}|^imports.Import.timeraw_metaflow$"
    rounds = ["--interleave-rounds", "--attribute", "rounds=2"]
    for more, path in (
        ({}, "main~1..HEAD"),
        ({"METAFLOW_BENCHMARKS_RUN": "1796000000.5"}, "main~1^!"),
    ):
        asv(measured, "run", *rounds, "--bench", cases, path, **more)
    commits = git(measured / "upstream", "rev-list", "HEAD").split()
    stored = [stamps(next(machine.glob(f"{each[:8]}-*.json"))) for each in commits]
    assert stored[0] == stored[1] and len(stored[0]) == 1 and stored[2] == {1796000000500}
    # Commits that do not take turns are of no common run.
    asv(measured, "run", *rounds[1:], "--bench", cases, "main..HEAD")
    one, other = (stamps(next(machine.glob(f"{each[:8]}-*.json"))) for each in commits[:2])
    assert one.isdisjoint(other)


def stamps(path):
    content = json.loads(path.read_text())
    column = content["result_columns"].index("started_at")
    return {row[column] for row in content["results"].values()}


def test_a_text_as_a_result_is_told_with_its_file(measured, machine):
    (path,) = machine.glob(f"{git(measured / 'upstream', 'rev-parse', 'HEAD')[:8]}-*.json")
    content = json.loads(path.read_text())
    content["results"][BENCHMARK][0][0] = "0.1"
    path.write_text(json.dumps(content))
    for command in (["compare", "main", "HEAD"], ["publish"]):
        said = asv(measured, *command, code=1)
        assert f"{machine.name}/{path.name} is damaged (" in said
        assert "restore it with git, or remove it and measure again" in said


def test_benchmarks_know_of_a_quick_run(tmp_path, monkeypatch):
    def quick_or_not(configuration, options):
        return environment.short_of_time()

    # Also restores it afterwards.
    monkeypatch.setenv(environment.QUICK, "")
    configuration = SimpleNamespace(env_dir=tmp_path / "env", benchmark_dir=ROOT / "benchmarks")
    given = [SimpleNamespace(quick=quick) for quick in (False, True)]
    found = [commands.run_exclusively(None, quick_or_not, configuration, each) for each in given]
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
