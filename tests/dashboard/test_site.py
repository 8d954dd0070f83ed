"""The published site: whole or not at all, without other hosts, with data that programs read."""

import json
import os
import re
import shutil
from xml.etree import ElementTree

import jsonschema
import pytest

from dashboard import commits_data, parts, result_files, site_data
from dashboard.result_files import read_measured
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of, git
from mfbench.foundation.paths import ROOT, UPSTREAM
from mfbench.repository import build
from mfbench.repository.series import build_series, read_pulls, read_series
from optimizations import SERIES
from tests.committed import MACHINE, edit, file_of, measured_with
from tests.conftest import NEWEST
from tests.published_sites import publish

AUTHOR = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
OTHER_HOST = re.compile(r"""(?:src|href)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//""")


@pytest.mark.slow
def test_the_data_is_what_its_schema_says_and_small(published):
    for name in ("site", "comparison"):
        text = (published / "data" / f"{name}.json").read_text()
        data = json.loads(text, parse_constant=pytest.fail)
        schema = json.loads((published / "data" / f"{name}.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(data, schema, cls=jsonschema.Draft202012Validator)
        assert len(data.get("rows", data.get("cases"))) > 100 and len(text) < 3e6


def test_commits_are_called_what_people_call_them(data):
    by_hash = {each["hash"]: each for each in data["commits"]}
    main, tip = (commit_of(UPSTREAM, name) for name in ("main", "optimized"))
    assert (by_hash[main]["label"], by_hash[main]["role"]) == (NEWEST, "release")
    assert (by_hash[tip]["label"], by_hash[tip]["role"]) == ("optimized", "optimization")
    control = by_hash[data["series"]["commits"][0]]
    assert (control["role"], control["control_of"]) == ("control", main)
    assert [each for each in by_hash.values() if each["control_of"]] == [control]
    assert data["commits"] == sorted(data["commits"], key=lambda each: each["date"])


def test_an_optimisation_alone_is_called_by_its_branch():
    build.ensure(UPSTREAM)
    series, pulls = read_series(UPSTREAM), read_pulls(UPSTREAM)
    found = commits_data.commits_data(UPSTREAM, [each.hash for each in pulls])
    shared = {each.hash for each in series}
    expected = {each.name if each.hash in shared else f"pr/{each.name}" for each in pulls}
    assert {each["label"] for each in found} == expected
    assert {each["role"] for each in found} == {"optimization"}


def test_development_commits_are_called_by_branch_or_hash(upstream):
    commits = []
    for title in ("Try it", "Mend it"):
        git(upstream, *AUTHOR, "commit", "--quiet", "--allow-empty", "-m", title)
        commits.append(git(upstream, "rev-parse", "HEAD"))
    git(upstream, "branch", "--move", "mine")
    # One that the repository does not have is left out.
    found = commits_data.commits_data(upstream, [*commits, "0" * 40])
    told = {(each["label"], each["title"], each["role"]) for each in found}
    assert told == {(commits[0][:8], "Try it", "other"), ("mine", "Mend it", "other")}
    assert [commits_data.name_of(upstream, each, found) for each in commits] == [
        commits[0][:8],
        "mine",
    ]


@pytest.mark.slow
def test_a_site_replaces_the_old_one_and_loads_nothing_from_another_host(published):
    assert not (published / "old.html").exists()
    assert {each.name for each in published.parent.iterdir()} == {"site", "upstream"}
    for path in [*published.glob("*.html"), *published.rglob("*.css")]:
        text = path.read_text(encoding="utf-8")
        assert not OTHER_HOST.search(re.sub(r"<a\b[^>]*>", "", text)), path.name
    page = (published / "asv.html").read_text()
    for address in re.findall(r'(?:src|href)="([^"#:]+)"', page):
        assert (published / address).exists(), address
    assert (published / "vendor/bootstrap/fonts/glyphicons-halflings-regular.woff").exists()
    lock = (ROOT / "dashboard" / "package-lock.json").read_text()
    assert "://" not in re.sub(r'"(?:url|funding)": (?:"[^"]*"|\{[^}]*\})', "", lock)


@pytest.mark.slow
def test_patches_are_in_the_site_and_the_table_leads_to_them(published):
    page = (published / "index.html").read_text(encoding="utf-8")
    for name in (each.name for each in SERIES):
        (path,) = set(re.findall(rf'<a href="(patches/[^"]+)"><code>{name}</code></a>', page))
        patch = (published / path).read_text()
        assert "Subject: [PATCH" in patch and f"Optimization: {name}" in patch
    assert len(list((published / "patches").iterdir())) == len(SERIES)


@pytest.mark.slow
def test_regressions_are_what_the_engine_says_of_neighbouring_releases(published):
    text = (published / "regressions.json").read_text()
    assert "Infinity" not in text and "NaN" not in text
    found = json.loads(text)["regressions"]
    # No two releases were timed in one run, and only counts of instructions are regressions.
    assert {name.partition(".")[0] for name, *_ in found} == {"instructions", "scheduler"}
    hashes = json.loads((published / "index.json").read_text())["revision_to_hash"]
    (jumps,) = (
        jumps
        for name, _, chosen, *_, jumps in found
        if name == "instructions.Command.track_run(import metaflow)"
        and chosen["machine"] == "reference"
    )
    # docs/history.md has this step, too.
    (slower,) = (j for j in jumps if hashes[str(j[1])] == commit_of(UPSTREAM, "2.16.8"))
    assert slower[0] is None and slower[3] / slower[2] == pytest.approx(1.107, abs=1e-3)
    feed = ElementTree.parse(published / "regressions.xml").getroot()
    entries = feed.findall("{*}entry")
    ids = [entry.findtext("{*}id") for entry in entries]
    assert len(ids) == len(set(ids)) == len({(name, *j[:2]) for name, *_, js in found for j in js})
    assert any("10.65% instructions.Command" in entry.findtext("{*}title") for entry in entries)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["damaged", "missing"])
def test_what_is_damaged_or_missing_ends_in_a_line_and_the_old_site_stays(tmp_path, copied, kind):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "old.html").touch()
    if kind == "damaged":
        path = file_of(copied, "optimized")
        path.write_text(path.read_text()[:2000])
    else:
        path = copied / MACHINE / "machine.json"
        path.unlink()
    finished = publish(copied, tmp_path / "site", UPSTREAM)
    (said,) = (finished.stdout + finished.stderr).splitlines()
    assert finished.returncode == 1
    assert f"{MACHINE}/{path.name} is {kind}" in said and "restore it with git" in said
    assert [each.name for each in tmp_path.rglob("*.html")] == ["old.html"]


