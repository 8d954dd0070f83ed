"""asv plugin: publishes the Before / after page beside asv's own, all of it or nothing."""

from __future__ import annotations

import html
import shutil
import tempfile
from pathlib import Path
from typing import Any

from asv import util
from asv.commands import publish
from asv.publishing import OutputPublisher
from asv.repo import get_repo

from scripts.errors import Failure
from scripts.git_command import before_interrupts, commit_of, git
from scripts.optimize import commits_without_results
from scripts.paths import ROOT

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Measured commits of metaflow</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto }}
pre {{ white-space: pre-wrap }}
:target {{ outline: 2px solid; outline-offset: .5rem }}
</style>
<h1>Measured commits of metaflow</h1>
<p>The repository under test is made from released sdists; these hashes exist only there.
<a href="index.html">Back to the benchmarks</a>.</p>
{commits}
</html>
"""
COMMIT = (
    '<article id="{commit}"><h2>{title}</h2><p><code>{commit}</code>, {date}</p>{body}</article>'
)


def publish_complete(conf: Any, **options: Any) -> None:
    """Run ``asv publish`` into a folder beside the site, which takes its place when it is whole.

    It refuses a series that is measured in part, and damaged results; the site that was there
    stays then.
    """
    target = Path(conf.html_dir).absolute()
    try:
        require_results(Path(get_repo(conf)._path), Path(conf.results_dir))
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            conf.html_dir = str(Path(folder) / "site")
            try:
                publish_anyway(conf, **options)
            finally:
                conf.html_dir = str(target)
            with before_interrupts():
                replace_folder(Path(folder) / "site", target, Path(folder) / "before")
    except Failure as failure:
        raise util.UserError(str(failure)) from None
    except OSError as problem:
        raise util.UserError(
            f"the site can't be written ({problem}); the one before stays"
        ) from None


def require_results(upstream: Path, results: Path) -> None:
    """Refuse results that are damaged or lack a commit of the series; none at all are fine."""
    from dashboard import site_data

    for machine in site_data.measured_machines(results):
        site_data.sides_of(results / machine)
    missing = commits_without_results(upstream, results)
    if missing and any(results.glob("*/*-*.json")):
        names = ", ".join(f"{commit.name} ({commit.hash[:8]})" for commit in missing)
        raise Failure(f"no results for {names}; measure with: python -m scripts.bench --full")


def replace_folder(new: Path, target: Path, aside: Path) -> None:
    """Put a folder in the place of another, which is moved aside."""
    if target.exists():
        target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        if aside.exists():
            aside.rename(target)
        raise
    target.chmod(0o755)


publish_anyway = publish.Publish.run


def setup() -> None:
    """Put the check above into asv."""
    publish.Publish.run = staticmethod(publish_complete)


class BeforeAfter(OutputPublisher):
    """Writes the landing page and its data; asv's own page becomes asv.html."""

    order = 20

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Write the page, its data, and the series as patches; parameters as asv gives them."""
        # Not above: asv loads its plugins for each command.
        from dashboard import before_after, npm_packages, site_data
        from scripts import compare
        from scripts.comparison_report import as_json
        from scripts.optimize import export
        from scripts.status import measured_effects

        site, results, upstream = Path(conf.html_dir), Path(conf.results_dir), Path(repo._path)
        npm_packages.install()
        npm_packages.make_asv_self_contained(site)
        export(upstream, "main", site / "patches", measured_effects(upstream))
        data = site_data.document(results, upstream)
        machine, names = data["default"]["machine"], ("main", "optimized")
        measured = data["results"].get(machine, {})
        comparison = None
        if any(commit_of(upstream, name) in measured for name in names):
            comparison = compare.load(results, upstream, names, machine)
        described = ROOT / "STATUS.md"
        status = described.read_text(encoding="utf-8") if described.exists() else ""
        patches = before_after.patches_in(site)
        made = before_after.page(data, comparison, status, patches)
        (site / "index.html").write_text(made, encoding="utf-8")
        folder = site / "data"
        folder.mkdir()
        (folder / "site.json").write_text(site_data.as_text(data), encoding="utf-8")
        for schema in ("site.schema.json", "comparison.schema.json"):
            shutil.copyfile(ROOT / "dashboard" / schema, folder / schema)
        if comparison is not None:
            (folder / "comparison.json").write_text(as_json(comparison), encoding="utf-8")


class Commits(OutputPublisher):
    """Writes commits.html, which asv's pages link to for each commit."""

    order = 10

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Write the page.

        Parameters
        ----------
        conf, repo, benchmarks, graphs
            As asv gives them.
        revisions : dict
            The published commits, as hashes.
        """
        commits = sorted(revisions, key=revisions.__getitem__, reverse=True)
        text = "\n".join(describe(Path(repo._path), commit) for commit in commits)
        Path(conf.html_dir, "commits.html").write_text(PAGE.format(commits=text), encoding="utf-8")


def describe(repository: Path, commit: str) -> str:
    """Return one commit as HTML."""
    said = git(repository, "show", "--no-patch", "--format=%aI%x00%s%x00%b", commit)
    date, title, body = said.split("\0")
    return COMMIT.format(
        commit=commit,
        title=html.escape(title),
        date=date[:10],
        body=f"<pre>{html.escape(body.strip())}</pre>" if body.strip() else "",
    )
