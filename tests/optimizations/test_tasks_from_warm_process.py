"""Tasks that were forked do, see, leave behind and end with what they would as processes."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from base64 import b64decode
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from benchmarks.support import servers
from benchmarks.support.services import service_settings
from tests.interrupts import heed_ctrl_c
from tests.optimizations.flows_to_fork import DRAWING, SEEING, SIGNALS, SLEEPING
from tests.optimizations.optimized_releases import NEWEST
from tests.optimizations.test_real_flows import FLOW as EVERYTHING
from tests.optimizations.test_runtime_optimizations import NOISY
from tests.optimizations.test_s3_asked_once import FLOW as SQUARES
from tests.optimizations.test_s3_asked_once import READ as READ_SQUARES

# Times, processes, places in memory, and names that are made of them.
# Hexadecimal names come first: some begin with as many digits as a time has.
VARYING = r"\[MFLOG.*?\]|markdown_\w+|0x[0-9a-f]+|[0-9a-f]{32}"
VARYING += r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{10,}[\d.]*|pid \d+"
VARYING += r"|\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d\.\d+"


@pytest.fixture(scope="module", params=["tasks_from_warm_process", "after"])
def forking(series, request):
    """Metaflow with this optimisation: alone, and after the others."""
    return series.root(NEWEST, request.param)


@pytest.fixture
def start(forking, tmp_path):
    """A function that starts a flow, forking or not, always in the same folder.

    The folder is empty before a run; a resumed run finds its origin there, and that it is repaired.
    """
    folder = tmp_path / "flow"

    def start(flow, fork, command="run", *options, **settings):
        if command == "run":
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            (folder / "flow.py").write_text(flow)
            (folder / "included.txt").write_text("included text\n")
        else:
            (folder / "repaired").touch()
        kept = {key: value for key, value in os.environ.items() if not key.startswith("METAFLOW_")}
        environment = kept | {
            "PYTHONPATH": str(forking),
            "PYTHONDONTWRITEBYTECODE": "",
            "HOME": str(folder),
            "PYTHONHASHSEED": "0",
            "METAFLOW_USER": "somebody",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
            "METAFLOW_RUNTIME_FORK": str(int(fork)),
            "METAFLOW_RUNTIME_FORK_TIMEOUT": "300",
            **settings,
        }
        command = [sys.executable, "flow.py", "--no-pylint", command, *options]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
        streams |= {"stderr": subprocess.STDOUT, "start_new_session": True}
        streams["preexec_fn"] = heed_ctrl_c
        return folder, subprocess.Popen(command, cwd=folder, env=environment, **streams)

    return start


def content_of(path):
    """The text of a file. A card holds its data in base64, and that holds what varies."""
    text = path.read_text(errors="backslashreplace")
    if path.suffix == ".html":
        text = re.sub(r'(?<=\] = ")[\w+/]+=*', lambda data: b64decode(data[0]).decode(), text)
    return text


def outcome(folder, process):
    """Status, lines and files of a run but for what always differs, and what was forked."""
    lines = process.communicate()[0].split("\n")
    files = [path for path in (folder / ".metaflow").rglob("*.*") if path.is_file()]
    kept = [path for path in files if path.suffix in (".log", ".runtime", ".json", ".html")]
    records = [json.loads(path.read_text()) for path in kept if path.suffix == ".runtime"]
    texts = [f"{path} {content_of(path)}".replace(', "forked": true', "") for path in kept]
    parts = (lines, map(str, files), texts)
    seen = (sorted(re.sub(VARYING, "#", each) for each in part) for part in parts)
    return process.returncode, *seen, [record.get("forked", False) for record in records]


def both(start, flow, act=lambda folder, process: None, options=()):
    """The outcome of a flow, which must be the same forked and not."""
    seen = []
    for fork in (False, True):
        folder, process = start(flow, fork, "run", *options)
        act(folder, process)
        seen.append(outcome(folder, process))
    assert not any(seen[0][-1]) and seen[1][-1] and all(seen[1][-1])
    for forked, executed in zip(seen[1][:-1], seen[0][:-1], strict=True):
        assert forked == executed
    return folder, seen[1]


def test_tasks_do_the_same(start):
    _, (status, lines, files, texts, _) = both(start, EVERYTHING)
    assert status == 1 and any("told to fail" in line for line in lines)
    assert any(file.endswith("blank-#.html") for file in files)
    assert any('"source": "# left"' in text for text in texts)


def test_tasks_of_nested_foreaches_log_and_are_killed_the_same(start):
    # One at a time: where several end at the same time, the numbers of later ones are chance.
    _, (status, lines, *_) = both(start, NOISY, options=("--max-workers", "1"))
    assert status == 0 and any("[[0, 10], [0, 10, 20, 30, 40]]" in line for line in lines)


def test_tasks_are_retried_and_resumed_the_same(start, python):
    seen = {}
    for fork in (False, True):
        folder, process = start(SQUARES, fork)
        *failed, forked = outcome(folder, process)
        assert failed[0] == 1 and len(forked) == 11 and set(forked) == {fork}
        resumed, *_, forked = outcome(*start(SQUARES, fork, "resume"))
        assert resumed == 0 and len(forked) == 12 and set(forked) == {fork}
        # Cloned tasks get their numbers by chance; the client finds them by what they are.
        found = f"import os\nos.environ['METAFLOW_DATASTORE_SYSROOT_LOCAL'] = {str(folder)!r}\n"
        seen[fork] = failed, python(NEWEST, "before", found + READ_SQUARES)
    assert seen[True] == seen[False]
    assert "('squares', '[0, 1, 4, 9, 16, 25]')" in seen[True][1]


def test_tasks_register_the_same_with_a_service(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:

        def start_with_service(flow, fork, *command):
            server, address = servers.start("metadata_service.py", str(tmp_path / f"{fork}.db"))
            stack.enter_context(server)
            return start(flow, fork, *command, **service_settings(address))

        both(start_with_service, EVERYTHING)
    executed, forked = (registered(tmp_path / f"{fork}.db") for fork in (False, True))
    assert forked == executed
    assert any("attempt_ok" in row for row in forked)


def registered(database):
    """All rows of a metadata service, but for the order of those of different tasks."""
    with closing(sqlite3.connect(database)) as tables:
        rows = (re.sub(VARYING, "#", row) for row in tables.iterdump())
        return sorted(re.sub(r'(?<=^INSERT INTO "metadata" VALUES\()\d+', "#", row) for row in rows)


def test_tasks_see_the_same_and_flush_their_files(start):
    folder, _ = both(start, SEEING)
    assert (folder / "unflushed").read_text() == "xx"


def test_tasks_draw_different_numbers_from_a_numpy_that_is_preloaded(start):
    folder, process = start(DRAWING, True, METAFLOW_RUNTIME_FORK_PRELOAD="numpy.random")
    status, lines, *_, forked = outcome(folder, process)
    assert status == 0, lines
    assert forked == [True] * 5


def test_a_task_that_a_signal_ends_fails_the_same(start):
    _, (status, *_) = both(start, SIGNALS)
    assert status == 0


def test_a_run_whose_children_are_ended_ends_the_same(start):
    def act(folder, process):
        task_of(folder)
        # As `pkill -P` does.
        for children in Path(f"/proc/{process.pid}/task").glob("*/children"):
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGTERM)

    both(start, SLEEPING, act)


def test_an_interrupted_run_ends_the_same_and_leaves_nothing(start):
    sessions = []

    def act(folder, process):
        task_of(folder)
        os.killpg(process.pid, signal.SIGINT)
        sessions.append(process.pid)

    both(start, SLEEPING, act)
    until(lambda: not sessions_of_processes() & set(sessions))


def sessions_of_processes():
    found = set()
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            found.add(os.getsid(int(each.name)))
    return found


def task_of(folder):
    """Wait until the task has started, and return its process."""
    until(lambda: (folder / "task").exists() and (folder / "task").read_text())
    return int((folder / "task").read_text())


def until(condition):
    """Wait until it holds, however busy the machine is: half an hour."""
    end = time.monotonic() + 1800
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
