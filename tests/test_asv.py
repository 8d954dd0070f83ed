"""asv's own commands, on a clone of this project with no upstream/ of its own yet."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts import asv_upstream
from scripts.git_command import git
from tests.project_clones import variables

ONE_BENCHMARK = r"^multicore\.ParallelMap\.time_map\(1, 'default'\)$"


def asv(clone: Path, *arguments: str, code: int = 0, **more: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "asv", *arguments],
        cwd=clone,
        env=variables(clone) | more,
        capture_output=True,
        text=True,
    )
    said = finished.stdout + finished.stderr
    assert finished.returncode == code, said
    assert "Traceback" not in said
    return said


def test_the_first_command_may_be_compare_by_the_console_script(clone, tmp_path):
    # It has not this folder on its path, as python -m asv has; and nothing is known of the series.
    command = [str(Path(sys.executable).with_name("asv")), "compare", "main", "HEAD"]
    own = variables(clone) | {"METAFLOW_BENCHMARKS_CACHE": str(tmp_path)}
    finished = subprocess.run(command, cwd=clone, env=own, capture_output=True, text=True)
    assert "Traceback" not in finished.stdout + finished.stderr
    assert git(clone / "upstream", "rev-parse", "HEAD") == git(
        clone / "upstream", "rev-parse", "optimized"
    )


def test_run_builds_what_is_missing_and_compare_needs_no_option(clone):
    asv(clone, "run", "--quick", "--bench", ONE_BENCHMARK, "main^!")
    assert (clone / "upstream" / ".git").exists()
    asv(clone, "run", "--quick", "--bench", ONE_BENCHMARK, "main..HEAD")
    assert "multicore.ParallelMap.time_map" in asv(clone, "compare", "main", "HEAD")


@pytest.fixture
def another_machine(clone):
    """The results of another machine beside this one's: asv alone would ask which to use."""
    here = next(path.parent for path in clone.glob("results/*/machine.json"))
    another = copy_of(here, "another")
    yield here
    shutil.rmtree(another)


def copy_of(machine, name):
    folder = Path(shutil.copytree(machine, machine.with_name(name)))
    for path in folder.glob("*.json"):
        path.write_text(
            path.read_text().replace(f'"machine": "{machine.name}"', f'"machine": "{name}"')
        )
    return folder


def test_compare_takes_this_machine_where_it_was_measured(clone, another_machine):
    assert "multicore.ParallelMap.time_map" in asv(clone, "compare", "main", "HEAD")
    named = asv(clone, "compare", "--machine", "another", "main", "HEAD")
    assert "multicore.ParallelMap.time_map" in named


def test_compare_takes_the_other_machine_where_this_one_has_nothing(clone, another_machine):
    moved = [path.rename(path.with_suffix(".kept")) for path in another_machine.glob("*-*.json")]
    try:
        assert "multicore.ParallelMap.time_map" in asv(clone, "compare", "main", "HEAD")
    finally:
        for path in moved:
            path.rename(path.with_suffix(".json"))


def test_compare_takes_one_of_several_machines_where_this_one_has_nothing(clone, another_machine):
    third = copy_of(another_machine, "third")
    (third / "00000000-of-another-commit.json").write_text("{}")
    moved = [path.rename(path.with_suffix(".kept")) for path in another_machine.glob("*-*.json")]
    try:
        said = asv(clone, "compare", "main", "HEAD")
        assert "as third measured; --machine takes another, too" in said
        assert "multicore.ParallelMap.time_map" in said
    finally:
        for path in moved:
            path.rename(path.with_suffix(".json"))
        shutil.rmtree(third)


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
        assert "the control of the series" in (clone / "html" / "commits.html").read_text()
    finally:
        for path in found:
            path.with_suffix(".kept").rename(path)


def test_a_commit_that_does_not_exist_is_named(clone):
    said = asv(clone, "compare", "nonsense", "HEAD", code=1)
    assert "unknown revision nonsense" in said


def test_a_version_that_does_not_exist_is_named(clone):
    assert "unknown revision or range 9.9.9^!" in asv(clone, "run", "--quick", "9.9.9^!", code=1)


