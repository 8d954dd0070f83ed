"""The committed results of main, its control and the series, and copies to be damaged."""

from __future__ import annotations

import json
import shutil
from statistics import median

import pytest

from mfbench.foundation.git_command import commit_of
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.repository.control import control_of
from mfbench.results.benchmarks import read_benchmarks

# The machine on which all of the series was measured.
MACHINE = "epyc-series"
NAMES = ("main", "optimized")


@pytest.fixture
def copied(tmp_path):
    """A copy of the results of main, the control and the branch."""
    folder = tmp_path / "results" / MACHINE
    folder.mkdir(parents=True)
    main = commit_of(UPSTREAM, "main")
    for commit in (main, control_of(UPSTREAM, main), commit_of(UPSTREAM, "optimized")):
        (found,) = (RESULTS / MACHINE).glob(f"{commit[:8]}-*.json")
        shutil.copy(found, folder)
    shutil.copy(RESULTS / MACHINE / "machine.json", folder)
    shutil.copy(RESULTS / "benchmarks.json", folder.parent)
    known = read_benchmarks(RESULTS)
    renew(folder, {name: each for name, each in known.items() if each.unit != "wrong answers"})
    return folder.parent


def file_of(results, name):
    (found,) = (results / MACHINE).glob(f"{commit_of(UPSTREAM, name)[:8]}-*.json")
    return found


def measured_with(results, python, *names):
    """Store what a machine measured of commits as if another Python had measured it, too."""
    for name in names or (*NAMES, control_of(UPSTREAM, commit_of(UPSTREAM, "main"))):
        (path,) = (results / MACHINE).glob(f"{commit_of(UPSTREAM, name)[:8]}-*-py3.11-*.json")
        text = path.read_text().replace("-py3.11-", f"-py{python}-")
        content = json.loads(text) | {"python": python}
        path.with_name(path.name.replace("-py3.11-", f"-py{python}-")).write_text(
            json.dumps(content)
        )


def edit(results, name, change):
    path = file_of(results, name)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def add_answers(results, name, answers):
    """Store whether `ParallelMap`'s answers are wrong: 0, 1, or None (it failed), by its tasks."""

    def add(content):
        columns = {"result": [*answers.values()], "params": [list(map(repr, answers))]}
        stored = [columns.get(each, "1") for each in content["result_columns"][:3]]
        content["results"]["answers.ParallelMap.track_wrong"] = stored

    edit(results, name, add)


def renew(folder, benchmarks):
    """Let copies of results be as if today's benchmarks had measured them.

    They are of today's versions and have as many samples as these take. Where all else was
    measured, all answers are right.
    """
    for path in folder.glob("*-*.json"):
        content = json.loads(path.read_text())
        results, place = content["results"], content["result_columns"].index("version")
        for name, known in benchmarks.items():
            if name in results:
                results[name][place] = known.version
                found = dict(zip(content["result_columns"], results[name]))
                for number, samples in enumerate(found.get("samples") or ()):
                    if samples:
                        samples[:] = (samples * known.rounds)[: max(known.rounds, len(samples))]
                        found["result"][number] = median(samples)
            elif known.unit == "wrong answers" and "flows.Card.time_run" in results:
                right = [0] * len(known.cases())
                results[name] = [right, [list(each) for each in known.parameters], known.version]
        path.write_text(json.dumps(content))


def column(content, benchmark, name):
    """Return one column of a benchmark's results, to be changed in place where it is a list."""
    return content["results"][benchmark][content["result_columns"].index(name)]
