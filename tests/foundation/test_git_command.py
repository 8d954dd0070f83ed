"""git is run the same way everywhere, and its failures are one line."""

import os
import shutil
import signal
import time

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of, delay_interrupts, git, reason


def test_an_unknown_name_has_no_commit(upstream):
    for name in ("nonsense", "0" * 40, "main:setup.py", "main..2.12.0", "--all", ""):
        assert commit_of(upstream, name) is None
    assert commit_of(upstream, "main") == git(upstream, "rev-parse", "main")


def test_a_missing_git_and_a_damaged_repository_are_not_an_unknown_name(upstream, monkeypatch):
    shutil.rmtree(upstream / ".git" / "refs")
    (upstream / ".git" / "HEAD").unlink()
    with pytest.raises(Failure, match="git cat-file failed in upstream/: fatal: not a git"):
        commit_of(upstream, "main")
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(Failure, match="git is missing; install it"):
        commit_of(upstream, "main")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_can_be_used(upstream):
    os.chown(upstream, 65534, 65534)
    assert commit_of(upstream, "main") is not None


@pytest.fixture
def heeded():
    """Ctrl-C raises KeyboardInterrupt, even in a background job of a shell."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


def test_ctrl_c_stays_ignored_where_it_was_ignored(heeded):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with delay_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_ctrl_c_waits_for_the_end_of_a_checkout(heeded, upstream):
    with pytest.raises(KeyboardInterrupt), delay_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        git(upstream, "checkout", "--quiet", "2.12.0")
    assert commit_of(upstream, "HEAD") == commit_of(upstream, "2.12.0")
    assert git(upstream, "status", "--porcelain") == ""
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"warning: x\nfatal: the reason\n\nand a hint.\n", "fatal: the reason and a hint."),
        (b"odd\n", "odd"),
        (b"", "no reason given"),
    ],
)
def test_the_reason_begins_with_the_first_error(said, expected):
    assert reason(said) == expected
