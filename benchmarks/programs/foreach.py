"""A flow that fans out over many trivial tasks."""

from metaflow import FlowSpec, Parameter, step


class Foreach(FlowSpec):
    """Square some numbers, each in a task of its own."""

    width = Parameter("width", default=10, type=int)

    @step
    def start(self):
        """Fan out."""
        self.numbers = list(range(self.width))
        self.next(self.work, foreach="numbers")

    @step
    def work(self):
        """Square one number."""
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        """Add the squares up, and check them."""
        self.total = sum(each.square for each in inputs)
        if self.total != sum(number**2 for number in range(self.width)):
            raise ValueError("a task is missing")
        self.next(self.end)

    @step
    def end(self):
        """End."""


if __name__ == "__main__":
    Foreach()
