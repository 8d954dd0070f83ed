"""Output is readable where a terminal knows ASCII only."""

import os
import subprocess
import sys

import pytest

from mfbench.foundation.paths import ROOT
from tests.committed import MACHINE, NAMES


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        (("mfbench", "compare"), ["main (2ce24a12) -> ", "x faster |", "us (", "+/-", "+------"]),
        (("mfbench", "compare", "--format", "markdown"), ["x faster |", "+/-"]),
        (("asv", "compare"), ["+/-", "us "]),
    ],
)
def test_plain_characters_take_the_place_of_others(typed, plain):
    command = [sys.executable, "-m", *typed, *NAMES, "--machine", MACHINE]
    variables = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "160"}
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, env=variables)
    said = finished.stdout.decode("ascii")
    assert finished.returncode == 0 and not [each for each in plain if each not in said]
    assert "?" not in said and not finished.stderr


def test_latin_letters_stay_where_they_can():
    code = "from mfbench.foundation.terminal import use_plain_characters as use\n"
    code += "use(); print('2.5× é → ─│┼ ≥ …')"
    for encoding, said in (("latin-1", "2.5× é -> -|+ ? ..."), ("ascii", "2.5x e -> -|+ ? ...")):
        variables = os.environ | {"PYTHONIOENCODING": encoding}
        finished = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, env=variables
        )
        assert finished.stdout.decode(encoding) == f"{said}\n"