def test_a_series_that_was_never_finished_is_finished(clone):
    upstream = clone / "upstream"
    tip = git(upstream, "rev-parse", "optimized")
    git(upstream, "checkout", "--quiet", "main")
    git(upstream, "branch", "--delete", "--force", "optimized")
    asv(clone, "compare", "main", "HEAD")
    assert git(upstream, "rev-parse", "HEAD") == tip


def test_without_git_the_reason_is_given(clone, tmp_path):
    assert "git is missing" in asv(clone, "compare", "main", "HEAD", code=1, PATH=str(tmp_path))


def heed_ctrl_c():
    """Undo what a shell does to its background jobs, which ignore Ctrl-C and so do their own."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(clone, *command):
    """Interrupt a command in the midst of measuring; return its exit code and what it said."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=clone,
        env=variables(clone) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    ) as process:
        for line in process.stdout:
            if "Benchmarking" in line:
                break
        # Python forgets an interrupt that comes while it forks; asv does so now.
        time.sleep(2)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    return process.returncode, said


def test_ctrl_c_ends_in_a_line(clone):
    code, _ = interrupted(clone, "asv", "run", "--bench", "artifacts", "main^!")
    assert code != 0


def test_ctrl_c_ends_the_main_job_in_a_line_and_it_works_afterwards(clone):
    job = ["scripts.bench", "--quick", "--machine", "ci", "--bench"]
    code, said = interrupted(clone, *job, "artifacts")
    assert code == 130
    assert said.count("interrupted; run the same command again to go on") == 1
    again = subprocess.run(
        [sys.executable, "-m", *job, ONE_BENCHMARK],
        cwd=clone,
        env=variables(clone),
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert "site: " in again.stdout


def test_two_runs_in_one_checkout_do_not_overwrite_each_other(clone):
    lock = clone / ".asv" / "measuring"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = asv(clone, "run", "--quick", "--bench", ONE_BENCHMARK, "main^!", code=1)
    assert "another run measures in this checkout" in said


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "results.json"
    asv_upstream.write_whole(path, {"whole": 1}, 2)
    before = path.read_bytes()
    assert json.loads(before) == {"whole": 1, "version": 2}
    with pytest.raises(TypeError):
        asv_upstream.write_whole(path, {"half": 1, "then": object()}, 2)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_commit_that_does_not_build_is_recorded_and_passed_over(clone):
    upstream = clone / "upstream"
    git(upstream, "checkout", "--quiet", "-b", "broken", "main")
    git(upstream, "rm", "--quiet", "-r", "metaflow", "setup.py")
    author = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
    subprocess.run(
        ["git", "-C", upstream, *author, "commit", "--quiet", "-m", "Nothing is left"], check=True
    )
    asv(clone, "run", "--quick", "--bench", ONE_BENCHMARK, "broken~1..broken", code=2)
    commit = git(upstream, "rev-parse", "broken")
    git(upstream, "checkout", "--quiet", "optimized")
    (path,) = clone.glob(f"results/*/{commit[:8]}-*.json")
    ((result, *_),) = json.loads(path.read_text())["results"].values()
    assert result is None or set(result) == {None}


def test_a_newest_release_that_does_not_build_is_recorded_by_what_is_known_of_the_one_before(clone):
    upstream = clone / "upstream"
    before = {name: git(upstream, "rev-parse", name) for name in ("main", "optimized")}
    git(upstream, "checkout", "--quiet", "--detach", "main")
    git(upstream, "rm", "--quiet", "-r", "metaflow", "setup.py")
    author = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
    subprocess.run(["git", "-C", upstream, *author, "commit", "-qm", "metaflow 9"], check=True)
    commit = git(upstream, "rev-parse", "HEAD")
    # The series on it, as far as it applies, is broken as well.
    for name in before:
        git(upstream, "update-ref", f"refs/heads/{name}", commit)
    try:
        asv(clone, "run", "--quick", "--bench", ONE_BENCHMARK, "main^!", code=2)
    finally:
        for name, hash_before in before.items():
            git(upstream, "update-ref", f"refs/heads/{name}", hash_before)
        git(upstream, "checkout", "--quiet", "optimized")
    (path,) = clone.glob(f"results/*/{commit[:8]}-*.json")
    ((result, *_),) = json.loads(path.read_text())["results"].values()
    assert result is None or set(result) == {None}
