"""Flows whose tasks tell what they see, wait, end by signals, or draw numbers."""

SEEING = """
import json, os, resource, signal, subprocess, sys
from metaflow import FlowSpec, step
unflushed = open("unflushed", "a")
unflushed.write("x" if "step" in sys.argv else "")
class SeeingFlow(FlowSpec):
    @step
    def start(self):
        status = open("/proc/self/status").read().split("\\n")
        variables = subprocess.check_output(["env"], text=True).split("\\n")
        print(json.dumps({
            "arguments": [sys.argv, sys.orig_argv],
            "main": sorted(set(vars(sys.modules["__main__"])) - {"__cached__"}),
            "paths": [__file__, os.getcwd(), sys.path],
            "files": len(os.listdir("/proc/self/fd")),
            "limits": [resource.getrlimit(each) for each in range(16)],
            "status": [each for each in status if each.startswith(("Umask", "SigB", "SigC"))],
            "handlers": [str(signal.getsignal(each)) for each in range(1, 32)],
            "group": os.getpgrp() == os.getpgid(os.getppid()),
            "variables": sorted(each for each in variables if "RUNTIME_FORK" not in each),
            "streams": [
                (each.encoding, each.errors, each.write_through, each.line_buffering,
                 each.isatty(), each.seekable())
                for each in (sys.stdin, sys.stdout, sys.stderr)
            ],
        }))
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    SeeingFlow()
"""
SLEEPING = """
import os, time
from metaflow import FlowSpec, step
class SleepingFlow(FlowSpec):
    @step
    def start(self):
        with open("task", "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    SleepingFlow()
"""
SIGNALS = """
import os, resource, signal
from metaflow import FlowSpec, catch, step
class SignalsFlow(FlowSpec):
    @step
    def start(self):
        self.names = "HUP INT QUIT ABRT KILL USR1 SEGV PIPE ALRM TERM".split()
        self.next(self.work, foreach="names")
    @catch(var="problem")
    @step
    def work(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), getattr(signal, "SIG" + self.input))
        self.next(self.join)
    @step
    def join(self, inputs):
        print([(each.index, str(each.problem)) for each in inputs])
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    SignalsFlow()
"""
DRAWING = """
import sys
preloaded = "numpy.random" in sys.modules
import numpy.random
from metaflow import FlowSpec, step
class DrawingFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.one, self.other)
    @step
    def one(self):
        self.drawn = preloaded, numpy.random.random()
        self.next(self.join)
    @step
    def other(self):
        self.drawn = preloaded, numpy.random.random()
        self.next(self.join)
    @step
    def join(self, inputs):
        assert all(each.drawn[0] for each in inputs), "not preloaded"
        assert inputs.one.drawn != inputs.other.drawn, "drawn twice"
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    DrawingFlow()
"""
