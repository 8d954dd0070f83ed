"""The progress bar of long work."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn


def progress_bar() -> Progress:
    """Return a bar that shows a description and how many steps are done."""
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
