"""A flow of which one step makes a card."""

from metaflow import FlowSpec, card, step


class Report(FlowSpec):
    """Report on something."""

    @card
    @step
    def start(self):
        """Make values for the card to show."""
        self.scores = [0.5, 0.7, 0.9]
        self.next(self.end)

    @step
    def end(self):
        """End."""


if __name__ == "__main__":
    Report()
