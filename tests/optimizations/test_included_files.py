"""IncludeFile across releases: what a flow of one includes, the client of another reads."""

import os
import subprocess
import sys

import pytest

from tests.optimizations.optimized_releases import NEWEST, VERSIONS

FLOW = """
from metaflow import FlowSpec, IncludeFile, step


class IncludingFlow(FlowSpec):
    text = IncludeFile("text", default="included.txt")
    noise = IncludeFile("noise", default="included.bin", is_text=False)

    @step
    def start(self):
        assert len(self.text) == 400_000 and len(self.noise) == 400_000
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    IncludingFlow()
"""
CONTENT = """
    import random
    chosen = random.Random(0)
    text = chosen.randbytes(200_000).hex()
    noise = chosen.randbytes(400_000)
"""
WRITE = (
    CONTENT
    + """
    open("included.txt", "w").write(text)
    open("included.bin", "wb").write(noise)
"""
)
READ = (
    CONTENT
    + """
    from metaflow import Flow, namespace
    namespace(None)
    data = Flow("IncludingFlow").latest_run["start"].task.data
    print(data.text == text, data.noise == noise)
"""
)


@pytest.mark.parametrize("version", [VERSIONS[0], NEWEST])
@pytest.mark.parametrize("writes", ["before", "after"])
def test_what_one_includes_the_other_reads(python, series, tmp_path, version, writes):
    old, new = (version, "before"), (NEWEST, "after")
    writer, reader = (old, new) if writes == "before" else (new, old)
    python(*reader, WRITE)
    (tmp_path / "flow.py").write_text(FLOW)
    environment = os.environ | {
        "PYTHONPATH": str(series.root(*writer)),
        "HOME": str(tmp_path),
        "METAFLOW_USER": "somebody",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path),
    }
    command = [sys.executable, "flow.py", "--no-pylint", "run"]
    finished = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert python(*reader, READ) == "True True\n"
    assert python(*writer, READ) == "True True\n"
