"""`mfbench results export`: one row for each measurement, and README's table from ten lines."""

import json
import re
import shutil
import sys
from math import prod
from statistics import median

import polars
import pytest

from dashboard.commits_data import commits_data
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.report.readme_table import ROWS, SIDES
from mfbench.report.words import value_text
from mfbench.repository.named_commits import named_commits
from mfbench.repository.series import find_commit
from mfbench.results import export
from mfbench.results.machines import machines_with
from tests.command_line import mfbench
from tests.committed import MACHINE, edit, file_of
from tests.conftest import NEWEST

AUTHOR = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
KEY = ["commit", "machine", "environment", "case"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory, committed_results):
    """The committed results, as the file that the command writes."""
    path = tmp_path_factory.mktemp("exported") / "results.parquet"
    export.export(committed_results, UPSTREAM, path)
    return path


@pytest.fixture(scope="module")
def table(exported):
    """The same, read by polars."""
    return polars.read_parquet(exported)


def test_each_case_of_each_file_is_one_row(table, committed_results):
    assert table.select(KEY).is_unique().all()
    for path in committed_results.glob("*/*-*.json"):
        stored = json.loads(path.read_text())
        columns = stored["result_columns"]
        known = {name: dict(zip(columns, each)) for name, each in stored["results"].items()}
        rows = table.filter(commit=stored["commit_hash"], machine=path.parent.name)
        assert len(rows) == sum(prod(map(len, each["params"])) for each in known.values())
        assert set(rows["date"].dt.epoch("ms")) == {stored["date"]}
        for name, began in rows.group_by("benchmark").agg("began").iter_rows():
            assert {1000 * each.timestamp() for each in began} == {known[name]["started_at"]}
        values = [value for each in known.values() for value in each["result"] or ()]
        assert rows["statistic"].count() == sum(value == value is not None for value in values)


def test_the_statistic_is_the_median_of_the_samples(table):
    sampled = table.filter(polars.col("samples").list.len() > 0)
    assert len(sampled) > 1000 and set(sampled["unit"]) >= {"seconds"}
    for statistic, samples in sampled.select("statistic", "samples").iter_rows():
        assert median(samples) == pytest.approx(statistic, rel=1e-5)


def test_commits_are_called_as_on_the_site(table):
    named = dict(table.select("commit", "name").unique().iter_rows())
    told = commits_data(UPSTREAM, named)
    labels = {each["hash"]: each["label"] for each in told if each["label"] != each["hash"][:8]}
    assert {commit: name for commit, name in named.items() if name} == labels
    roles = dict(table.select("name", "role").unique().iter_rows())
    assert (roles["control"], roles["optimized"]) == ("control", "optimization")
    assert sum(role == "release" for role in roles.values()) > 100


def test_development_commits_are_called_by_their_branch_or_not_at_all(upstream, copied, tmp_path):
    git(upstream, "branch", "optimized", "main")
    git(upstream, "switch", "--quiet", "--create", "mine")
    for title in ("Try it", "Mend it"):
        git(upstream, *AUTHOR, "commit", "--quiet", "--allow-empty", "-m", title)
    names = {each.hash: (each.name, each.role) for each in named_commits(upstream)}
    assert names[find_commit(upstream, "mine~1")] == ("", "other")
    assert names[find_commit(upstream, "mine")] == ("mine", "other")
    assert names[find_commit(upstream, "mine~2")] == (NEWEST, "release")
    # What upstream/ lacks has no name, and is in the table.
    edit(copied, "main", lambda content: content.update(commit_hash="0" * 40))
    export.export(copied, UPSTREAM, tmp_path / "r.parquet")
    rows = polars.read_parquet(tmp_path / "r.parquet").filter(commit="0" * 40)
    assert set(rows.select("name", "role").iter_rows()) == {("", "other")}


def test_a_table_of_several_parts_is_the_same(copied, tmp_path, monkeypatch):
    paths = [tmp_path / f"{name}.parquet" for name in ("whole", "parts")]
    export.export(copied, UPSTREAM, paths[0])
    monkeypatch.setattr(export, "MOST_ROWS", 100)
    export.export(copied, UPSTREAM, paths[1])
    whole, parts = map(polars.read_parquet, paths)
    assert len(whole) > 500 and whole.equals(parts) and whole.schema == parts.schema


def test_results_that_git_ignores_are_left_out(copied, tmp_path):
    shutil.copytree(copied / MACHINE, copied / "ci")
    export.export(copied, UPSTREAM, tmp_path / "r.parquet")
    assert set(polars.read_parquet(tmp_path / "r.parquet")["machine"]) == {MACHINE}


def test_what_is_wrong_ends_in_a_line_and_the_old_table_stays(copied, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "RESULTS", copied)
    path = tmp_path / "table" / "results.parquet"

    def fails(code, said, *arguments):
        finished = mfbench("results", "export", *arguments)
        assert (finished.returncode, finished.stderr.count("\n")) == (code, 1)
        assert said in finished.stderr

    assert mfbench("results", "export", "--format", "parquet", "--output", path).stderr == ""
    before = path.read_bytes()
    fails(3, "name the file to write: --output FILE")
    file_of(copied, "optimized").write_text("{half")
    fails(3, "is damaged", "--output", path)
    shutil.rmtree(copied / MACHINE)
    fails(2, "there are no results to export", "--output", path)
    monkeypatch.setitem(sys.modules, "polars", None)
    fails(3, "run make setup", "--output", path)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_the_lines_in_the_document_make_readme_s_table(exported, monkeypatch, capsys):
    if not machines_with(RESULTS, [find_commit(UPSTREAM, name) for name in SIDES]):
        pytest.skip("the series was changed and not measured since")
    document = (ROOT / "docs" / "using.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(import polars.+?)```", document, re.DOTALL)
    assert len(code.splitlines()) <= 10
    monkeypatch.chdir(exported.parent)
    names = {}
    exec(code, names)
    assert "statistic_after" in capsys.readouterr().out
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (machine,) = re.findall(r"Machine: `(.+?)`", readme)
    for label, case in ROWS.items():
        published = re.search(
            rf"^\| {re.escape(label)} \| (.+?) \| (.+?) \| \*\*([\d.]+)× faster\*\*", readme, re.M
        )
        (row,) = names["both"].filter(machine=machine, case=case).to_dicts()
        values = [value_text(row[name], row["unit"]) for name in ("statistic", "statistic_after")]
        assert (*values, f"{row['ratio']:.3g}") == published.groups()
