"""parallel_map: results, errors and laziness as in the release, and nobody else's children."""

import pytest

from tests.optimizations.optimized_releases import NEWEST, both

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
    print(len(parallel_map(lambda x: x, range(150), max_parallel=150)))
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
KILLED = """
    import os, resource, signal
    from metaflow.multicore_utils import MulticoreException, parallel_map

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Whoever started the tests may ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def killed(x):
        if x == 2:
            os.kill(os.getpid(), signal.{name})
        return x

    try:
        print(parallel_map(killed, range(4), max_parallel=2))
    except MulticoreException as error:
        print(type(error).__name__, error)
    print(parallel_map(str, [7]))
"""


@pytest.mark.parametrize("version", ["2.10.4", NEWEST])
def test_results_order_errors_and_laziness_are_as_before(python, version):
    output = both(python, version, MAPPED)
    assert output.startswith(str([x * x for x in range(20)]))
    assert output.count("MulticoreException Child failed") == 3


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGKILL", "SIGSEGV", "SIGTERM"])
def test_a_worker_that_a_signal_ends_is_told_as_before(python, name):
    said = both(python, NEWEST, KILLED.format(name=name))
    assert said == "MulticoreException Child failed\n['7']\n"


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


def test_a_grandchild_that_lives_on_does_not_hold_us(python):
    script = """
        import os, signal, time
        from metaflow.multicore_utils import parallel_map
        def leave_one_behind(x):
            os.closerange(3, 200)
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
