import os
import re
import signal
from types import SimpleNamespace

import pytest

from metaflow import cli, runtime
from metaflow.mflog import mflog

SHOWN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[1/a/2 \(pid 3\)\] (.*)\n")


def wait_no_longer(*_):
    raise TimeoutError


@pytest.fixture
def worker(mocker):
    """Make a worker whose process is a pair of pipes, which `worker.out` and `err` fill."""
    pipes = [os.pipe(), os.pipe()]
    out, err = [os.fdopen(reader, "rb") for reader, _ in pipes]
    process = SimpleNamespace(stdout=out, stderr=err, pid=3, wait=lambda: 0)
    mocker.patch.object(runtime.Worker, "_launch", return_value=process)
    task = object.__new__(runtime.Task)
    task._path, task._logger, task._is_cloned = "1/a/2", cli.logger, True
    task.retries = task.user_code_retries = 0
    task.metadata, task.run_id, task.step, task.task_id = mocker.Mock(), "1", "a", "2"
    worker = runtime.Worker(task, 1000, None)
    worker.fd = out.fileno()
    worker.out, worker.err = [writer for _, writer in pipes]
    previous = signal.signal(signal.SIGALRM, wait_no_longer)
    signal.alarm(20)
    yield worker
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)
    for writer in (worker.out, worker.err):
        try:
            os.close(writer)
        except OSError:
            pass


@pytest.fixture
def shown(capsys):
    """Return what was shown since the last call, without time and task."""
    return lambda: SHOWN.findall(capsys.readouterr().out)


def saved(worker):
    """Return what was saved for stdout."""
    lines = worker._stdout.get_bytes().splitlines(True)
    return [mflog.parse(line).msg for line in lines]


def test_one_read_takes_all_lines(worker, shown):
    os.write(worker.out, b"one\n\n  two\r\x0b \nthree\xff\n")
    assert worker.read_logline(worker.fd)
    assert shown() == ["one", "", "two", "three\ufffd"]
    os.write(worker.out, b"four\n")
    assert worker.read_logline(worker.fd)
    assert shown() == ["four"]
    text = worker._stdout.get_bytes().replace(b"\n[MFLOG", b"\0[MFLOG").split(b"\0")
    assert [line.split(b"]", 1)[1] for line in text] == [
        b"one",
        b"",
        b"  two\r\x0b ",
        b"three\xff",
        b"four\n",
    ]


def test_each_line_has_a_time_and_an_id_of_its_own(worker):
    start = mflog.datetime.utcnow()
    os.write(worker.out, b"line\n" * 10)
    worker.read_logline(worker.fd)
    lines = worker._stdout.get_bytes().splitlines()
    parsed = [mflog.parse(line) for line in lines]
    times = [line.utc_tstamp for line in parsed]
    assert start <= times[0] and times[-1] <= mflog.datetime.utcnow()
    assert times == sorted(times)
    assert len({line.id for line in parsed}) == 10


def test_times_have_microseconds():
    whole_second = mflog.datetime(2026, 1, 2, 3, 4, 5)
    line = mflog.decorate("task", "text", now=whole_second, lineid=b"id")
    assert line == b"[MFLOG|0|2026-01-02T03:04:05.000000Z|task|id]text"
    assert mflog.parse(line).utc_tstamp == whole_second


def test_the_rest_of_a_line_is_waited_for(worker, shown):
    os.write(worker.out, b"one\nha")
    assert worker.read_logline(worker.fd)
    assert shown() == ["one"]
    os.write(worker.out, b"lf")
    assert worker.read_logline(worker.fd)
    assert shown() == []
    os.write(worker.out, b"way\ntw")
    assert worker.read_logline(worker.fd)
    assert shown() == ["halfway"]
    os.close(worker.out)
    assert worker.read_logline(worker.fd)
    assert shown() == ["tw"]
    assert not worker.read_logline(worker.fd)
    assert saved(worker) == [b"one", b"halfway", b"tw"]


def test_the_end_takes_what_is_there_from_a_pipe_that_stays_open(worker, shown):
    os.write(worker.out, b"one\ntw")
    worker.read_logline(worker.fd)
    os.write(worker.out, b"o")
    os.write(worker.err, b"error")
    worker.terminate()
    assert sorted(shown()) == ["error", "one", "two"]
    assert worker._stdout.get_bytes().endswith(b"]two")
    assert worker._stderr.get_bytes().endswith(b"]error")


def test_a_long_line_stays_whole(worker, shown):
    line = b"x" * 60000
    for _ in range(50):
        os.write(worker.out, line)
        assert worker.read_logline(worker.fd)
    os.write(worker.out, b"\n")
    assert worker.read_logline(worker.fd)
    assert shown() == ["x" * 60000 * 50]


def test_a_long_log_is_cut_and_shown_whole(worker, shown):
    os.write(worker.out, b"0123456789\n" * 100)
    assert worker.read_logline(worker.fd)
    assert shown() == ["0123456789"] * 100
    lines = saved(worker)
    assert lines[-1] == b"[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]"
    assert set(lines[:-1]) == {b"0123456789"} and len(lines) < 20


def test_formatted_lines_pass(worker, shown):
    line = mflog.decorate("task", b"hello\n")
    os.write(worker.out, line + b"plain\n" + mflog.set_should_persist(line))
    worker.read_logline(worker.fd)
    assert shown() == ["hello", "plain", "hello"]
    first, second = worker._stdout.get_bytes().splitlines(True)
    assert mflog.parse(first).msg == b"plain" and second == line


def test_lines_that_are_shown_together_look_as_one_by_one(capsys, mocker):
    mocker.patch("metaflow._vendor.click.utils.should_strip_ansi", return_value=False)
    time = mflog.datetime(2026, 1, 2)
    cli.logger(["one", "two"], head="[head] ", timestamp=time)
    together = capsys.readouterr().out
    cli.logger("one", head="[head] ", timestamp=time)
    cli.logger("two", head="[head] ", timestamp=time)
    assert together == capsys.readouterr().out
    time = "\033[35m2026-01-02 00:00:00.000 \033[0m"
    line = time + "\033[32m[head] \033[0m\033[22m%s\033[0m\n"
    assert together == line % "one" + line % "two"
