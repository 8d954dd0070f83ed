"""The workflow that comments on a pull request, with a server on loopback in GitHub's place."""

import shutil
from threading import Thread

import flask
import pytest
from werkzeug.serving import make_server

from mfbench.foundation.git_command import git
from mfbench.report import comment
from tests.project_clones import compare
from tests.test_continuous_integration import run_step

pytestmark = pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("curl")), reason="needs jq and curl"
)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BOT, PERSON = ({"login": name} for name in ("github-actions[bot]", "somebody"))
MARKER = "<!-- marker -->"


@pytest.fixture
def github():
    """What GitHub would answer, and what it was told; `address` is where it is asked."""
    app = flask.Flask("github")
    state = {
        "pulls": {"somebody:my/branch": [{"number": 7, "head": {"sha": COMMIT}}]},
        "comments": [{"id": 1, "user": PERSON, "body": f"{MARKER}\nnot the bot's"}] * 3,
        "artifacts": [{"id": 5, "size_in_bytes": 30_000_000}],
    }

    @app.before_request
    def require_token():
        if flask.request.headers.get("Authorization") != "Bearer secret":
            flask.abort(401)

    @app.get("/repos/somewhere/project/pulls")
    def pulls():
        assert flask.request.args["state"] == "open"
        return state["pulls"].get(flask.request.args["head"], [])

    @app.get("/repos/somewhere/project/issues/7/comments")
    def comments():
        # Two to a page.
        page = int(flask.request.args["page"])
        return flask.jsonify(state["comments"][2 * page - 2 : 2 * page])

    @app.post("/repos/somewhere/project/issues/7/comments")
    def add():
        body = flask.request.get_json(force=True)["body"]
        state["comments"].append({"id": 2, "user": BOT, "body": body})
        return {}, 201

    @app.patch("/repos/somewhere/project/issues/comments/<int:number>")
    def change(number):
        (found,) = [each for each in state["comments"] if each["id"] == number]
        found["body"] = flask.request.get_json(force=True)["body"]
        return {}

    @app.get("/repos/somewhere/project/actions/runs/3/artifacts")
    def artifacts():
        assert flask.request.args["name"] == "comparison"
        return {"artifacts": state["artifacts"]}

    server = make_server("127.0.0.1", 0, app)
    Thread(target=server.serve_forever, daemon=True).start()
    yield state | {"address": f"http://127.0.0.1:{server.port}"}
    server.shutdown()


def step(github, job, name, folder, **more):
    """Run a step of the workflow; return what it printed, and the outputs that it set."""
    output = folder / "output"
    output.write_text("")
    settings = {
        "GITHUB_API_URL": github["address"],
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "somewhere/project",
        "GITHUB_OUTPUT": str(output),
        "TOKEN": "secret",
    }
    finished = run_step("comment", job, name, folder, **settings, **more)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout, dict(line.split("=", 1) for line in output.read_text().splitlines())


def write(github, folder, text, **more):
    (folder / "comment.md").write_text(text)
    event = {"OWNER": "somebody", "BRANCH": "my/branch", "COMMIT": COMMIT}
    return step(github, "write", "Write the comment", folder, **event | more)[0]


def test_a_comment_is_written_and_then_updated_in_place(github, tmp_path):
    for text in (f'{MARKER}\n"first" & <b>\n', f"{MARKER}\nsecond\n"):
        assert write(github, tmp_path, text) == ""
        assert [each["body"] for each in github["comments"][3:]] == [text]
    assert github["comments"][0]["body"].endswith("not the bot's")


@pytest.mark.parametrize(
    "event", [{"COMMIT": "f" * 40}, {"BRANCH": "$(touch x)&state=all"}, {"OWNER": "nobody"}]
)
def test_where_no_open_pull_request_has_the_commit_nothing_is_written(github, tmp_path, event):
    assert "no comment" in write(github, tmp_path, f"{MARKER}\ntext\n", **event)
    assert len(github["comments"]) == 3 and not (tmp_path / "x").exists()


def test_what_is_too_large_for_a_comparison_is_not_fetched(github, tmp_path):
    said, outputs = step(github, "render", "Find the comparison", tmp_path, RUN="3")
    assert outputs["id"] == "" and "no comparison below 20 MB" in said
    github["artifacts"].append({"id": 6, "size_in_bytes": 30_000})
    _, outputs = step(github, "render", "Find the comparison", tmp_path, RUN="3")
    assert outputs == {
        "id": "6",
        "link": "https://github.com/somewhere/project/actions/runs/3/artifacts/6",
    }


def test_where_nothing_was_compared_only_an_older_comment_is_replaced(github, tmp_path):
    event = {"OWNER": "somebody", "BRANCH": "my/branch", "COMMIT": COMMIT, "RUN": "3"}
    said, outputs = step(github, "render", "Make the comment", tmp_path, LINK="")
    assert "nothing was comparable" in said and outputs == {}
    step(github, "write", "Write the comment", tmp_path, **event)
    assert len(github["comments"]) == 3
    write(github, tmp_path, f"{comment.MARKER}\nof the commit before\n")
    (tmp_path / "comment.md").unlink()
    step(github, "write", "Write the comment", tmp_path, **event)
    (body,) = [each["body"] for each in github["comments"][3:]]
    assert body.startswith(comment.MARKER) and f"Nothing was compared at {COMMIT}" in body
    assert "(https://github.com/somewhere/project/actions/runs/3)" in body


@pytest.mark.slow
def test_a_pull_request_is_measured_its_regression_fails_and_is_answered(
    github, comparing, built_upstream, tmp_path
):
    person = ("-c", "user.name=somebody", "-c", "user.email=somebody@localhost")
    git(comparing, "init", "--quiet")
    module = comparing / "benchmarks" / "multicore.py"
    for text in ("", "# changed\n"):
        module.write_text(module.read_text() + text)
        git(comparing, "add", str(module))
        git(comparing, *person, "commit", "--quiet", "--allow-empty", "--message", "Change it")
    summary = tmp_path / "summary"
    # The one optimisation of this copy makes parallel_map faster. A fork's main lacks it.
    sides = {"BASE": "optimized", "HEAD": "main", "FORK": str(built_upstream)}
    sides |= {"BRANCH": "my/branch", "SINCE": "HEAD~1"}
    finished = compare(comparing, GITHUB_STEP_SUMMARY=str(summary), PROFILE="quick", **sides)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    report = (comparing / "report.md").read_text()
    assert summary.read_text() == report and "multicore" in report
    # A regression is measured a second time before it fails the job.
    assert "touched topics: multicore\n" in finished.stdout
    assert finished.stdout.count("in all: ") == 2
    page = (comparing / "pages" / "my-branch.html").read_text()
    assert "<title>metaflow optimized → fork/main" in page
    # The default branch's checkout takes it as an untrusted file.
    (comparing / "untrusted").mkdir()
    shutil.copy(comparing / "comparison.json", comparing / "untrusted")
    _, outputs = step(github, "render", "Make the comment", comparing, LINK="https://x.example/1")
    assert outputs == {"made": "true"}
    write(github, comparing, (comparing / "comment.md").read_text())
    (body,) = [each["body"] for each in github["comments"][3:]]
    assert "regressions (slower, more instructions, or failing): 1" in body
    assert "<code>multicore" in body and "(https://x.example/1)" in body
