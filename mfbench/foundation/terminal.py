"""Output where a terminal or a pipe can't take every character: plain ones in their place."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

PLAIN = {
    "×": "x",
    "→": "->",
    "–": "-",
    "±": "+/-",
    "µ": "u",
    "μ": "u",
    "“": '"',
    "”": '"',
    "·": ".",
}
# ASCII by another name: click writes UTF-8 where a stream calls its encoding ASCII.
NAME = "plain-ascii"


def use_plain_characters() -> None:
    """Let stdout and stderr replace the characters that they can't encode."""
    codecs.register_error("plain", _plain)
    codecs.register(_plain_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=NAME if is_ascii else None, errors="plain")


def _plain(problem: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    unknown = problem.object[problem.start : problem.end]
    return "".join(map(_in_ascii, unknown)), problem.end


def _in_ascii(character: str) -> str:
    # Lines of tables and bars: horizontal, vertical, or crossing.
    if "─" <= character <= "╿":
        return "-" if character in "─━═╸╺" else "|" if character in "│┃║" else "+"
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return PLAIN.get(character) or letters or "?"


def _plain_ascii(name: str) -> codecs.CodecInfo | None:
    # Python asks for a name in lower case, since 3.9 with underscores.
    if name.replace("_", "-") != NAME:
        return None
    known = codecs.lookup("ascii")
    makers = known.incrementalencoder, known.incrementaldecoder
    return codecs.CodecInfo(
        known.encode, known.decode, known.streamreader, known.streamwriter, *makers, name=NAME
    )
