"""The published site: whole or not at all, without other hosts, with data that programs read."""

import json
import re

import jsonschema
import pytest

from dashboard import commits_data, site_data
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of
from mfbench.foundation.paths import ROOT, UPSTREAM
from tests.committed import file_of
from tests.conftest import NEWEST
from tests.published_sites import publish

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
    # One that the repository does not have is left out.
    found = commits_data.commits_data(UPSTREAM, [main, "0" * 40], [])
    assert [each["hash"] for each in found] == [main]


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
    for name in ("defer_requests", "artifact_compression", "event_waiting"):
        (path,) = set(re.findall(rf'<a href="(patches/[^"]+)"><code>{name}</code></a>', page))
        patch = (published / path).read_text()
        assert "Subject: [PATCH" in patch and f"Optimization: {name}" in patch
    assert len(list((published / "patches").iterdir())) > 20


@pytest.mark.slow
def test_damaged_results_end_in_a_line_and_the_old_site_stays(tmp_path, copied):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "old.html").touch()
    path = file_of(copied, "optimized")
    path.write_text(path.read_text()[:2000])
    finished = publish(copied, tmp_path / "site", UPSTREAM)
    said = finished.stdout + finished.stderr
    assert finished.returncode == 1
    assert f"{path.name} is damaged" in said and "Traceback" not in said
    assert [each.name for each in tmp_path.rglob("*.html")] == ["old.html"]


def test_a_damaged_import_tree_is_named(tmp_path):
    (tmp_path / "x.json").write_text('{"module": "metaflow"}')
    with pytest.raises(Failure, match=r"x\.json is damaged .*restore it with git"):
        site_data.imports_data(tmp_path)
