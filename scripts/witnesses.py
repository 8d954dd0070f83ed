"""What stands beside a timed case: the count of its instructions, and the digest of its answer."""

from __future__ import annotations

import re

from scripts.measurements import Case

_COMMANDS = {
    "imports.Import.timeraw_metaflow": "import metaflow",
    "imports.Import.timeraw_flowspec": "from metaflow import FlowSpec, step",
    "imports.Interpreter.timeraw_start": "python",
    "cli.Metaflow.time_banner": "metaflow",
    "cli.FlowScript.time_help": "flow.py --help",
    "cli.FlowScript.time_show": "flow.py show",
}
_ARTIFACTS = {
    "artifacts.Save.time_save": "instructions.Artifact.track_save",
    "artifacts.Load.time_load": "instructions.Artifact.track_load",
}
# The benchmarks whose answer `benchmarks/answers.py` digests, and which of their parameters it
# depends on.
_ANSWERS = {
    "artifacts.Save.time_save": ("answers.Artifacts.track_digest", 0),
    "artifacts.Load.time_load": ("answers.Artifacts.track_digest", 0),
    "artifacts.SaveOther.time_save": ("answers.Artifacts.track_digest", 0),
    "artifacts.LoadOther.time_load": ("answers.Artifacts.track_digest", 0),
    "hashing.ContentKey.time_find": ("answers.ContentKey.track_digest", 0),
    "client.ReadArtifact.time_read": ("answers.ClientRead.track_digest", 1),
    "multicore.ParallelMap.time_map": ("answers.ParallelMap.track_digest", 0),
}
_SIZE = re.compile(r"(?<![\d.])(\d+)(B|KB|MB)$")
_BYTES = {"B": 1, "KB": 1000, "MB": 1_000_000}
# What is read, written, hashed or compressed at all: speed in MB/s means something.
_WITH_THROUGHPUT = re.compile(
    r"^(artifacts\.(Save|Load)|rival\.(Save|Load)|compression\.(Pack|Unpack)|hashing\."
    r"|client\.ReadArtifact|includefile\.(StoreFile|ReadFile)).*\.time_"
)


def instructions_of(case: Case) -> Case | None:
    """Return the case that counts the instructions of a timed one; None where nothing does."""
    if case.benchmark in _COMMANDS:
        return Case("instructions.Command.track_run", (_COMMANDS[case.benchmark],))
    if case.benchmark in _ARTIFACTS:
        return Case(_ARTIFACTS[case.benchmark], case.parameters)
    return None


def answer_of(case: Case) -> Case | None:
    """Return the case that holds the digest of a timed one's answer; None where nothing does."""
    if case.benchmark not in _ANSWERS:
        return None
    answer, parameter = _ANSWERS[case.benchmark]
    return Case(answer, case.parameters[parameter : parameter + 1])


def size_of(case: Case) -> int | None:
    """Return how many bytes a case handles, as its payload's name says; None where none does."""
    if not _WITH_THROUGHPUT.match(case.benchmark):
        return None
    for parameter in case.parameters:
        found = _SIZE.search(parameter)
        if found:
            return int(found[1]) * _BYTES[found[2]]
    return None
