"""A flow of which one task prints many lines."""

import array
import fcntl
import sys
import termios
import time

from metaflow import FlowSpec, Parameter, step


class Printing(FlowSpec):
    """Print, and end."""

    lines = Parameter("lines", default=10_000, type=int)
    wait = Parameter("wait", help="Wait until all is read, if not 0.", default=0, type=int)

    @step
    def start(self):
        """Print as a program does that tells of its progress."""
        for number in range(self.lines):
            print(f"epoch {number} of {self.lines}: the loss is {1 / (number + 1):.6f}")
        while self.wait and unread(sys.stdout):
            time.sleep(0.01)
        self.next(self.end)

    @step
    def end(self):
        """End."""


def unread(pipe):
    """Return how many bytes nobody has read of a pipe that this process writes to."""
    found = array.array("i", [0])
    fcntl.ioctl(pipe.fileno(), termios.FIONREAD, found)
    return found[0]


if __name__ == "__main__":
    Printing()
