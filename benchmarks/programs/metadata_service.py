"""Serve on loopback what metaflow asks of its metadata service, until standard input ends.

It answers as Netflix's metaflow-service 2.5.1 does; tests/benchmarks/test_service.py compares them.
SQLite keeps everything, in the file that is the argument or in the working directory. Prints the
port, or `missing flask`.
"""

import json
import re
import sqlite3
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from metadata_tables import insert, key_of, open_database, select, shown, update

try:
    from flask import Flask, g, jsonify, request
except ModuleNotFoundError as missing:
    print(f"missing {missing.name}", flush=True)
    sys.exit()

VERSION = "2.5.1"
HEARTBEAT_SECONDS = 10

RUN = "/flows/<flow_id>/runs/<run>"
STEP = f"{RUN}/steps/<step_name>"
TASK = f"{STEP}/tasks/<task>"

app = Flask(__name__)


def list_all(table, **path):
    """Answer with what is below a path."""
    return jsonify(shown(table, select(table, **path)))


def show_one(table, **path):
    """Answer with what is at a path."""
    rows = shown(table, select(table, **path))
    return jsonify(rows[0]) if rows else (jsonify({}), 404)


for rule, answer in {
    "/flows": partial(list_all, "flows"),
    "/flows/<flow_id>": partial(show_one, "flows"),
    "/flows/<flow_id>/runs": partial(list_all, "runs"),
    RUN: partial(show_one, "runs"),
    f"{RUN}/metadata": partial(list_all, "metadata"),
    f"{RUN}/steps": partial(list_all, "steps"),
    STEP: partial(show_one, "steps"),
    f"{STEP}/tasks": partial(list_all, "tasks"),
    TASK: partial(show_one, "tasks"),
    f"{TASK}/metadata": partial(list_all, "metadata"),
    f"{TASK}/attempt/<attempt_id>/artifacts": partial(list_all, "artifacts"),
    f"{TASK}/artifacts/<name>/attempt/<attempt_id>": partial(show_one, "artifacts"),
}.items():
    app.add_url_rule(rule, endpoint=rule, view_func=answer)


@app.get("/ping")
def ping():
    return "pong"


@app.get(f"{RUN}/artifacts")
@app.get(f"{STEP}/artifacts")
@app.get(f"{TASK}/artifacts")
def artifacts_of_newest_attempts(**path):
    """Answer with the artifacts of each task's newest attempt."""
    rows = select("artifacts", **path)
    newest = {}
    for row in rows:  # the newest attempts come first
        newest.setdefault(row["task_id"], row["attempt_id"])
    rows = [row for row in rows if row["attempt_id"] == newest[row["task_id"]]]
    return jsonify(shown("artifacts", rows))


@app.get(f"{TASK}/artifacts/<name>")
def artifact_of_newest_attempt(name, **path):
    """Answer with an artifact of the newest attempt: each attempt has one called `name`."""
    attempts = [row["attempt_id"] for row in select("artifacts", name="name", **path)]
    return show_one("artifacts", name=name, attempt_id=max(attempts, default=0), **path)


@app.get(f"{STEP}/filtered_tasks")
def filtered_tasks(flow_id, run, step_name):
    """Answer with the tasks of which a field of the metadata matches a pattern."""
    field, pattern = (request.args.get(name, "") for name in ("metadata_field_name", "pattern"))
    found = {
        row["task_id"]: row["task_name"] or row["task_id"]
        for row in select("metadata", flow_id=flow_id, run=run, step_name=step_name)
        if field in ("", row["field_name"]) and re.search(pattern, row["value"])
    }
    return jsonify([f"{flow_id}/{run}/{step_name}/{found[number]}" for number in sorted(found)])


@app.post("/flows/<flow_id>")
def add_flow(flow_id):
    return jsonify(insert("flows", g.given, flow_id=flow_id))


@app.post("/flows/<flow_id>/run")
def add_run(flow_id):
    name, beat = g.given.get("run_number"), first_heartbeat()
    row = insert("runs", g.given, flow_id=flow_id, run_id=name, last_heartbeat_ts=beat)
    answer = shown("runs", [row])[0]
    answer.pop("user", None)  # only what is read has it
    return jsonify(answer)


