"""The smallest flow."""

from metaflow import FlowSpec, step


class Hello(FlowSpec):
    """Say hello and end."""

    @step
    def start(self):
        """Begin."""
        self.message = "hello"
        self.next(self.end)

    @step
    def end(self):
        """End."""


if __name__ == "__main__":
    Hello()
