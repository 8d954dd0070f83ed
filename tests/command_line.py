"""`mfbench` as a person types it, in this process: a fresh one takes seconds to load."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest import mock

import pytest

from mfbench.cli import main


def mfbench(*arguments: object) -> CompletedProcess[str]:
    said, complained = io.StringIO(), io.StringIO()
    typed = ["mfbench", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", typed),
        redirect_stdout(said),
        redirect_stderr(complained),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return CompletedProcess(typed, ended.value.code or 0, said.getvalue(), complained.getvalue())
