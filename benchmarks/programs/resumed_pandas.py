"""A flow whose module imports pandas, and whose last step fails until `repaired` lies beside it."""

from pathlib import Path

import pandas
from metaflow import FlowSpec, step


class ResumedPandas(FlowSpec):
    """Fail at first."""

    @step
    def start(self):
        """Do what a resumed run need not do again."""
        self.table = pandas.DataFrame({"number": [1, 2, 3]})
        self.next(self.end)

    @step
    def end(self):
        """Fail, unless repaired."""
        if not Path("repaired").exists():
            raise ValueError("not repaired yet")


if __name__ == "__main__":
    ResumedPandas()