@app.post(f"{STEP}/step")
def add_step(step_name, **path):
    row = insert("steps", g.given, step_name=step_name, **key_of("runs", **path))
    return jsonify(shown("steps", [row])[0])


@app.post(f"{STEP}/task")
def add_task(step_name, **path):
    key = {"step_name": step_name, **key_of("runs", **path)}
    name, beat = g.given.get("task_id"), first_heartbeat()
    row = insert("tasks", g.given, task_name=name, last_heartbeat_ts=beat, **key)
    record_heartbeat("runs", **path)
    return jsonify(shown("tasks", [row])[0])


@app.post(f"{TASK}/metadata")
def add_metadata(**path):
    return add_rows("metadata", path, "field_name", "value", "type")


@app.post(f"{TASK}/artifact")
def add_artifacts(**path):
    names = ("name", "location", "ds_type", "sha", "type", "content_type", "attempt_id")
    return add_rows("artifacts", path, *names)


def add_rows(table, path, *names):
    """Insert what a task has registered, leaving out what is there already."""
    key, created = key_of("tasks", **path), 0
    for given in g.given:
        with suppress(sqlite3.IntegrityError):
            insert(table, given, **key, **{name: given.get(name) for name in names})
            created += 1
    return jsonify({f"{table}_created": created})


@app.post(f"{RUN}/heartbeat")
def beat_of_run(**path):
    return record_heartbeat("runs", **path)


@app.post(f"{TASK}/heartbeat")
def beat_of_task(flow_id, run, **path):
    record_heartbeat("runs", flow_id=flow_id, run=run)
    return record_heartbeat("tasks", flow_id=flow_id, run=run, **path)


def first_heartbeat():
    """Return when something is created, if the metaflow that creates it has heartbeats."""
    tags = g.given.get("system_tags") or ()
    return int(time.time()) if any(tag.startswith("metaflow_version:") for tag in tags) else None


def record_heartbeat(table, **path):
    """Record a heartbeat; as the real service does, answer 404 to one that comes too early."""
    now = int(time.time())
    early = f"last_heartbeat_ts IS NOT NULL AND last_heartbeat_ts > {now - HEARTBEAT_SECONDS}"
    recorded = update(table, "last_heartbeat_ts", now, path, unless=early)
    # A text that holds JSON, inside JSON.
    text = json.dumps({"wait_time_in_seconds": HEARTBEAT_SECONDS})
    return jsonify(text), 200 if recorded else 404


@app.patch(f"{RUN}/tag/mutate")
def change_tags(**path):
    """Remove tags of a run, then add others; its system tags stay."""
    run = select("runs", **path)
    if not run:
        return jsonify({}), 404
    user, system = set(run[0]["tags"]), set(run[0]["system_tags"])
    removed, added = (set(g.given.get(f"tags_to_{what}", ())) for what in ("remove", "add"))
    if removed & system:
        refused = removed & system
        return jsonify(f"Cannot remove tags that are existing system tags {refused}"), 422
    tags = list((user - removed) | (added - system))
    update("runs", "tags", json.dumps(tags), path)
    return jsonify({"tags": tags})


@app.errorhandler(sqlite3.IntegrityError)
def conflict(error):
    return jsonify({"err_msg": str(error)}), 409


@app.before_request
def read_body():
    g.given = request.get_json(force=True, silent=True)  # whatever type it says it has


@app.after_request
def tell_version(response):
    response.headers["METADATA_SERVICE_VERSION"] = VERSION
    return response


class Handler(WSGIRequestHandler):
    """The standard library's, but a connection serves many requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers leave together with the body
    handle = BaseHTTPRequestHandler.handle

    def respond(self):
        handler = ServerHandler(self.rfile, self.wfile, self.get_stderr(), self.get_environ())
        handler.http_version = "1.1"
        handler.request_handler = self
        handler.run(app)

    do_GET = do_PATCH = do_POST = respond  # noqa: N815

    def log_message(self, *_):
        """Say nothing."""


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    open_database(sys.argv[1] if len(sys.argv) > 1 else "metadata.db")
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
