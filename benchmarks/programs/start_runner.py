"""Run a flow script with `Runner`, as a program does. Argument: the script."""

import sys

from metaflow import Runner

if __name__ == "__main__":
    with Runner(sys.argv[1]) as runner:
        result = runner.run()
        if result.status != "successful":
            sys.exit(f"the run is {result.status}")
