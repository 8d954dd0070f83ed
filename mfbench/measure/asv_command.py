"""Running asv as a person would, from this project's environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import NamedTemporaryFile

from asv.config import Config
from asv.util import UserError

from mfbench.asv_plugin import LOCK, LOCKED, RUN
from mfbench.foundation.errors import Failure
from mfbench.foundation.files import locked
from mfbench.foundation.paths import ROOT

# asv's exit code where it ran and some benchmarks failed.
BENCHMARKS_FAILED = 2
SECONDS_TO_STOP = 10
ASV_CONF = ROOT / "asv.conf.json"


@contextmanager
def one_run(began: float | None = None) -> Iterator[None]:
    """Give all results of the block the same start of their run: now, or when `began`.

    Only where each call of asv measures all commits that are compared, in turns. No other asv
    installs a commit meanwhile.
    """
    with locked(ROOT / ".asv" / LOCK, LOCKED):
        os.environ[RUN] = str(began or time.time())
        try:
            yield
        finally:
            del os.environ[RUN]


def configuration() -> Config:
    """Read asv.conf.json; asv itself shows a traceback where it is no JSON."""
    try:
        conf = Config.load(str(ASV_CONF))
    except (UserError, ValueError, TypeError) as problem:
        reason = " ".join(str(problem).split())
        raise Failure(f"asv.conf.json can't be read ({reason}); correct it") from None
    conf.env_dir = str(ROOT / conf.env_dir)
    return conf


@contextmanager
def configured(conf: Config) -> Iterator[str]:
    """Write a configuration of asv other than asv.conf.json; yield its path, and remove it."""
    # asv takes the folder of its configuration for the project's.
    with NamedTemporaryFile("w", dir=ROOT, prefix=".asv-", suffix=".conf.json") as file:
        json.dump({"version": 1, **vars(conf)}, file)
        file.flush()
        yield file.name


def asv(*arguments: str, stdin: str = "", may_fail: bool = False) -> None:
    """Run asv with its output shown; `may_fail` lets benchmarks fail, as its results then tell."""
    configuration()
    command = [sys.executable, "-m", "asv", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True) as process:
        try:
            process.communicate(stdin)
        except KeyboardInterrupt:
            # Ctrl-C reaches asv as well, which then ends its processes and removes its files.
            with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                process.wait(SECONDS_TO_STOP)
            process.kill()
            raise
    code = process.returncode
    if code == BENCHMARKS_FAILED and not may_fail:
        raise Failure("some benchmarks failed (see above); asv show COMMIT names them")
    if code not in (0, BENCHMARKS_FAILED):
        raise Failure(f"asv {arguments[0]} did not finish (exit code {code}); see what it said")
