"""Options that several commands share: one name, one meaning, one help text."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mfbench.foundation.files import write_text
from mfbench.foundation.paths import SAFE_NAME


def _machine_name(text: str) -> str:
    if not re.fullmatch(SAFE_NAME, text):
        raise click.BadParameter(f"{text!r} is no name; use letters, digits, . _ and -")
    return text


def _topics(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^,\s]+", text))


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as problem:
        raise click.BadParameter(f"{text!r} is no regular expression: {problem}") from None
    return text


machine_option = click.option(
    "--machine", metavar="NAME", type=_machine_name, help="Machine name: a folder of results/."
)
topics_option = click.option(
    "--only",
    "topics",
    metavar="TOPICS",
    type=_topics,
    default="",
    help="Only these topics, for example imports,artifacts.",
)
bench_option = click.option(
    "--bench", metavar="REGEX", type=_regular_expression, help="Only matching cases, as in asv run."
)
output_option = click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write FILE; print nothing."
)


def rounds_option(default: int | None = None) -> Callable[..., Any]:
    """Return the option that says how many samples are taken of each case."""
    return click.option(
        "--rounds",
        metavar="N",
        type=click.IntRange(min=1),
        default=default,
        show_default=default is not None,
        help="Samples per case and commit; each is a process of its own.",
    )


def format_option(*formats: str) -> Callable[..., Any]:
    """Return the option that chooses the output format; the first of `formats` is the default."""
    kind = click.Choice(formats)
    return click.option(
        "--format", "form", type=kind, default=formats[0], show_default=True, help="Output format."
    )


def write_or_print(text: str, output: Path | None) -> None:
    """Write a text to a file, whole or not at all, or print it where none is named."""
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
