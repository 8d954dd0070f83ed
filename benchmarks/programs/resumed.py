"""A flow whose last step fails until a file called `repaired` lies beside it."""

from pathlib import Path

from metaflow import FlowSpec, step


class Resumed(FlowSpec):
    """Fail at first."""

    @step
    def start(self):
        """Do what a resumed run need not do again."""
        self.message = "done once"
        self.next(self.end)

    @step
    def end(self):
        """Fail, unless repaired."""
        if not Path("repaired").exists():
            raise ValueError("not repaired yet")


if __name__ == "__main__":
    Resumed()
