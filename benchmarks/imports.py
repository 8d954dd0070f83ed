"""Importing metaflow: what every command, every task and every notebook begins with."""

import re
import statistics
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder, short_of_time, skip_when_quick
from benchmarks.support.processes import run_python

covers = ("metaflow/*",)
rounds = 7

TYPICAL_NAMES = (
    "FlowSpec, step, Parameter, IncludeFile, JSONType, current, card, resources, retry, "
    "catch, timeout, conda, project, schedule"
)
# The modules that make up a part; what they import belongs to it, too.
PARTS = {
    "requests": r"requests$",
    "kubernetes client": r"metaflow\.plugins\.kubernetes\.kubernetes_client$",
    "asyncio": r"asyncio$",
    "yaml": r"(metaflow\._vendor\.)?yaml$",
    "cards": r"metaflow\.plugins\.cards\.",
    "plugin resolution": r"metaflow\.plugins$",
}


class Interpreter(OneSamplePerProcess):
    """Start Python and nothing else: the floor below every other start."""

    witness = "instructions.Command.track_run(python)"
    quick = True
    runs_metaflow = False

    def timeraw_start(self):
        return (
            "subprocess.run([sys.executable, '-c', 'pass'], check=True)",
            "import subprocess, sys",
        )


class Import(OneSamplePerProcess):
    """Import metaflow in a fresh interpreter, as every task of every run does."""

    def timeraw_metaflow(self):
        return "import metaflow"

    def timeraw_flowspec(self):
        return "from metaflow import FlowSpec, step"

    def timeraw_typical_names(self):
        return f"from metaflow import {TYPICAL_NAMES}"

    timeraw_metaflow.quick = True
    timeraw_metaflow.witness = "instructions.Command.track_run(import metaflow)"
    timeraw_flowspec.witness = "instructions.Command.track_run(from metaflow import FlowSpec, step)"


class Footprint(OneSamplePerProcess):
    """What an interpreter holds once it has imported metaflow, and nothing else."""

    quick = True

    def track_modules(self):
        code = "import sys, metaflow; print(len(sys.modules))"
        return int(run_python(["-c", code], fresh_folder()))

    def track_peak_memory(self):
        if not Path("/proc/self/status").exists():
            raise SkipNotImplemented("only Linux tells a process the peak of its own memory")
        # VmHWM is the peak of this process alone; rusage would include its parent's.
        code = "import metaflow; print(open('/proc/self/status').read())"
        status = run_python(["-c", code], fresh_folder())
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])

    track_modules.unit = "modules"
    track_peak_memory.unit = "bytes"


class Part(OneSamplePerProcess):
    """Time spent below one part of `import metaflow`; 0 where it is not imported at all."""

    params = tuple(PARTS)
    param_names = ("part",)

    def setup_cache(self):
        if short_of_time():
            return []
        run_python(["-c", "import metaflow"], fresh_folder())
        return [import_times() for _ in range(3)]

    setup_cache.timeout = 120

    def setup(self, samples, part):
        skip_when_quick("each import is reported line by line, several times over")

    def track_time(self, samples, part):
        return statistics.median(outermost_time(lines, PARTS[part]) for lines in samples)

    track_time.unit = "microseconds"


def import_times():
    """Return (depth, microseconds with all it imported, module), in order of completion."""
    # The report goes to standard error, which is joined to standard output here.
    code = "import os; os.dup2(1, 2); import metaflow"
    report = run_python(["-X", "importtime", "-c", code], fresh_folder())
    lines = re.findall(r"import time:\s+\d+ \|\s+(\d+) \|( +)(\S+)", report)
    return [(len(depth), int(time), name) for time, depth, name in lines]


def outermost_time(lines, pattern):
    """Add up the times of matching modules that no other matching module imported."""
    total, enclosing = 0, None
    # A module is reported after those it imported: backwards, it comes before them.
    for depth, microseconds, name in reversed(lines):
        if enclosing is not None and depth > enclosing:
            continue
        enclosing = None
        if re.match(pattern, name):
            total, enclosing = total + microseconds, depth
    return total
