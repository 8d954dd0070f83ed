"""Importing metaflow: what every command, every task and every notebook begins with."""

import re
import statistics

from benchmarks.processes import run_python
from benchmarks.surroundings import fresh_folder, short_of_time, skip_when_quick

TYPICAL_NAMES = (
    "FlowSpec, step, Parameter, IncludeFile, JSONType, current, card, resources, retry, "
    "catch, timeout, conda, project, schedule"
)

# The modules that make up a part, the ones they import included.
PARTS = {
    "requests": r"requests$",
    "kubernetes client": r"metaflow\.plugins\.kubernetes\.kubernetes_client$",
    "asyncio": r"asyncio$",
    "yaml": r"(metaflow\._vendor\.)?yaml$",
    "cards": r"metaflow\.plugins\.cards\.",
    "plugin resolution": r"metaflow\.plugins$",
}
_LINE = re.compile(r"import time:\s+\d+ \|\s+(\d+) \|( +)(\S+)")
_SAMPLES = 3


class Interpreter:
    """Start Python and nothing else: the control beside every other start."""

    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 7, 0, 60

    def timeraw_start(self):
        return (
            "subprocess.run([sys.executable, '-c', 'pass'], check=True)",
            "import subprocess, sys",
        )


class Import:
    """Import metaflow in a fresh interpreter, as every task of every run does."""

    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 7, 0, 60

    def timeraw_metaflow(self):
        return "import metaflow"

    def timeraw_flowspec(self):
        return "from metaflow import FlowSpec, step"

    def timeraw_typical_names(self):
        return f"from metaflow import {TYPICAL_NAMES}"


class Footprint:
    """What an interpreter holds once it has imported metaflow, and nothing else."""

    version = "1"
    timeout = 60

    def track_modules(self):
        code = "import sys, metaflow; print(len(sys.modules))"
        return int(run_python(["-c", code], fresh_folder()))

    def track_peak_memory(self):
        # The peak of this memory map; that of rusage would include the parent's.
        code = "import metaflow; print(open('/proc/self/status').read())"
        status = run_python(["-c", code], fresh_folder())
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])

    track_modules.unit = "modules"
    track_peak_memory.unit = "bytes"


class Part:
    """Time spent below one part of `import metaflow`; 0 where it is not imported at all.

    The median of three fresh interpreters with `-X importtime`.
    """

    params = tuple(PARTS)
    param_names = ("part",)
    version = "1"
    timeout = 60

    def setup_cache(self):
        if short_of_time():
            return []
        run_python(["-c", "import metaflow"], fresh_folder())
        return [import_times() for _ in range(_SAMPLES)]

    setup_cache.timeout = 120

    def setup(self, samples, part):
        skip_when_quick("each import is reported line by line, several times over")

    def track_time(self, samples, part):
        return statistics.median(outermost_time(lines, PARTS[part]) for lines in samples)

    track_time.unit = "microseconds"


def import_times():
    """Return (depth, microseconds with all it imported, module), in order of completion."""
    code = "import subprocess, sys; print(subprocess.run([sys.executable, '-X', 'importtime', "
    code += "'-c', 'import metaflow'], check=True, capture_output=True, text=True).stderr)"
    report = run_python(["-c", code], fresh_folder())
    return [(len(depth), int(time), name) for time, depth, name in _LINE.findall(report)]


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
