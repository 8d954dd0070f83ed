import atexit
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import tokenize
from contextlib import suppress

from .metaflow_config import RUNTIME_FORK_PRELOAD, RUNTIME_FORK_TIMEOUT
from .metaflow_version import get_version

MAX_MESSAGE = 100000
READY = "ready"
ENDED = "the process ended"
PR_SET_CHILD_SUBREAPER = 36
BOOT = """\
import sys
sys.path[0] = sys.path[0] or sys.argv[1]
from metaflow.warm_process import serve
exec(serve())
"""


# What the runtime uses of subprocess.Popen
class ForkedTask(object):
    # Besides what the runtime records of each task
    metadata = {"forked": True}

    def __init__(self, pid, stdin, stdout, stderr):
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._returncode = None

    def kill(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def poll(self):
        return self.wait(os.WNOHANG)

    def wait(self, options=0):
        if self._returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self._returncode = os.waitstatus_to_exitcode(status)
        return self._returncode


# The runtime's side of the process
class WarmProcess(object):
    def __init__(self, entrypoint, logger):
        self._entrypoint = list(entrypoint)
        # That of a task, but for the id of the run, unless a decorator changes it
        self._env = dict(os.environ, PYTHONUNBUFFERED="x", METAFLOW_RUN_ID="")
        self._logger = logger
        self._preload = RUNTIME_FORK_PRELOAD.replace(",", " ").split()
        self._process, self._ready = None, False
        self._guarded(self._start)

    def fork(self, args, env):
        """Return the ForkedTask, or None if the runtime has to start the task."""
        if (
            self._process is not None
            and args.entrypoint == self._entrypoint
            and args.commands == ["step"]
            and dict(env, METAFLOW_RUN_ID="") == self._env
            and _inherited_state() == self._inherited_state
        ):
            return self._guarded(self._fork, args, env)

    def _guarded(self, action, *args):
        try:
            return action(*args)
        except BaseException as ex:
            # After Ctrl-C, an answer may be left that nobody has read
            self._close()
            if not isinstance(ex, Exception):
                raise
            msg = "Tasks are not forked from here on, but started as usual: %s" % ex
            self._logger(msg, system_msg=True)

    def _close(self):
        if self._process is not None:
            self._connection.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self):
        python, script = self._entrypoint
        if not sys.platform.startswith("linux") or sys.version_info < (3, 9):
            raise OSError("this needs Linux and Python 3.9")
        if python != sys.executable or not script.endswith(".py"):
            raise OSError("%s is not run by this Python" % script)
        if signal.getsignal(signal.SIGCHLD) != signal.SIG_DFL:
            raise OSError("SIGCHLD has a handler")
        self._connection, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        self._connection.settimeout(RUNTIME_FORK_TIMEOUT)
        self._inherited_state = _inherited_state()
        # Ctrl-C is for the runtime and the tasks
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            folder, fd = os.path.dirname(os.path.realpath(script)), theirs.fileno()
            self._process = subprocess.Popen(
                [python, "-c", BOOT, folder, str(fd), script],
                env=self._env,
                pass_fds=[fd],
                # Pipes, like those of the tasks, which get its sys.stdout
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()
        message = json.dumps([list(mask), _modules(), self._preload])
        self._connection.send(message.encode())

    def _wait_until_ready(self):
        while not self._ready:
            answer = self._connection.recv(MAX_MESSAGE).decode() or ENDED
            if answer == READY:
                self._ready = True
            elif self._preload:
                msg = "%s can't be preloaded: %s" % (", ".join(self._preload), answer)
                self._logger(msg, system_msg=True)
                self._preload = []
                self._close()
                self._start()
            else:
                raise OSError(answer)

    def _fork(self, args, env):
        self._wait_until_ready()
        request = json.dumps([args.get_args()[1:], env["METAFLOW_RUN_ID"]])
        if len(request) > MAX_MESSAGE:
            return None
        stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
        files = open(stdin[1], "wb", 0), open(stdout[0], "rb"), open(stderr[0], "rb")
        fds = stdin[0], stdout[1], stderr[1]
        prctl = ctypes.CDLL(None).prctl
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            socket.send_fds(self._connection, [request.encode()], fds)
            answer = self._connection.recv(MAX_MESSAGE)
            if not answer:
                raise OSError(ENDED)
            # Raises unless the task is a child of this process
            os.waitid(os.P_PID, int(answer), os.WEXITED | os.WNOHANG | os.WNOWAIT)
            # The task waits for this byte. It ends if its stdin is closed instead.
            files[0].write(b"\n")
        finally:
            prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
            for fd in fds:
                os.close(fd)
        return ForkedTask(int(answer), *files)


def _inherited_state():
    # What a task inherits besides its environment
    return os.getcwd(), os.getpgrp(), signal.pthread_sigmask(signal.SIG_BLOCK, [])


def _modules():
    # Tasks use most of what the runtime has loaded of Metaflow. But the command line
    # takes its options from the flow, so each task loads that by itself.
    return ["metaflow.task"] + [
        name
        for name in sys.modules
        if name.startswith(("metaflow.", "metaflow_extensions."))
        and not name.startswith(
            ("metaflow.cli", "metaflow.runtime", "metaflow.package")
        )
    ]


def serve():
    """Fork a task for each request; in the task, return the code of the flow."""
    connection = socket.socket(fileno=int(sys.argv[2]))
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    os.close(null)
    mask, modules, preload = json.loads(connection.recv(MAX_MESSAGE))
    answer = _load(modules, preload) or READY
    connection.send(answer[:1000].encode("utf-8", "replace"))
    while True:
        request, fds, _, _ = socket.recv_fds(connection, MAX_MESSAGE, 3)
        if not request:
            os._exit(0)
        try:
            pid = _fork_twice()
        except OSError:
            os._exit(1)
        if pid is None:
            connection.close()
            return _become_task(*json.loads(request), fds, mask)
        for fd in fds:
            os.close(fd)
        connection.send(pid)


def _load(modules, preload):
    # Returns why no task can be forked from this process, if so
    for name in modules:
        # If it fails here, the task will tell
        with suppress(Exception):
            importlib.import_module(name)
    try:
        for name in preload:
            importlib.import_module(name)
    except BaseException as ex:
        return "%s: %s" % (type(ex).__name__, ex)
    if "metaflow.cli" in sys.modules:
        return "metaflow.cli is loaded, which takes its options from the flow"
    # What each task would do again
    get_version()
    list(tokenize.generate_tokens(iter(['"""\n', '"""\n']).__next__))
    threads = "/proc/self/task"
    if len(os.listdir(threads)) > 1:
        # Libraries like OpenBLAS end their threads when a process forks
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    gc.collect()
    gc.freeze()
    for _ in range(100):
        if len(os.listdir(threads)) == 1:
            return None
        time.sleep(0.01)
    return "threads are left behind"


def _fork_twice():
    # Returns the id of the second child; None in that child itself. As the first ends
    # at once, the second becomes a child of the runtime, like a task that it starts.
    read, write = os.pipe()
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        os.close(write)
        with open(read, "rb") as file:
            return file.read()
    second = os.fork()
    if second:
        os.write(write, b"%d" % second)
        os._exit(0)
    os.close(read)
    os.close(write)


def _become_task(argv, run_id, fds, mask):
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
        os.close(fd)
    if not os.read(0, 1):
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    # random seeds itself after a fork; numpy does not
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    importlib.invalidate_caches()
    atexit.register(_thaw)
    os.environ["METAFLOW_RUN_ID"] = run_id
    sys.argv, sys.orig_argv = argv, [sys.executable] + argv
    main = sys.modules["__main__"]
    del main.sys, main.serve
    main.__file__ = path = os.path.join(os.getcwd(), argv[0])
    with open(path, "rb") as source:
        return compile(source.read(), path, "exec", dont_inherit=True)


def _thaw():
    # At exit, what is frozen and what that refers to is left as it is, files unflushed
    if any(hasattr(type(each), "__del__") for each in gc.get_objects()):
        gc.unfreeze()
