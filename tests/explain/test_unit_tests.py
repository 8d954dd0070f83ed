"""metaflow's own unit tests on two commits: what ends differently is told, and nothing else."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mfbench.explain import s3_tests, unit_tests
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from tests.repository.person import commit

TESTS = """
import subprocess, sys
import pytest

def test_equal():
    import metaflow

def test_fails_on_both():
    assert False

@pytest.mark.skip
def test_skipped():
    pass

def test_loads_no_wave():
    loaded = "import metaflow, sys; sys.exit('wave' in sys.modules)"
    subprocess.run([sys.executable, "-c", loaded], check=True)

@pytest.fixture
def torn():
    yield
    raise OSError

def test_torn_down(torn):
    assert False
"""

S3_TESTS = """
import os
from pathlib import Path
import pytest
from metaflow import S3

def test_the_largest_file_is_small():
    assert Path(__file__).with_name("s3_data.py").read_text() == "SIZE = 5 * 1024**2"

def test_there_is_a_server():
    with S3(s3root=os.environ["METAFLOW_S3_TEST_ROOT"]) as s3:
        s3.put("key", "text")
        assert s3.get("key").text == "text"

@pytest.mark.parametrize("inject_failure_rate", [0, 10, 50, 90])
def test_without_failures(inject_failure_rate):
    assert inject_failure_rate == 0

@pytest.mark.parametrize("files", ["5gb_file", "3000_files"])
def test_get_many(files):
    assert False

@pytest.mark.parametrize("prefix", ["any"])
def test_list_paths(prefix):
    assert False

def test_list_paths_bucket_root():
    pass

def test_get_one_benchmark():
    assert False
"""


@pytest.fixture
def clone(upstream, tmp_path, monkeypatch):
    """A made-up one; upstream/ has an optimisation with a test that passes, and one that fails."""
    monkeypatch.setattr(unit_tests, "UPSTREAM", upstream)
    (upstream / "test" / "unit").mkdir(parents=True)
    new = "def test_passes():\n    pass\n\ndef test_fails():\n    assert False\n"
    changed = f"import wave\n{(upstream / 'metaflow' / 'util.py').read_text()}"
    git(upstream, "checkout", "--quiet", "-b", "optimized")
    (upstream / "test" / "unit" / "test_new.py").write_text(new)
    git(upstream, "add", "--force", "test")
    commit(upstream, "metaflow/util.py", changed, "--message", "Try it\n\nOptimization: idea")
    git(upstream, "branch", "pr/idea")
    folder = tmp_path / "clone" / "test" / "unit"
    folder.mkdir(parents=True)
    (folder / "test_made_up.py").write_text(TESTS)
    return tmp_path / "clone"


def compare(*arguments):
    return CliRunner().invoke(unit_tests.command, [str(each) for each in arguments])


@pytest.mark.slow
def test_only_what_ends_differently_is_told(clone):
    found = compare(clone, "--all")
    told = [
        "1 error and failure, 3 failure, 2 passed, 1 skipped",
        "test.unit.test_made_up::test_loads_no_wave: passed, then failure",
        "test.unit.test_new::test_fails: missing, then failure",
        "1 of 5 tests have another outcome, and 1 of 2 new ones do not pass",
    ]
    assert found.output.splitlines() == [
        "main: 1 error and failure, 1 failure, 2 passed, 1 skipped",
        f"optimized: {told[0]}",
        *told[1:],
        f"pr/idea: {told[0]}",
        *told[1:],
    ]
    assert found.exit_code == 1
    equal = compare(clone, "main", "main", "-k", "equal or both")
    said = "0 of 2 tests have another outcome, and 0 of 0 new ones do not pass"
    assert equal.output.splitlines()[-1] == said
    assert equal.exit_code == 0
    none = compare(clone, "-k", "nothing_is_called_this")
    assert isinstance(none.exception, Failure)
    assert str(none.exception).startswith("pytest ran no test on") and "\n" not in str(
        none.exception
    )


def test_what_is_missing_is_said_before_anything_runs(clone, tmp_path):
    with pytest.raises(Failure, match="has no test/unit; name a clone of metaflow"):
        unit_tests.command.callback(tmp_path, "main", "optimized", False, "", False)
    with pytest.raises(Failure, match="has no test/data/s3; name a clone of metaflow"):
        unit_tests.command.callback(clone, "main", "optimized", False, "", True)
    with pytest.raises(Failure, match="unknown revision nonesuch"):
        unit_tests.command.callback(clone, "main", "nonesuch", False, "", False)


@pytest.mark.slow
def test_metaflow_s_s3_tests_have_a_server_and_small_files(clone):
    folder = clone / "test" / "data" / "s3"
    folder.mkdir(parents=True)
    (folder / "s3_data.py").write_text("SIZE = 5 * 1024**3")
    (folder / "test_made_up.py").write_text(S3_TESTS)
    found = compare(clone, "main", "main", "--s3")
    said = "0 of 4 tests have another outcome, and 0 of 0 new ones do not pass"
    assert found.output.splitlines() == ["main: 4 passed", "main: 4 passed", said]
    few = compare(clone, "main", "main", "--s3", "-k", "server or benchmark")
    assert few.output.splitlines()[:2] == ["main: 1 passed"] * 2
    (folder / "s3_data.py").write_text("SIZE = 1")
    changed = compare(clone, "main", "main", "--s3")
    assert "s3_data.py has no file of 5 GB" in str(changed.exception)


@pytest.mark.parametrize(
    "program, said",
    [("print('missing moto')", "moto is not installed"), ("", "ended as it started")],
)
def test_an_s3_server_that_does_not_start_is_said(tmp_path, monkeypatch, program, said):
    monkeypatch.setattr(s3_tests, "PROGRAMS", tmp_path)
    (tmp_path / "s3_server.py").write_text(program)
    with pytest.raises(Failure, match=said), s3_tests.s3_server(Path(sys.executable)):
        pass
