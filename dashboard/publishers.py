"""asv plugin: completes the site that `asv publish` writes, and replaces it whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from asv import results as asv_results
from asv import util
from asv.commands import publish
from asv.console import log
from asv.plugins.regressions import Regressions
from asv.publishing import OutputPublisher
from asv.repo import get_repo

from dashboard.result_files import Measured, read_measured
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import delay_interrupts, git
from mfbench.foundation.paths import ROOT

publish_in_place = publish.Publish.run


def setup() -> None:
    """Let ``asv publish`` run `publish_complete`."""
    publish.Publish.run = staticmethod(publish_complete)
    Regressions.publish = classmethod(publish_regressions)


def publish_complete(conf: Any, **options: Any) -> None:
    """Run ``asv publish`` into a new folder, which replaces the site once it is complete."""
    target = Path(conf.html_dir).absolute()
    try:
        upstream = Path(get_repo(conf)._path)
        Site.old = target
        show(read_measured(Path(conf.results_dir), upstream), upstream)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            new, old = Path(folder, "new"), Path(folder, "old")
            conf.html_dir = str(new)
            publish_in_place(conf, **options)
            adjust_index(new / "index.json")
            conf.html_dir = str(target)
            with delay_interrupts():
                if target.exists():
                    target.rename(old)
                new.rename(target)
    except Failure as failure:
        raise util.UserError(str(failure)) from None
    except OSError as problem:
        raise util.UserError(f"the site can't be written ({problem}); the old one stays") from None


def show(measured: Measured, upstream: Path) -> None:
    """Let asv's pages and this project's show what was measured; say what is left out."""
    Site.measured = measured
    if count := measured.of_unknown_commits:
        log.warning(f"{count} results are of commits that {upstream.name}/ lacks: not shown")
    if count := measured.of_other_pythons:
        log.warning(f"{count} results are of other Pythons than most of their machine: not shown")
    read = [(str(path.parent), path.name, path.parent.name) for path in measured.read]
    if len(read) < sum(len(each) for found in measured.files.values() for each in found.values()):
        log.info("very many commits: asv's graphs show releases, ends of branches and the newest")
    asv_results.iter_results_paths = lambda _: iter(read)


def adjust_index(index: Path) -> None:
    """Remove what checks answers from asv's list, and say of all else that less is better."""
    content = json.loads(index.read_text(encoding="utf-8"))
    known = content["benchmarks"]
    # asv-tachyon takes more of what is counted for better unless it is told so.
    less = {"less_is_better": True}
    content["benchmarks"] = {
        name: each | less for name, each in known.items() if not name.startswith("answers.")
    }
    index.write_text(json.dumps(content), encoding="utf-8")
    for summary in index.parent.glob("graphs/**/summary.json"):
        rows = json.loads(summary.read_text(encoding="utf-8"))
        kept = [row for row in rows if not row["name"].startswith("answers.")]
        summary.write_text(json.dumps(kept), encoding="utf-8")


def publish_regressions(cls: type[Regressions], *given: Any) -> None:
    """Let asv's page of regressions and its feed say what the verdict engine does."""
    from dashboard import regressions

    regressions.publish(cls, Site.measured, *given)


class Commits(OutputPublisher):
    """Writes commits.html, which asv's pages link to for each commit."""

    order = 10

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Write the page; the keys of `revisions` are the hashes of the published commits."""
        from markupsafe import Markup

        from dashboard.pages import PAGE, TEMPLATES

        fields = "--format=%x1e%H%x1f%as%x1f%s%x1f%b"
        records = git(Path(repo._path), "log", "--no-walk", fields, *revisions).split("\x1e")[1:]
        commits = [record.split("\x1f") for record in records]
        style = Markup((PAGE / "page.css").read_text(encoding="utf-8"))
        text = TEMPLATES.get_template("commits.html").render(commits=commits, style=style)
        Path(conf.html_dir, "commits.html").write_text(text, encoding="utf-8")


class Site(OutputPublisher):
    """Writes the page, its data and the patches; asv's own page becomes asv.html."""

    order = 20
    # What `publish_complete` read, and the site that it will replace.
    measured: Measured
    old: Path

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Write all of these."""
        # Imported here because asv loads its plugins for every command.
        from dashboard import npm_packages, pages, parts, site_data
        from dashboard.commits_data import name_of
        from dashboard.one_page import one_page
        from dashboard.trends import trends
        from mfbench.report.comparison_json import as_json
        from mfbench.report.pulls import measured_effects
        from mfbench.repository.build import is_clone
        from mfbench.repository.patches import export
        from mfbench.repository.series import read_series
        from mfbench.results.benchmarks import read_benchmarks
        from mfbench.results.changes import read_changes
        from mfbench.verdict.revisions import compare_revisions

        site, results, upstream = Path(conf.html_dir), cls.measured.results, Path(repo._path)
        npm_packages.install()
        npm_packages.make_asv_self_contained(site)
        patches = []
        if any(commit.files for commit in read_series(upstream)):
            patches = export(upstream, "main", site / "patches", measured_effects(upstream))
        data = site_data.document(cls.measured, upstream)
        first = data["default"]
        names = [name_of(upstream, first[side], data["commits"]) for side in ("base", "head")]
        machine = first["machine"]
        comparison = compare_revisions(results, upstream, names, machine) if machine else None
        shown = pages.labelled(comparison, data["commits"]) if comparison else None
        known = read_benchmarks(results) if machine else {}
        changes = read_changes(results.parent / "records" / "changes.json").found
        tiles = trends(cls.measured.sides, data["commits"], known, upstream, shown, changes)
        # STATUS.md tells of released metaflow.
        status = "" if is_clone(upstream) else (ROOT / "STATUS.md").read_text(encoding="utf-8")
        page = pages.page(data, shown, status, patches, tiles, changes=changes)
        (site / "index.html").write_text(page, encoding="utf-8")
        folder = site / "data"
        parts.write(data, cls.measured, folder, cls.old / "data")
        for schema in (ROOT / "dashboard").glob("*.schema.json"):
            shutil.copy(schema, folder)
        (folder / "site.json").write_text(parts.as_text(data), encoding="utf-8")
        if comparison is not None and shown is not None:
            (folder / "comparison.json").write_text(as_json(comparison), encoding="utf-8")
            (site / "comparison.html").write_text(
                one_page(data, cls.measured, shown, status), encoding="utf-8"
            )
