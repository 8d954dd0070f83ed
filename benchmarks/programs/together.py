"""A flow of 16 tasks that wait for each other; the first measures the memory of the whole run."""

import os
import re
import time
from pathlib import Path

from metaflow import FlowSpec, step

WIDTH = 16


class Together(FlowSpec):
    """Keep 16 tasks alive at once."""

    @step
    def start(self):
        """Fan out."""
        self.numbers = list(range(WIDTH))
        self.next(self.work, foreach="numbers")

    @step
    def work(self):
        """Wait for all, and then until their memory is known."""
        Path(f"there-{self.input}").touch()
        while self.input == 0 and len(list(Path().glob("there-*"))) < WIDTH:
            time.sleep(0.01)
        if self.input == 0:
            Path("measured").write_text(str(proportional_set_size(os.getppid())))
            Path("measured").rename("memory")
        while not Path("memory").exists():
            time.sleep(0.1)
        self.next(self.join)

    @step
    def join(self, inputs):
        """Come together."""
        self.next(self.end)

    @step
    def end(self):
        """End."""


def proportional_set_size(run):
    """Return the proportional set size, in bytes, of a process and its children."""
    lists = Path(f"/proc/{run}/task").glob("*/children")
    processes = [run, *(child for each in lists for child in each.read_text().split())]
    rollups = [Path(f"/proc/{each}/smaps_rollup").read_text() for each in processes]
    return sum(1024 * int(re.search(r"^Pss: +(\d+)", each, re.M)[1]) for each in rollups)


if __name__ == "__main__":
    Together()
