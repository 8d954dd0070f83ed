"""The patches apply to the release, and are the same each time."""

import subprocess

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.repository.patches import export
from optimizations import SERIES
from tests.repository.person import PERSON, state


def test_exported_patches_apply_to_the_release(optimized, tmp_path):
    effects = {"defer_requests": ["import metaflow: 3 -> 2, 1.5× faster"]}
    before = state(optimized)
    patches = export(optimized, "main", tmp_path / "patches", effects)
    assert state(optimized) == before
    # The control is empty, so there is no patch of it.
    assert [int(path.name[:4]) for path in patches] == list(range(1, len(SERIES)))
    assert all(git(optimized, "--version").split()[-1] not in path.read_text() for path in patches)
    fresh = tmp_path / "fresh"
    git(tmp_path, "init", "--quiet", "fresh")
    archive = ["git", "-C", optimized, "archive", "main"]
    released = subprocess.run(archive, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", fresh], input=released, check=True)
    git(fresh, "add", "--all", "--force")
    git(fresh, *PERSON, "commit", "--quiet", "--message", "released")
    git(fresh, *PERSON, "am", "--quiet", *map(str, patches))
    assert git(fresh, "rev-parse", "HEAD^{tree}") == git(optimized, "rev-parse", "optimized^{tree}")
    texts = git(fresh, "log", "--format=%b%x00").split("\0")
    said = next(text for text in texts if "Optimization: defer_requests" in text)
    assert "- import metaflow: 3 -> 2, 1.5× faster\n\nOptimization: " in said


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
