"""The comment on a pull request, of what a stranger's code may have measured."""

import json
import re

import pytest
from markdown_it import MarkdownIt

from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.report.comment import MARKER, MOST_CHARACTERS, MOST_ROWS, as_comment
from mfbench.report.comparison_json import as_json, read_comparison
from mfbench.report.glance import verdict_sentence
from mfbench.verdict.revisions import compare_revisions
from tests.command_line import mfbench
from tests.committed import MACHINE, NAMES

HOSTILE = (
    "<script>alert(1)</script>",
    "</details>](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "@everyone see https://evil.example or www.evil.example, #1",
    "` | a | b |\n\n# Heading\n\n- [ ] item _x_ **y** &lt;b&gt; <!-- ",
)
OWN_TAGS = {"code", "h3", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.fixture(scope="module")
def committed():
    return compare_revisions(RESULTS, UPSTREAM, NAMES, MACHINE)


def written(tmp_path, text):
    path = tmp_path / "comparison.json"
    path.write_text(text)
    return path


def test_the_comment_says_the_verdict_and_shows_ten_cases(committed):
    said = as_comment(committed, "https://page.example/")
    assert said.startswith(f"{MARKER}\n### <code>main</code>")
    assert verdict_sentence(committed) in said and "[The whole comparison](https://page" in said
    before, folded, _ = re.split("<details>|</details>", said)
    assert len(re.findall("^[|] <code>", before, re.MULTILINE)) == MOST_ROWS
    assert len(re.findall("^[|] <code>", folded, re.MULTILINE)) > MOST_ROWS
    regressions = {row.case.benchmark.replace("_", "&#95;") for row in committed.regressions}
    for name in regressions:
        assert name.rpartition(".")[2] in before
    printed = mfbench("compare", *NAMES, "--machine", MACHINE, "--format", "comment").stdout
    assert printed == as_comment(committed)


def test_it_is_the_same_when_made_from_json(committed, tmp_path):
    path = written(tmp_path, as_json(committed))
    assert mfbench("comment", path).stdout == as_comment(committed)
    documents = (json.loads(as_json(each)) for each in (committed, read_comparison(path)))
    whole, read = (each["rows"] + each["startup"] for each in documents)
    for row in whole + read:
        for lost in ("adjusted_p_value", "megabytes_per_second"):
            del row[lost]
    assert read == whole


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_a_stranger_wrote_is_plain_text(committed, tmp_path, hostile):
    document = json.loads(as_json(committed))
    document["base"]["name"] = hostile
    document["circumstances"]["machine"] = hostile
    for row in document["rows"]:
        row["parameters"] = [hostile]
        row["reason"] = hostile
    said = as_comment(read_comparison(written(tmp_path, json.dumps(document))))
    assert "@" not in said and "#1" not in said.replace("&#", "") and "](" not in said
    assert not re.search(r"https?:/|www\.\w", said)
    html = MarkdownIt("commonmark").enable("table").render(said)
    tags = set(re.findall(r"<\s*/?\s*([a-z0-9]+)", html))
    assert tags <= OWN_TAGS | {"details", "summary"}
    assert html.count("<details>") == html.count("</details>") <= 1
    assert html.count("<!--") == 1 and html.count("<h") == 1


def test_it_is_never_longer_than_github_takes(committed, tmp_path):
    document = json.loads(as_json(committed))
    for row in document["rows"]:
        row["parameters"] = ["_" * 1000]
        row["reason"] = "_" * 1000
    said = as_comment(read_comparison(written(tmp_path, json.dumps(document))))
    assert len(said) <= MOST_CHARACTERS


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:1000],
        lambda text: "[" * 100_000,
        lambda text: text + " " * 10_000_000,
        lambda text: text.replace('"schema": 2', '"schema": 3'),
        lambda text: re.sub(r'"ratio": [\d.]+', '"ratio": 1e999', text, count=1),
        lambda text: re.sub(r'"ratio": [\d.]+', '"ratio": NaN', text, count=1),
        lambda text: re.sub(r'"after": [\d.]+', f'"after": 1{"0" * 400}', text, count=1),
        lambda text: re.sub(r'"low": [\d.]+', '"low": "<b>"', text, count=1),
        lambda text: re.sub(r'"high": [\d.]+', '"high": null', text, count=1),
        lambda text: re.sub(r'"instructions": [\d.]+', '"instructions": -1', text),
        lambda text: text.replace('"benchmark": "', '"benchmark": "@somebody <b>', 1),
        lambda text: text.replace('"benchmark": "', '"benchmark": "no", "x": "', 1),
        lambda text: re.sub(r'"unit": "\w+"', '"unit": "[x](http://evil.example)"', text, count=1),
    ],
)
def test_what_is_no_comparison_is_refused_in_one_line(committed, tmp_path, spoil):
    path = written(tmp_path, spoil(as_json(committed)))
    with pytest.raises(
        Failure,
        match=r"comparison.json is not what mfbench compare --format json writes \([^\n]+\)",
    ):
        read_comparison(path)
    finished = mfbench("comment", path)
    assert finished.returncode == 3 and finished.stderr.count("\n") == 1