@pytest.mark.slow
def test_a_clone_in_which_no_optimisation_applies_has_a_site(tmp_path, copied, upstream, look):
    git(upstream, "rm", "--quiet", "-r", "metaflow")
    git(upstream, *AUTHOR, "commit", "--quiet", "-m", "Begin anew")
    build.clone(tmp_path / "clone", str(upstream))
    build_series(tmp_path / "clone")
    path = file_of(copied, "main")
    commit = commit_of(upstream, "main")
    path.write_text(path.read_text().replace(commit_of(UPSTREAM, "main"), commit))
    path.rename(path.with_name(f"{commit[:8]}-{path.name.partition('-')[2]}"))
    # What is measured to test the tools is on no page.
    for path in shutil.copytree(copied / MACHINE, copied / "ci").iterdir():
        path.write_text(path.read_text().replace(f'"{MACHINE}"', '"ci"'))
    finished = publish(copied, tmp_path / "site", tmp_path / "clone")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "2 results are of commits that clone/ lacks: not shown" in finished.stdout
    page = look(tmp_path / "site" / "index.html", "#view=compare")
    assert page.inner_text("#names") == "main → main"
    assert "Base and head are the same commit" in page.inner_text("#sentence")
    page.fill("#base", "main")
    options = page.locator("#commits option")
    assert options.all_text_contents() == ["Begin anew"]
    assert json.loads((tmp_path / "site" / "index.json").read_text())["params"]["machine"] == [
        MACHINE
    ]


