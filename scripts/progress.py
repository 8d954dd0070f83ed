"""How long work shows itself."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn


def progress_bar() -> Progress:
    """Return the bar that long work of this project shows."""
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
