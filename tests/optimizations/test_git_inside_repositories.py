"""git is asked where it could find a repository, and then answers as before."""

import json

import pytest

from optimizations.edits import DoesNotApply
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of

# A folder of each kind that git tells apart, with a committed file in those that can hold one.
PLACES = """
import os, shutil, subprocess
from pathlib import Path

here = Path("places").resolve()
shutil.rmtree(here, ignore_errors=True)
here.mkdir()

def git(*arguments, **options):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=b", *arguments],
                   check=True, capture_output=True, **options)

top = here / "metaflow"
git("init", "--initial-branch=trunk", top)
inside = top / "some" / "folder"
inside.mkdir(parents=True)
for folder in (top, inside):
    (folder / "flow.py").write_text("")
git("add", ".", cwd=top)
git("commit", "--message=one", cwd=top, env={**os.environ, "GIT_COMMITTER_DATE": "1000000000 +0000",
                                            "GIT_AUTHOR_DATE": "1000000000 +0000"})
git("tag", "1.2.3", cwd=top)
git("remote", "add", "origin", "git@example.invalid:some/where", cwd=top)
git("worktree", "add", here / "tree", "--detach", cwd=top)
git("clone", "--bare", top, here / "bare")
(here / "outside").mkdir()
(here / "outside" / "flow.py").write_text("")
(here / "link").symlink_to(inside)
(top / "out").symlink_to(here / "outside")
(here / "broken" / ".git").mkdir(parents=True)
FOLDERS = [inside, here / "tree" / "some" / "folder", here / "bare", here / "bare" / "refs",
           here / "outside", here / "link", top / "out", here / "broken", here / "missing"]
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_is_that_of_before(python, version):
    script = """
from metaflow import metaflow_version
describe = metaflow_version.call_git_describe
takes_a_file = "file_to_check" in describe.__code__.co_varnames
for said in (False, True):
    if said:
        os.environ["GIT_DIR"] = str(top / ".git")
    for folder in FOLDERS:
        metaflow_version.CURRENT_DIRECTORY = str(folder)
        print(said, folder.name, describe(*[str(folder / "flow.py")] if takes_a_file else []))
"""
    said = both(python, version, PLACES + script)
    assert "False folder 1.2.3" in said
    assert "False outside None" in said
    # Where git is told of a repository, it is in every folder.
    assert ("True outside 1.2.3" in said) == takes_a_file(version)


def takes_a_file(version):
    """Tell whether a release asks about a file; older ones ask for a folder named metaflow."""
    return version not in ("2.10.4", "2.12.0")


def test_the_commit_of_a_flow_is_that_of_before(python):
    script = """
from metaflow import metaflow_git
for said in (False, True):
    if said:
        os.environ["GIT_DIR"] = str(top / ".git")
    for folder in FOLDERS:
        metaflow_git._git_info_cache = None
        print(said, folder.name, metaflow_git.get_repository_info(folder))
"""
    said = both(python, NEWEST, PLACES + script)
    assert said.count("'branch_name': 'trunk'") >= 2 + 5
    assert "False outside {}" in said


def test_git_is_started_only_where_there_is_a_repository(python):
    script = """
import json, sys
from metaflow import metaflow_git, metaflow_version

started = []
sys.addaudithook(lambda event, given: event == "subprocess.Popen" and started.append(given))
asked = {}
for folder in FOLDERS:
    metaflow_git._git_info_cache = None
    metaflow_version.call_git_describe(str(folder / "flow.py"))
    metaflow_git.get_repository_info(folder)
    asked[folder.name] = len(started)
    started.clear()
print(json.dumps(asked))
"""
    before, after = (
        json.loads(python(NEWEST, side, PLACES + script)) for side in ("before", "after")
    )
    unlike = {name for name in before if before[name] != after[name]}
    assert unlike == {"outside", "out", "missing"}
    assert [after[name] for name in sorted(unlike)] == [0, 0, 0]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_refuses_what_it_does_not_know(series, version):
    path = "metaflow/metaflow_version.py"
    changed = tree_of(series, version)[path].source.replace("call_git_describe", "call_git")
    with pytest.raises(DoesNotApply, match=f"{path}: call_git_describe"):
        applied("git_inside_repositories", tree_of(series, version, **{path: changed}))
