"""`mfbench run --touched`: which topics the difference between two commits can touch."""

from fnmatch import fnmatch

import pytest

from mfbench.foundation.errors import NothingMeasured
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.measure.touched import EVERYTHING, topics_of_project, touched_topics
from mfbench.results.benchmarks import read_benchmarks

BENCHMARKS = read_benchmarks(RESULTS)
# Of each of these, any change of the package can be seen.
ALWAYS = {name.partition(".")[0] for name, each in BENCHMARKS.items() if EVERYTHING in each.covers}


@pytest.fixture
def touched(upstream):
    """A function that changes files, and returns the topics that this can touch."""

    def change(*names):
        base = git(upstream, "rev-parse", "HEAD")
        for name in names:
            path = upstream / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text() if path.exists() else ""
            path.write_text(f"{text}# changed\n")
        git(upstream, "add", "--all")
        person = ("-c", "user.name=somebody", "-c", "user.email=somebody@localhost")
        git(upstream, *person, "commit", "--quiet", "--message", "Change something")
        return set(touched_topics(BENCHMARKS, upstream, base, "HEAD"))

    return change


def test_a_file_runs_the_topics_that_declare_it(touched):
    assert touched("metaflow/multicore_utils.py") == ALWAYS | {"multicore"}
    assert "artifacts" in touched("metaflow/datastore/new.py", "test/unit/test_new.py")


def test_a_file_that_no_topic_declares_runs_all(touched):
    assert touched("metaflow/multicore_utils.py", "metaflow/new.py") == set()


def test_where_nothing_of_the_package_differs_nothing_is_measured(touched):
    with pytest.raises(NothingMeasured, match="no file of metaflow's package differs"):
        touched("README.md", "test/unit/test_new.py", "metaflow/version.py")


def test_every_topic_declares_files_that_there_are():
    # Floors run none of metaflow's code; answers are those of other topics.
    declared = {name.partition(".")[0]: each.covers for name, each in BENCHMARKS.items()}
    assert {topic for topic, covers in declared.items() if not covers} == {"floors", "answers"}
    files = git(UPSTREAM, "ls-tree", "-r", "--name-only", "optimized").splitlines()
    for pattern in {each for covers in declared.values() for each in covers}:
        assert any(fnmatch(path, pattern) for path in files), pattern


def test_changes_of_this_project_touch_their_topic_or_what_the_optimisation_changes(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init", "--quiet")

    def changed(*names):
        return topics_of_project(BENCHMARKS, project, UPSTREAM, commit(project, *names))

    commit(project, "README.md")
    assert changed("benchmarks/multicore.py", "docs/using.md", "tests/test_x.py") == ("multicore",)
    assert set(changed("optimizations/event_waiting.py")) == ALWAYS | {"multicore"}
    for others in (["benchmarks/payloads.py"], ["mfbench/run.py"], ["optimizations/nothing.py"]):
        assert changed("benchmarks/multicore.py", *others) == ()
    with pytest.raises(NothingMeasured, match="nothing that is measured has changed"):
        changed("docs/using.md")


def commit(project, *names):
    """Commit changed files; return the commit before, if there is one."""
    for name in names:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.read_text() if path.exists() else ''}changed\n")
    before = (
        git(project, "rev-parse", "--quiet", "--verify", "HEAD") if names[0] != "README.md" else ""
    )
    git(project, "add", "--all")
    person = ("-c", "user.name=somebody", "-c", "user.email=somebody@localhost")
    git(project, *person, "commit", "--quiet", "--message", "Change something")
    return before
