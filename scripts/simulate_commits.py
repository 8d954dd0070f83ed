"""Publish simulated results of very many commits; print what this project's pages take."""

import json
import random
import resource
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
from asv.main import main as asv

from dashboard import publishers, regressions
from mfbench.foundation.errors import Failure, run
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.measure.asv_command import configuration, configured
from mfbench.report.readme_table import machine_of_tables
from mfbench.repository.build import require
from mfbench.repository.commits import NewCommit, write_commits
from mfbench.repository.series import find_commit

CASES = 300
# In seconds since 1970, and between two commits.
FIRST, STEP = 1_735_700_000, 5000


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--commits", type=click.IntRange(min=1), default=10_000, show_default=True)
def command(folder: Path, commits: int) -> None:
    """Publish simulated results of very many commits, once, and again with one commit more.

    FOLDER is made, and filled with a repository, its results and the site: 1.5 GB for 10,000
    commits. The results are those of the newest release, with other numbers.
    """
    require(UPSTREAM)
    machine = machine_of_tables(RESULTS, UPSTREAM)
    if folder.exists():
        raise Failure(f"{folder} exists; name a new folder")
    folder = folder.absolute()
    shutil.copytree(UPSTREAM, folder / "upstream", symlinks=True)
    shutil.copytree(RESULTS / machine, folder / "results" / machine)
    shutil.copy(RESULTS / "benchmarks.json", folder / "results")
    hashes = add_commits(folder / "upstream", commits)
    add_results(folder / "results" / machine, hashes[:-1])
    say("first", folder)
    add_results(folder / "results" / machine, hashes[-1:])
    say("with one commit more", folder)


def add_commits(upstream: Path, count: int) -> list[str]:
    """Write commits that change nothing on a branch of their own; return their hashes."""
    new = [NewCommit(f"Change {each}", {}, FIRST + STEP * each) for each in range(count)]
    oldest = git(upstream, "rev-list", "--max-parents=0", "main").split()[0]
    hashes = write_commits(upstream, oldest, new)
    git(upstream, "branch", "simulated", hashes[-1])
    return hashes


def add_results(folder: Path, hashes: list[str]) -> None:
    """Write results of each commit: those of the newest release, each number a little other."""
    (path,) = folder.glob(f"{find_commit(UPSTREAM, 'main')[:8]}-*.json")
    content, kept, cases = json.loads(path.read_text()), {}, 0
    places = [content["result_columns"].index(each) for each in ("result", "samples")]
    for name, columns in content["results"].items():
        number = len(columns[places[0]] or ())
        if cases + number <= CASES:
            kept[name], cases = columns, cases + number
    for number, commit in enumerate(hashes):
        noise = random.Random(commit)
        results = {name: list(columns) for name, columns in kept.items()}
        for columns in results.values():
            for place in places:
                if place < len(columns):
                    columns[place] = varied(columns[place], noise)
        made = content | {"commit_hash": commit, "results": results}
        made["date"] = 1000 * (FIRST + STEP * number)
        path.with_name(f"{commit[:8]}{path.name[8:]}").write_text(json.dumps(made))


def varied(values: Any, noise: random.Random) -> Any:
    """Change each time by a few percent; counts and gaps stay."""
    if isinstance(values, list):
        return [varied(each, noise) for each in values]
    return values * noise.gauss(1, 0.02) if isinstance(values, float) else values


def say(when: str, folder: Path) -> None:
    """Publish in a process of its own; print how long our pages took, and its memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        own, whole, megabytes = pool.submit(publish, folder).result()
    print(f"{when}: {own:.1f} s for our pages, {whole:.1f} s with asv's, {megabytes:.0f} MB")


def publish(folder: Path) -> tuple[float, float, float]:
    """Return the seconds of our pages, those of all pages, and megabytes of memory."""
    spent: list[float] = []
    pages = [(each, "publish") for each in (publishers.Commits, publishers.Site, regressions)]
    for owner, name in ((publishers, "read_measured"), *pages):
        setattr(owner, name, timed(getattr(owner, name), spent))
    conf = configuration()
    for key, name in (("results_dir", "results"), ("html_dir", "html"), ("repo", "upstream")):
        setattr(conf, key, str(folder / name))
    begun = time.perf_counter()
    with configured(conf) as path:
        sys.argv = ["asv", "--config", path, "publish"]
        try:
            asv()
        except SystemExit as ended:
            if ended.code:
                raise Failure("asv can't publish; above is why") from None
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return sum(spent), time.perf_counter() - begun, kilobytes / 1000


def timed(function: Any, spent: list[float]) -> Any:
    """Return a function that does the same, and notes how long that takes."""

    def call(*arguments: Any) -> Any:
        begun = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            spent.append(time.perf_counter() - begun)

    return call


if __name__ == "__main__":
    sys.exit(run(lambda: command(standalone_mode=False)))
