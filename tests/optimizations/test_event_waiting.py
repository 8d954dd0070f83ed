"""Waiting for children: results, errors and laziness as before, without polling."""

import os

import pytest

from optimizations.edits import DoesNotApply, SourceTree
from tests.optimizations.optimized_releases import NEWEST, applied, both, tree_of

MULTICORE = "metaflow/multicore_utils.py"


def test_event_waiting_refuses_another_loop(series):
    path = series.root(NEWEST, "before") / MULTICORE
    text = path.read_text().replace("os.WNOHANG", "os.WNOHANG | 0")
    with pytest.raises(DoesNotApply, match=rf"^{MULTICORE}: parallel_imap_unordered: another body"):
        applied("event_waiting", tree_of(series, NEWEST, **{MULTICORE: text}))
    with pytest.raises(DoesNotApply, match=rf"^{MULTICORE}: not found"):
        applied("event_waiting", SourceTree([], {}.__getitem__))


MAPPED = """
    import os, signal, sys
    from metaflow.multicore_utils import *
    from metaflow.multicore_utils import MulticoreException

    print(parallel_map(lambda x: x * x, range(20), max_parallel=3))
    print(parallel_map(lambda x: x, [], max_parallel=2), parallel_map(str, [7]))
    print(len(parallel_map(lambda n: b"x" * n, [5_000_000], dir=os.getcwd())[0]))
    print(sorted(parallel_imap_unordered(lambda x: -x, iter([1, 2, 3]), max_parallel=2)))
    print(parallel_map(lambda x: parallel_map(lambda y: x + y, [1, 2]), [10, 20]))
    print(list(parallel_imap_unordered(str, range(3), max_parallel=0)))
    print(len(parallel_map(lambda x: x, range(20), max_parallel=20)))
    print([name for name in os.listdir(".") if name.startswith("parallel_map_")])

    def fail(x):
        if x == 2:
            raise ValueError("told you")
        return x

    def killed(x):
        os.kill(os.getpid(), signal.SIGKILL)

    for function in (fail, killed, lambda x: lambda: "no pickle"):
        try:
            parallel_map(function, range(4), max_parallel=2)
        except MulticoreException as error:
            print(type(error).__name__, error)

    def endless():
        n = 0
        while True:
            n += 1
            taken.append(n)
            yield n
    taken = []
    results = parallel_imap_unordered(lambda x: x, endless(), max_parallel=1)
    print(next(results), taken)
    print(next(results), taken)
    results.close()
"""


@pytest.mark.parametrize("version", ["2.10.4", NEWEST])
def test_results_order_errors_and_laziness_are_as_before(python, version):
    output = both(python, version, MAPPED)
    assert output.startswith(str([x * x for x in range(20)]))
    assert output.count("MulticoreException Child failed") == 3


def test_children_of_others_are_left_alone(python):
    script = """
        import os
        from metaflow.multicore_utils import parallel_map
        other = os.fork()
        if not other:
            os._exit(7)
        os.waitid(os.P_PID, other, os.WEXITED | os.WNOWAIT)
        print(parallel_map(lambda x: x, [1, 2]))
        print(os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]))
        """
    assert both(python, NEWEST, script) == "[1, 2]\n7\n"


def test_a_grandchild_that_holds_the_pipe_does_not_hold_us(python):
    script = """
        import os, signal, time
        from metaflow.multicore_utils import parallel_map
        def leave_one_behind(x):
            grandchild = os.fork()
            if not grandchild:
                time.sleep(300)
                os._exit(0)
            return grandchild
        grandchild, = parallel_map(leave_one_behind, [1])
        os.kill(grandchild, 0)
        os.kill(grandchild, signal.SIGKILL)
        print("still there")
        """
    assert both(python, NEWEST, script) == "still there\n"


def test_a_child_that_closes_its_descriptors_is_waited_for(python):
    script = """
        import os, time
        from metaflow.multicore_utils import parallel_map
        def close_all(x):
            os.closerange(3, 200)
            time.sleep(0.3 * x)
            return x
        print(parallel_map(close_all, [1, 0], max_parallel=2))
        """
    assert both(python, NEWEST, script) == "[1, 0]\n"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")  # noqa: PTH112
def test_no_end_of_a_generator_leaks_descriptors(python):
    script = """
        import gc, os
        from metaflow.multicore_utils import MulticoreException, parallel_imap_unordered
        def open_files():
            gc.collect()
            return len(os.listdir("/proc/self/fd"))
        def numbers_then_trouble():
            yield 1
            raise KeyError
        list(parallel_imap_unordered(str, range(3)))
        start = open_files()
        abandoned = parallel_imap_unordered(str, range(9), max_parallel=4)
        next(abandoned)
        del abandoned
        print("abandoned", open_files() - start)
        never_started = parallel_imap_unordered(str, range(9))
        del never_started
        print("never started", open_files() - start)
        for function, arguments in ((lambda x: 1 / 0, range(4)), (str, numbers_then_trouble())):
            try:
                list(parallel_imap_unordered(function, arguments, max_parallel=2))
            except (MulticoreException, KeyError):
                print("failed", open_files() - start)
        print("done", len(list(parallel_imap_unordered(str, range(5)))), open_files() - start)
        """
    assert both(python, NEWEST, script).splitlines() == [
        "abandoned 0",
        "never started 0",
        "failed 0",
        "failed 0",
        "done 5 0",
    ]


def test_few_descriptors_are_enough(python):
    script = """
        import resource
        from metaflow.multicore_utils import parallel_map
        resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
        def work(x):
            with open("/dev/null") as file:
                return len(file.read()) + x
        print(sum(parallel_map(work, range(70), max_parallel=70)))
        """
    assert both(python, NEWEST, script) == "2415\n"


def test_waiting_is_not_polling(python):
    script = """
        import time
        from metaflow.multicore_utils import parallel_map
        def no_sleep(seconds):
            if seconds >= 0.1:
                raise AssertionError("slept")
            really_sleep(seconds)
        def work(x):
            time.sleep = really_sleep
            time.sleep(0.2)
            return x
        really_sleep, time.sleep = time.sleep, no_sleep
        print(parallel_map(work, range(4), max_parallel=2))
        """
    assert python(NEWEST, "after", script) == "[0, 1, 2, 3]\n"
    with pytest.raises(AssertionError, match="slept"):
        python(NEWEST, "before", script)


def test_children_end_as_they_ended(python):
    script = """
        import os
        from metaflow.multicore_utils import _Children
        def exiting(code, output_file):
            pid = os.fork()
            if not pid:
                os._exit(code)
            return pid, output_file
        with _Children() as children:
            for code in (0, 3):
                children.add(exiting, code, "file-%d" % code)
            ended = dict(children.wait() for _ in range(2))
            print(len(children))
        print(sorted((name, os.waitstatus_to_exitcode(status)) for name, status in ended.items()))
        """
    assert python(NEWEST, "after", script) == "0\n[('file-0', 0), ('file-3', 3)]\n"


def test_a_failing_start_closes_its_pipe(python):
    script = """
        import os
        from metaflow.multicore_utils import _Children
        def refuse():
            raise BlockingIOError
        def next_descriptor():
            descriptor = os.dup(0)
            os.close(descriptor)
            return descriptor
        with _Children() as children:
            before = next_descriptor()
            try:
                children.add(refuse)
            except BlockingIOError:
                print("refused", next_descriptor() - before)
        """
    assert python(NEWEST, "after", script) == "refused 0\n"
