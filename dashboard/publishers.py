"""asv plugin: completes the site that `asv publish` writes, and replaces it whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from asv import util
from asv.commands import publish
from asv.publishing import OutputPublisher
from asv.repo import get_repo

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import delay_interrupts, git
from mfbench.foundation.paths import ROOT
from mfbench.repository.series import commits_without_results

publish_in_place = publish.Publish.run


def setup() -> None:
    """Let ``asv publish`` run `publish_complete`."""
    publish.Publish.run = staticmethod(publish_complete)


def publish_complete(conf: Any, **options: Any) -> None:
    """Run ``asv publish`` into a new folder, which replaces the site once it is complete."""
    target = Path(conf.html_dir).absolute()
    try:
        require_results(Path(get_repo(conf)._path), Path(conf.results_dir))
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            new, old = Path(folder, "new"), Path(folder, "old")
            conf.html_dir = str(new)
            publish_in_place(conf, **options)
            conf.html_dir = str(target)
            with delay_interrupts():
                if target.exists():
                    target.rename(old)
                new.rename(target)
    except Failure as failure:
        raise util.UserError(str(failure)) from None
    except OSError as problem:
        raise util.UserError(f"the site can't be written ({problem}); the old one stays") from None


def require_results(upstream: Path, results: Path) -> None:
    """Refuse results that are damaged or lack a commit of the series; none at all are fine."""
    from dashboard import site_data

    for machine in site_data.measured_machines(results):
        site_data.sides_of(results / machine)
    missing = commits_without_results(upstream, results)
    if missing and any(results.glob("*/*-*.json")):
        names = ", ".join(f"{commit.name} ({commit.hash[:8]})" for commit in missing)
        raise Failure(f"no results of {names}; measure with: mfbench run --series")


class Commits(OutputPublisher):
    """Writes commits.html, which asv's pages link to for each commit."""

    order = 10

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Write the page; the keys of `revisions` are the hashes of the published commits."""
        from dashboard.before_after import TEMPLATES

        fields = "--format=%x1e%H%x1f%as%x1f%s%x1f%b"
        records = git(Path(repo._path), "log", "--no-walk", fields, *revisions).split("\x1e")[1:]
        commits = [record.split("\x1f") for record in records]
        text = TEMPLATES.get_template("commits.html").render(commits=commits)
        Path(conf.html_dir, "commits.html").write_text(text, encoding="utf-8")


class BeforeAfter(OutputPublisher):
    """Writes the page Before / after, its data and the patches; asv's own page becomes asv.html."""

    order = 20

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Write all of these."""
        # Imported here because asv loads its plugins for every command.
        from dashboard import before_after, npm_packages, site_data
        from mfbench.report.comparison_json import as_json
        from mfbench.report.status import measured_effects
        from mfbench.repository.patches import export
        from mfbench.verdict.revisions import compare_revisions

        site, results, upstream = Path(conf.html_dir), Path(conf.results_dir), Path(repo._path)
        npm_packages.install()
        npm_packages.make_asv_self_contained(site)
        patches = export(upstream, "main", site / "patches", measured_effects(upstream))
        data = site_data.document(results, upstream)
        machine = data["default"]["machine"]
        sides = ("main", "optimized")
        comparison = compare_revisions(results, upstream, sides, machine) if machine else None
        status = (ROOT / "STATUS.md").read_text(encoding="utf-8")
        page = before_after.page(data, comparison, status, patches)
        (site / "index.html").write_text(page, encoding="utf-8")
        folder = site / "data"
        folder.mkdir()
        for schema in (ROOT / "dashboard").glob("*.schema.json"):
            shutil.copy(schema, folder)
        (folder / "site.json").write_text(site_data.as_text(data), encoding="utf-8")
        if comparison is not None:
            (folder / "comparison.json").write_text(as_json(comparison), encoding="utf-8")
