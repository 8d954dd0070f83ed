"""The patches apply to the release, and are the same each time."""

import subprocess

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.repository.patches import export, export_alone
from optimizations import SERIES
from tests.repository.person import PERSON, state


@pytest.fixture
def fresh(optimized, tmp_path):
    """The files of branch main in a repository of a person."""
    folder = tmp_path / "fresh"
    git(tmp_path, "init", "--quiet", "fresh")
    archive = ["git", "-C", optimized, "archive", "main"]
    released = subprocess.run(archive, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=released, check=True)
    git(folder, "add", "--all", "--force")
    git(folder, *PERSON, "commit", "--quiet", "--message", "released")
    return folder


def test_exported_patches_apply_to_the_release(optimized, tmp_path, fresh):
    name = SERIES[1].name
    effects = {name: ["import metaflow: 3 -> 2, 1.5× faster"]}
    before = state(optimized)
    patches = export(optimized, "main", tmp_path / "patches", effects)
    assert state(optimized) == before
    assert [int(path.name[:4]) for path in patches] == list(range(1, len(SERIES) + 1))
    assert all(git(optimized, "--version").split()[-1] not in path.read_text() for path in patches)
    git(fresh, *PERSON, "am", "--quiet", *map(str, patches))
    assert git(fresh, "rev-parse", "HEAD^{tree}") == git(optimized, "rev-parse", "optimized^{tree}")
    texts = git(fresh, "log", "--format=%b%x00").split("\0")
    said = next(text for text in texts if f"Optimization: {name}" in text)
    assert "- import metaflow: 3 -> 2, 1.5× faster\n\nOptimization: " in said


def test_each_patch_alone_applies_to_the_release_or_to_what_it_needs(optimized, tmp_path, fresh):
    before = state(optimized)
    patches = export_alone(optimized, "main", tmp_path / "patches", {})
    assert state(optimized) == before
    assert [path.name for path in patches] == [f"{each.name}.patch" for each in SERIES]
    released = git(fresh, "rev-parse", "HEAD")
    for each, patch in zip(SERIES, patches):
        if not each.needs:
            git(fresh, "reset", "--quiet", "--hard", released)
            git(fresh, *PERSON, "am", "--quiet", str(patch))
            tree = git(optimized, "rev-parse", f"pr/{each.name}^{{tree}}")
            assert git(fresh, "rev-parse", "HEAD^{tree}") == tree
    one = export_alone(optimized, "2.12.0", tmp_path / "one", {}, [SERIES[0].name])
    assert [path.name for path in one] == [patches[0].name]
    with pytest.raises(Failure, match="nonesuch is unknown or changes nothing on main; see mfb"):
        export_alone(optimized, "main", tmp_path / "none", {}, ["nonesuch"])


def test_export_is_repeatable_and_refuses_other_patches_and_a_file(optimized, tmp_path):
    folder = tmp_path / "patches"
    first, again = (
        {path.name: path.read_bytes() for path in export(optimized, "2.12.0", folder, {})}
        for _ in range(2)
    )
    assert first == again
    other = folder / "0009-other.patch"
    other.write_text("mine")
    with pytest.raises(Failure, match=r"holds other patches \(0009-other.patch\)"):
        export(optimized, "2.12.0", folder, {})
    with pytest.raises(Failure, match=r"0009-other.patch is a file; name a folder"):
        export(optimized, "main", other, {})