@pytest.mark.slow
def test_results_of_other_pythons_than_the_usual_one_are_counted_and_not_shown(tmp_path, copied):
    measured_with(copied, "3.10", "main", "optimized")
    finished = publish(copied, tmp_path / "site", UPSTREAM)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "2 results are of other Pythons than most of their machine: not shown" in finished.stdout
    of_page, of_asv, compared = (
        json.loads((tmp_path / "site" / name).read_text())
        for name in ("data/site.json", "index.json", "data/comparison.json")
    )
    parts = [
        (tmp_path / "site" / "data" / "results" / MACHINE / f"{commit}.js").read_text()
        for commit in of_page["measured"][MACHINE]
    ]
    assert len(parts) == 3 and not [each for each in parts if "pinned-py3.10" in each]
    assert of_asv["params"]["python"] == [compared["circumstances"]["python"]] == ["3.11"]


@pytest.mark.slow
def test_what_is_as_before_is_not_written_again(tmp_path, copied):
    found = []
    for mark in ("first", "second"):
        edit(copied, "optimized", lambda content, mark=mark: content.update(mark=mark))
        finished = publish(copied, tmp_path / "site", UPSTREAM)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        folder = tmp_path / "site" / "data" / "results" / MACHINE
        parts = [folder / f"{commit_of(UPSTREAM, name)}.js" for name in ("main", "optimized")]
        found.append([(path.stat().st_ino, "second" in path.read_text()) for path in parts])
    (main, _), (main_again, optimized_again) = found
    assert main_again == main and optimized_again[1]


def test_a_file_of_another_commit_is_named(copied):
    path = file_of(copied, "optimized")
    path.rename(path.with_name(f"{commit_of(UPSTREAM, 'main~1')[:8]}{path.name[8:]}"))
    with pytest.raises(Failure, match=r"json holds results of another commit; restore it with git"):
        read_measured(copied, UPSTREAM)


def test_a_part_is_written_anew_if_a_file_or_the_form_of_parts_has_changed(tmp_path, copied):
    measured = read_measured(copied, UPSTREAM)
    data = site_data.document(measured, UPSTREAM)
    folders = [tmp_path / name for name in ("first", "second", "third")]
    schema = "site.schema.json"
    for folder, old in zip(folders, [tmp_path, *folders]):
        parts.write(data, measured, folder, old)
        if folder == folders[0]:
            shutil.copy(ROOT / "dashboard" / schema, folder)
        path = file_of(copied, "main")
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        path.write_text(path.read_text() + " ")
        # As rsync and cp -p do.
        os.utime(path, ns=times)
    names = [f"results/{MACHINE}/{commit_of(UPSTREAM, each)}.js" for each in ("main", "optimized")]
    main, optimized = ([(folder / name).stat().st_ino for folder in folders] for name in names)
    assert len(set(main)) == 3 and optimized[0] == optimized[1] != optimized[2]


def test_a_damaged_import_tree_is_named(tmp_path):
    (tmp_path / "x.json").write_text('{"module": "metaflow"}')
    with pytest.raises(Failure, match=r"x\.json is damaged .*restore it with git"):
        site_data.imports_data(tmp_path)


def test_of_very_many_commits_the_releases_and_the_newest_are_read(committed_results, monkeypatch):
    monkeypatch.setattr(result_files, "MOST_READ", 100)
    monkeypatch.setattr(result_files, "NEWEST_READ", 3)
    found = read_measured(committed_results, UPSTREAM)
    read = {path.name[:8] for path in found.read}
    measured = {path.name[:8] for path in committed_results.glob("*/*-*.json")}
    tips = {each[:8] for each in git(UPSTREAM, "rev-list", "--no-walk", "--all").split()}
    newest = [each[:8] for each in git(UPSTREAM, "rev-list", "--all").split()]
    assert read == measured & {*tips, *[each for each in newest if each in measured][:3]}
    assert read < measured == {each[:8] for found in found.files.values() for each in found}
