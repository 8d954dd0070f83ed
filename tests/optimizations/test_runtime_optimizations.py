"""The local runtime: wide and nested foreaches, logs of all sorts and pylint, as in the release."""

import os
import re
import subprocess
import sys

import pytest

from mfbench.foundation.paths import ROOT
from tests.optimizations.optimized_releases import NEWEST

BESIDE = ROOT / ".venv" / "beside"
NOISY = r"""
import os, signal, sys, time
from metaflow import FlowSpec, current, retry, step
def make_noise(stream):
    def write(data):
        stream.buffer.write(data)
        stream.flush()
    write(b"one\n\ntwo\r\n  three  \n[MFLOG|0|not formatted]\n")
    for part in (b"par", b"tial", b" line\nnext ", b"line\n", b"50%\r", b"100%\r\n"):
        write(part)
        time.sleep(0.05)
    write(b"\xff\xfe\x00\x1b[31mred\x1b[0m\x0b* \xc3\xa9 \xc3\n")
    write(b"x" * 200_000 + b"\n" + b"line\n" * 5000)
    write(b"the last one has no end")
class NoisyFlow(FlowSpec):
    @step
    def start(self):
        make_noise(sys.stdout)
        self.rows = [2, 5]
        self.next(self.row, foreach="rows")
    @step
    def row(self):
        make_noise(sys.stderr)
        self.cells = list(range(self.input))
        self.next(self.cell, foreach="cells")
    @retry(times=1, minutes_between_retries=0)
    @step
    def cell(self):
        if self.input == 1 and current.retry_count == 0:
            print("killed in the middle of", end=" ", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        self.value = self.input * 10
        self.next(self.join_cells)
    @step
    def join_cells(self, inputs):
        self.values = [each.value for each in inputs]
        self.next(self.join_rows)
    @step
    def join_rows(self, inputs):
        print([each.values for each in inputs])
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    NoisyFlow()
"""
LINTED = """
from metaflow import FlowSpec, step
import helper
class LintedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)
    @step
    def end(self):
        print(helper.value)
if __name__ == "__main__":
    LintedFlow()
"""
FULL_DISK = """
import os, resource, sys
if "FULL_DISK" in os.environ:
    sys.dont_write_bytecode = True  # half of a .pyc would spoil all later runs
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
"""
VARIES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} |(?<=pid )\d+|\b\d{16}\b")


@pytest.fixture
def run(series, tmp_path):
    """Run a flow with one side of the newest release, in a folder of its own."""

    def run(side, script, *options, path=()):
        folder = tmp_path / side
        folder.mkdir(exist_ok=True)
        (folder / "flow.py").write_text(script)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("METAFLOW_")}
        environment |= {"HOME": str(folder), "METAFLOW_USER": "somebody", "PYTHONHASHSEED": "0"}
        environment["PYTHONPATH"] = os.pathsep.join(map(str, (series.root(NEWEST, side), *path)))
        command = [sys.executable, "-X", "importtime", "flow.py", *options]
        finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
        shown = (finished.stdout + finished.stderr).decode()
        imported = re.findall(r"import time: .*\| +([\w.]+)\n", shown)
        shown = VARIES.sub("", re.sub(r"import time: .*\n", "", shown))
        return finished.returncode, shown.replace(str(folder), ""), imported

    return run


def test_results_and_logs_are_as_before(run, tmp_path):
    def everything(side):
        status, shown, _ = run(side, NOISY, "--no-pylint", "run", "--max-workers", "1")
        saved = {}
        for file in (tmp_path / side / ".metaflow").glob("*/*/*/*/*.runtime_std*.log"):
            text = re.sub(rb"\[MFLOG\|0\|[-0-9T:.]{26}Z\|.+?\]", b"<head>", file.read_bytes())
            saved[file.parts[-3:]] = text
        return status, shown, saved

    before, after = everything("before"), everything("after")
    assert after == before
    status, shown, saved = after
    assert status == 0
    assert "[[0, 10], [0, 10, 20, 30, 40]]" in shown
    assert shown.count("killed in the middle of\n") == 2
    assert any(text.endswith(b"<head>the last one has no end") for text in saved.values())


@pytest.mark.skipif(not BESIDE.exists(), reason="make setup installs pylint")
def test_pylint_is_asked_again_when_what_it_read_has_changed(run, tmp_path):
    def check(side, helper):
        (tmp_path / side).mkdir(exist_ok=True)
        (tmp_path / side / "helper.py").write_text(helper)
        status, shown, imported = run(side, LINTED, "run", path=[BESIDE])
        assert ("is happy!" in shown) is (status == 0) is (helper == good), shown
        return shown, "pylint.lint" in imported

    # Of different sizes: within a second, Python takes a .pyc for one of a file of the same size.
    good, bad = "value = 1\n", "another = 1\n"
    before, after = (
        [check(side, helper) for helper in (good, good, bad, bad, good)]
        for side in ("before", "after")
    )
    assert [shown for shown, _ in after] == [shown for shown, _ in before]
    assert [asked for _, asked in before] == [True] * 5
    assert [asked for _, asked in after] == [True, False, True, True, False]


@pytest.mark.skipif(not BESIDE.exists(), reason="make setup installs pylint")
def test_a_verdict_of_pylint_that_a_full_disk_cuts_off_is_not_used(run, tmp_path, monkeypatch):
    def check(side):
        (tmp_path / side).mkdir(exist_ok=True)
        (tmp_path / side / "helper.py").write_text("value = 1\n")
        status, shown, imported = run(side, FULL_DISK + LINTED, "--pylint", "check", path=[BESIDE])
        assert "is happy!" in shown and status == 0, shown
        return shown, "pylint.lint" in imported

    monkeypatch.setenv("FULL_DISK", "1")
    before, after = ([check(side) for _ in range(2)] for side in ("before", "after"))
    assert after == before
    assert [asked for _, asked in after] == [True, True]
    (verdict,) = (tmp_path / "after" / ".metaflowconfig" / "pylint").iterdir()
    assert verdict.stat().st_size == 1000
    monkeypatch.delenv("FULL_DISK")
    assert [check("after")[1] for _ in range(2)] == [True, False]
