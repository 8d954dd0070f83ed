"""Each optimisation on real releases: what it changes, what stays, where it refuses."""

import ast
import io
import json
import linecache
import os
import shutil
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import pytest

from optimizations import SERIES, waiting
from optimizations.errors import DoesNotApply
from optimizations.source_tree import SourceTree
from scripts.git_command import git_bytes
from scripts.series import write_series

VERSIONS = ["2.10.4", "2.12.0", "2.15.0", "2.19.39"]
WITH_SESSION = ["2.15.0", "2.19.39"]
MULTICORE = "metaflow/multicore_utils.py"


@pytest.fixture(scope="session")
def series(tmp_path_factory, built_upstream):
    """The series on each release, and the folder of each release before and after it."""
    folder = tmp_path_factory.mktemp("optimized")
    upstream = shutil.copytree(built_upstream, folder / "upstream", symlinks=True)
    found = {}
    for version in VERSIONS:
        base = git_bytes(upstream, "rev-parse", f"{version}^{{commit}}").decode().strip()
        commits = write_series(upstream, base)
        sides = {"before": base, "after": commits[-1].hash}
        for side, commit in sides.items():
            archive = io.BytesIO(git_bytes(upstream, "archive", commit))
            with tarfile.open(fileobj=archive) as files:
                files.extractall(folder / version / side, filter="data")
        found[version] = commits
    return found, folder


@pytest.fixture
def python(series, tmp_path):
    """Run a script with one side of a release; returns what it printed."""

    def run(version, side, script):
        folder = series[1] / version / side
        environment = os.environ | {
            "PYTHONPATH": str(folder),
            "HOME": str(tmp_path),
            "NO_PROXY": "127.0.0.1",
            # Compiling metaflow anew for each script would take most of the time.
            "PYTHONDONTWRITEBYTECODE": "",
            "METAFLOW_USER": "somebody",
            "METAFLOW_SERVICE_RETRY_COUNT": "1",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path),
        }
        command = [sys.executable, "-c", textwrap.dedent(script)]
        finished = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run


def files_of(folder, side):
    return {
        str(path.relative_to(folder / side)): path
        for path in (folder / side).rglob("*.py")
        if "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_the_whole_series_applies(series, version):
    commits, _ = series
    assert {commit.name: commit.refusal for commit in commits[version]} == {
        optimization.name: "" for optimization in SERIES
    }
    by_name = {commit.name: commit.files for commit in commits[version]}
    assert by_name["control"] == ()
    assert by_name["event_waiting"] == (MULTICORE,)
    assert any(path.endswith("heartbeat.py") for path in by_name["defer_requests"])


@pytest.mark.parametrize("version", VERSIONS)
def test_only_the_named_files_differ(series, version):
    commits, folder = series
    before, after = (files_of(folder / version, side) for side in ("before", "after"))
    differing = {path for path in after if after[path].read_bytes() != before[path].read_bytes()}
    assert differing == {path for commit in commits[version] for path in commit.files}


@pytest.mark.parametrize("version", VERSIONS)
def test_changed_files_are_python_3_8_without_new_complaints(series, version):
    commits, folder = series
    changed = sorted({path for commit in commits[version] for path in commit.files})
    for path in changed:
        ast.parse((folder / version / "after" / path).read_text(), feature_version=(3, 8))
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821,F811,F401"]
    complaints = {}
    for side in ("before", "after"):
        command = [*ruff, "--output-format", "json", "--exit-zero", *changed]
        said = subprocess.run(command, cwd=folder / version / side, capture_output=True, check=True)
        complaints[side] = {
            (found["filename"].rpartition("/metaflow/")[2], found["message"])
            for found in json.loads(said.stdout)
        }
    assert complaints["after"] <= complaints["before"]


def tree_of(folder, version, **changed):
    root = folder / version / "before"
    paths = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]

    def read(path):
        return changed[path] if path in changed else (root / path).read_text()

    return SourceTree(paths, read)


def applied(name, tree):
    next(each for each in SERIES if each.name == name).apply(tree)


def test_event_waiting_refuses_another_loop(series):
    folder = series[1]
    path = folder / "2.19.39" / "before" / MULTICORE
    text = path.read_text().replace("os.WNOHANG", "os.WNOHANG | 0")
    with pytest.raises(DoesNotApply, match=rf"^{MULTICORE}: parallel_imap_unordered: another body"):
        applied("event_waiting", tree_of(folder, "2.19.39", **{MULTICORE: text}))
    with pytest.raises(DoesNotApply, match=rf"^{MULTICORE}: not found"):
        applied("event_waiting", SourceTree([], {}.__getitem__))


def test_defer_requests_refuses_a_use_while_loading(series):
    folder = series[1]
    path = "metaflow/metadata_provider/heartbeat.py"
    text = (folder / "2.19.39" / "before" / path).read_text() + "\nX = requests.Session()\n"
    with pytest.raises(DoesNotApply, match=f"^{path}: requests: used while the module loads"):
        applied("defer_requests", tree_of(folder, "2.19.39", **{path: text}))
    with pytest.raises(DoesNotApply, match="requests at the top level: not found"):
        applied("defer_requests", SourceTree([], {}.__getitem__))


def both(python, version, script):
    """The script's output, which must be the same before and after."""
    before, after = (python(version, side, script) for side in ("before", "after"))
    assert after == before
    return after


