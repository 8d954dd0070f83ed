import os
import resource
import signal
import time

import pytest

from metaflow import multicore_utils
from metaflow.multicore_utils import parallel_imap_unordered, parallel_map

HAS_PIDFD = hasattr(os, "pidfd_open")
FDS = "/proc/self/fd"


@pytest.fixture(params=["descriptors", "sleeps"])
def waiting(request, mocker):
    """Wait with process descriptors, and without them."""
    if request.param == "sleeps":
        mocker.patch.object(os, "pidfd_open", side_effect=OSError, create=True)
    elif not HAS_PIDFD:
        pytest.skip("no process descriptors")
    return request.param


def test_the_first_wait_is_1_ms(waiting, mocker, tmp_path):
    wait = multicore_utils._wait_for_any
    has_waited = tmp_path / "has_waited"

    def wait_for_any(pids, seconds):
        has_waited.touch()
        return wait(pids, seconds)

    def end_after_the_wait_began(x):
        while not has_waited.exists():
            time.sleep(0.001)
        return x

    slept = mocker.spy(time, "sleep")
    waited = mocker.patch.object(multicore_utils, "_wait_for_any", wraps=wait_for_any)
    numbers = list(range(8))
    assert parallel_map(end_after_the_wait_began, numbers, max_parallel=2) == numbers
    seconds = [call[0][1] for call in waited.call_args_list]
    assert seconds[0] == 0.001
    assert slept.call_count == (waited.call_count if waiting == "sleeps" else 0)


def test_sleeps_double_up_to_100_ms(mocker):
    mocker.patch.object(os, "pidfd_open", side_effect=OSError, create=True)
    sleep = mocker.patch("time.sleep")
    ended = [(0, 0)] * 10 + [(1, 0)]
    mocker.patch.object(multicore_utils, "_spawn", return_value=(1, os.devnull))
    mocker.patch.object(multicore_utils.pickle, "load")
    mocker.patch.object(os, "waitpid", side_effect=ended)
    mocker.patch.object(os, "remove")
    list(parallel_imap_unordered(str, [1]))
    seconds = [call[0][0] for call in sleep.call_args_list]
    assert seconds == [x / 1000 for x in (1, 2, 4, 8, 16, 32, 64, 100, 100, 100)]


@pytest.mark.skipif(not HAS_PIDFD, reason="no process descriptors")
def test_the_wait_ends_when_a_child_ends():
    pid = os.fork()
    if not pid:
        time.sleep(0.2)
        os._exit(0)
    start = time.time()
    multicore_utils._wait_for_any([pid], 60)
    assert time.time() - start < 30
    assert os.waitpid(pid, os.WNOHANG) == (pid, 0)


@pytest.mark.skipif(not os.path.isdir(FDS), reason="counts descriptors in /proc")
def test_no_descriptor_is_left(waiting):
    before = len(os.listdir(FDS))
    results = parallel_imap_unordered(str, range(9), max_parallel=4)
    next(results)
    results.close()
    assert len(os.listdir(FDS)) == before

    def interrupt(signum, frame):
        raise KeyboardInterrupt

    handler = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        with pytest.raises(KeyboardInterrupt):
            parallel_map(lambda x: time.sleep(2), range(2), max_parallel=2)
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert len(os.listdir(FDS)) == before


def test_few_descriptors_are_enough(waiting):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        assert sum(parallel_map(lambda x: x, range(70), max_parallel=70)) == 2415
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_stopped_child_is_waited_for(waiting):
    def stop(x):
        child = os.getpid()
        if not os.fork():
            try:
                while True:  # until it has ended
                    time.sleep(0.1)
                    os.kill(child, signal.SIGCONT)
            finally:
                os._exit(0)
        os.kill(child, signal.SIGSTOP)
        return x

    assert parallel_map(stop, [1, 2]) == [1, 2]


def test_ignored_children_are_an_error(waiting):
    handler = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(ChildProcessError):
            parallel_map(lambda x: x, [1])
    finally:
        signal.signal(signal.SIGCHLD, handler)
