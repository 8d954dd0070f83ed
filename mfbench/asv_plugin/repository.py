"""asv plugin: the repository under test, built when asv needs it for the first time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asv import util
from asv.console import log
from asv.plugins.git import Git

from mfbench.foundation.git_command import commit_of, executable, git, is_repository
from mfbench.repository import build, series
from mfbench.repository.releases import releases_on_main


class Upstream(Git):
    """metaflow's releases and the optimisation series."""

    dvcs = "metaflow-upstream"

    def __init__(self, url: str, mirror_path: str) -> None:
        """Build the repository at `url` if it is missing, then open it."""
        executable()
        repository = Path(url).resolve()
        if not is_repository(repository) or commit_of(repository, "optimized") is None:
            log.info(f"Building {repository.name}/ from metaflow's releases (about a minute)")
            log.flush()
            build.ensure(repository)
        elif series.is_stale(repository):
            log.warning("The optimisations have changed; apply them with: mfbench optimize apply")
        if build.is_behind(repository):
            log.warning("upstream/ lacks new releases; add them with: mfbench setup")
        super().__init__(url, mirror_path)

    def get_tags(self) -> dict[str, str]:
        """Return the commits of the releases; asv's own takes minutes with a clone's tags."""
        repository = Path(self._path)
        versions = list(releases_on_main(repository))
        commits = git(repository, "rev-parse", *(f"{each}^{{commit}}" for each in versions))
        return dict(zip(versions, commits.split()))

    def _run_git(self, arguments: Sequence[str], *options: Any, **others: Any) -> Any:
        """Run git, whoever owns the repository."""
        return super()._run_git(["-c", "safe.directory=*", *arguments], *options, **others)

    def get_hashes_from_range(self, range_spec: str) -> list[str]:
        """Return the commits of a range; asv's own shows a traceback for an unknown one."""
        try:
            return list(super().get_hashes_from_range(range_spec))
        except util.ProcessError:
            raise util.UserError(
                f"unknown revision or range {range_spec}; git -C upstream tag lists the releases"
            ) from None
