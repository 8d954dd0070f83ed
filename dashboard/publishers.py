"""asv plugin: refuses to publish a half-measured series, and explains the commits."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from asv import util
from asv.commands import publish
from asv.publishing import OutputPublisher
from asv.repo import get_repo

from scripts.errors import Failure
from scripts.git_command import git
from scripts.optimize import commits_without_results

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
    """Run ``asv publish``, unless a commit of the series has no results.

    Before it begins, for it begins by removing the site that was there.
    """
    try:
        missing = commits_without_results(Path(get_repo(conf)._path), Path(conf.results_dir))
    except Failure as failure:
        raise util.UserError(str(failure)) from None
    if missing:
        names = ", ".join(f"{commit.name} ({commit.hash[:8]})" for commit in missing)
        raise util.UserError(
            f"no results for {names}; measure with: python -m scripts.bench --full"
        )
    publish_anyway(conf, **options)


publish_anyway = publish.Publish.run


def setup() -> None:
    """Put the check above into asv."""
    publish.Publish.run = staticmethod(publish_complete)


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