def test_the_example_of_the_documentation_applies(series):
    page = Path(__file__).parent.parent / "docs" / "writing-an-optimisation.md"
    example = page.read_text().split("```python\n")[1].split("```")[0]
    names = {}
    # The edits read new functions from their file, which an executed text does not have.
    linecache.cache["example.py"] = (len(example), None, example.splitlines(True), "example.py")
    exec(compile(example, "example.py", "exec"), names)
    tree = tree_of(series[1], "2.19.39")
    names["apply"](tree)
    assert len(tree.changes()) == 2


LOADED = "import sys, metaflow; print('requests' in sys.modules)"


@pytest.mark.parametrize("version", VERSIONS)
def test_import_metaflow_loads_no_requests(python, version):
    assert python(version, "before", LOADED) == "True\n"
    assert python(version, "after", LOADED) == "False\n"


# A service on the loopback interface, asked through metaflow; prints what metaflow made of it.
SERVICE = """
    import http.server, json, threading
    try:
        from metaflow.metadata_provider import heartbeat
        from metaflow.plugins.metadata_providers import service
    except ImportError:
        from metaflow.metadata import heartbeat
        from metaflow.plugins.metadata import service

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps('{"wait_time_in_seconds": 7}').encode()
            self.send_response(500 if "broken" in self.path else 200)
            self.send_header("METADATA_SERVICE_VERSION", "2.3.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        do_POST = do_GET
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d" % server.server_port

    def outcome(call, *arguments):
        try:
            return repr(call(*arguments)).replace(url, "URL")
        except Exception as error:
            return type(error).__name__ + ": " + str(error).replace(url, "URL")[:40]

    beating = heartbeat.MetadataHeartBeat()
    print(outcome(beating._heartbeat))
    for address in (url + "/beat", url + "/broken"):
        beating.hb_url = address
        print(outcome(beating._heartbeat))
    provider = service.ServiceMetadataProvider
    print(outcome(provider.compute_info, url + "/"))
    print(outcome(provider.compute_info, url + "/broken"))
    provider.INFO = url
    print(outcome(provider._version, None))
    print(outcome(provider._request, None, "/broken", "GET"))
    server.shutdown()
    server.server_close()
    # Nobody listens any more.
    beating.hb_url = "http://127.0.0.1:1/"
    print(outcome(beating._heartbeat).partition(":")[0])
    print(outcome(provider.compute_info, url))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_requests_are_made_as_before(python, version):
    lines = both(python, version, SERVICE).splitlines()
    assert lines[1] == "7"
    assert lines[2].startswith("HeartBeatException")
    assert lines[3] == "'URL'"
    assert lines[5] == "'2.3.4'"


@pytest.mark.parametrize("version", WITH_SESSION)
def test_the_session_is_one_class_attribute_made_at_first_use(python, version):
    script = """
        import sys, threading
        from metaflow.plugins.metadata_providers.service import ServiceMetadataProvider as provider
        assert "requests" not in sys.modules
        class Special(provider):
            pass
        assert "requests" not in sys.modules
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(Special._session)) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        import requests
        assert len({id(session) for session in seen}) == 1 and len(seen) == 8
        assert type(provider._session) is requests.Session
        assert vars(provider)["_session"] is seen[0] and "_session" not in vars(Special)
        for scheme in ("http://", "https://"):
            print(sorted(seen[0].get_adapter(scheme + "x").__getstate__().items(), key=str)[0])
            print(seen[0].get_adapter(scheme + "x")._pool_maxsize)
        """
    assert python(version, "after", script).splitlines()[1::2] == ["20", "20"]


def test_a_replaced_session_is_respected(python):
    script = """
        from unittest import mock
        from metaflow.plugins.metadata_providers.service import ServiceMetadataProvider as provider
        with mock.patch.object(provider, "_session") as fake:
            assert provider._session is fake
        session = provider._session
        assert session is not fake and provider._session is session
        provider._session = "mine"
        print(provider._session)
        """
    assert python("2.19.39", "after", script) == "mine\n"


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


@pytest.mark.parametrize("version", ["2.10.4", "2.19.39"])
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
    assert both(python, "2.19.39", script) == "[1, 2]\n7\n"


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
    assert both(python, "2.19.39", script) == "still there\n"


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
    assert both(python, "2.19.39", script) == "[1, 0]\n"


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
    assert both(python, "2.19.39", script).splitlines() == [
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
    assert both(python, "2.19.39", script) == "2415\n"


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
    assert python("2.19.39", "after", script) == "[0, 1, 2, 3]\n"
    with pytest.raises(AssertionError, match="slept"):
        python("2.19.39", "before", script)


def test_children_end_as_they_ended():
    with waiting._Children() as children:
        for code in (0, 3):
            children.add(exiting, code, f"file-{code}")
        ended = dict(children.wait() for _ in range(2))
        assert not children
    assert {name: os.waitstatus_to_exitcode(status) for name, status in ended.items()} == {
        "file-0": 0,
        "file-3": 3,
    }


def exiting(code, output_file):
    pid = os.fork()
    if not pid:
        os._exit(code)
    return pid, output_file


def test_a_failing_start_closes_its_pipe():
    def refuse():
        raise BlockingIOError

    with waiting._Children() as children:
        before = os.dup(0)
        os.close(before)
        with pytest.raises(BlockingIOError):
            children.add(refuse)
        after = os.dup(0)
        os.close(after)
    assert after == before
