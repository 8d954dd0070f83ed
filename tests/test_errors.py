"""What a person sees when a tool fails: one line, and the right exit code."""

import signal
import subprocess
import sys
import time

from scripts.paths import ROOT


def python(code):
    command = [sys.executable, "-c", f"import sys; from scripts.errors import *\n{code}"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return finished.returncode, finished.stderr


def test_a_failure_is_one_line_and_three():
    code = "def main():\n    raise Failure('what happened; what to do')\nsys.exit(run(main))"
    assert python(code) == (3, "error: what happened; what to do\n")


def test_a_folder_that_cant_be_read_is_named():
    code = "def main():\n    open('/nonexistent/file')\nsys.exit(run(main))"
    status, said = python(code)
    assert status == 3
    assert said.startswith("error: /nonexistent/file: No such file") and said.count("\n") == 1


def test_what_nobody_has_thought_of_is_an_error_too_and_no_result():
    # Python's own code for it, 1, is a regression or a fault to who asks.
    status, said = python("sys.exit(run(lambda: {}['key']))")
    assert status == 3 and said.count("\n") == 1
    assert said.startswith("error: KeyError: 'key' (<string>:2) was not expected; ")


def test_the_result_of_main_is_the_exit_code():
    assert python("sys.exit(run(lambda: 1))") == (1, "")


def test_a_reader_that_has_gone_is_no_error():
    code = "import os; from scripts.errors import run\n"
    code += "def main():\n    [print('line', flush=True) for _ in range(100000)]\n    return 0\n"
    command = f'{sys.executable} -c "{code}os._exit(run(main))" | head -1; echo ${{PIPESTATUS[0]}}'
    finished = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert (finished.stdout, finished.stderr) == ("line\n0\n", "")


def test_an_interruption_says_how_to_go_on():
    code = "import sys, time; from scripts.errors import run\n"
    code += "print('begun', flush=True); sys.exit(run(lambda: time.sleep(60)))"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore Ctrl-C, and what they start does, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.5)  # for run() to begin
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said


def test_an_interruption_while_a_tool_loads_is_a_line_too():
    code = "import scripts, os, signal; os.kill(os.getpid(), signal.SIGINT); import time"
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert finished.returncode == -signal.SIGINT
    assert finished.stderr == "\ninterrupted; run the same command again to go on\n"
