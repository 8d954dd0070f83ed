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

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import delay_interrupts, git
from mfbench.foundation.paths import IGNORED_MACHINES, ROOT
from mfbench.results.reader import usual_files

# Of more measured commits, asv's graphs show the releases and the newest: all would take hours.
MOST_DRAWN, NEWEST_DRAWN = 1000, 200
publish_in_place, every_file = publish.Publish.run, asv_results.iter_results_paths


def setup() -> None:
    """Let ``asv publish`` run `publish_complete`."""
    publish.Publish.run = staticmethod(publish_complete)
    Regressions.publish = classmethod(publish_regressions)


def publish_complete(conf: Any, **options: Any) -> None:
    """Run ``asv publish`` into a new folder, which replaces the site once it is complete."""
    target = Path(conf.html_dir).absolute()
    try:
        require_sound(Path(conf.results_dir))
        hide_files(conf, Path(get_repo(conf)._path))
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


def require_sound(results: Path) -> None:
    """Refuse results of which something is damaged or missing; none at all are fine."""
    from dashboard import site_data

    for machine in site_data.measured_machines(results):
        site_data.sides_of(results / machine)


def hide_files(conf: Any, upstream: Path) -> None:
    """Let asv pass over results of unpublished machines, unknown commits and unusual Pythons."""
    ordered = [each[:8] for each in git(upstream, "rev-list", "--all").split()]
    commits = set(ordered)
    files = [
        (folder, file, machine)
        for folder, file, machine in every_file(conf.results_dir)
        if Path(folder).name not in IGNORED_MACHINES
    ]
    known = [each for each in files if each[1][:8] in commits]
    if others := len(files) - len(known):
        log.warning(f"{others} results are of commits that {upstream.name}/ lacks: not shown")
    usual = {path for name in {each[0] for each in known} for path in usual_files(Path(name))}
    shown = [each for each in known if Path(*each[:2]) in usual]
    if others := len(known) - len(shown):
        log.warning(f"{others} results are of other Pythons than most of their machine: not shown")
    measured = {file[:8] for _, file, _ in shown}
    if len(measured) > MOST_DRAWN:
        newest = [each for each in ordered if each in measured][:NEWEST_DRAWN]
        tagged = git(upstream, "rev-list", "--no-walk", "--tags").split()
        drawn = {*newest, *(each[:8] for each in tagged)}
        shown = [each for each in shown if each[1][:8] in drawn]
        log.info(f"asv's graphs show the releases and the newest {NEWEST_DRAWN} commits")
    asv_results.iter_results_paths = lambda _: iter(shown)


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

    regressions.publish(cls, *given)


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

        site, results, upstream = Path(conf.html_dir), Path(conf.results_dir), Path(repo._path)
        npm_packages.install()
        npm_packages.make_asv_self_contained(site)
        patches = []
        if any(commit.files for commit in read_series(upstream)):
            patches = export(upstream, "main", site / "patches", measured_effects(upstream))
        sides = site_data.read_all(results)
        data = site_data.document(results, upstream, sides=sides)
        first = data["default"]
        names = [name_of(upstream, first[side], data["commits"]) for side in ("base", "head")]
        machine = first["machine"]
        comparison = compare_revisions(results, upstream, names, machine) if machine else None
        shown = pages.labelled(comparison, data["commits"]) if comparison else None
        known = read_benchmarks(results) if machine else {}
        changes = read_changes(results.parent / "records" / "changes.json").found
        tiles = trends(sides, data["commits"], known, upstream, shown, changes)
        # STATUS.md tells of released metaflow.
        status = "" if is_clone(upstream) else (ROOT / "STATUS.md").read_text(encoding="utf-8")
        page = pages.page(data, shown, status, patches, tiles, changes=changes)
        (site / "index.html").write_text(page, encoding="utf-8")
        folder = site / "data"
        parts.write(data, folder)
        for schema in (ROOT / "dashboard").glob("*.schema.json"):
            shutil.copy(schema, folder)
        (folder / "site.json").write_text(parts.as_text(data), encoding="utf-8")
        if comparison is not None and shown is not None:
            (folder / "comparison.json").write_text(as_json(comparison), encoding="utf-8")
            (site / "comparison.html").write_text(one_page(data, shown, status), encoding="utf-8")
