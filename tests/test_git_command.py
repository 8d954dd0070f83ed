"""git is run the same way everywhere, and says in a line what it could not do."""

import os
import shutil
import signal
import time

import pytest

from scripts.errors import Failure
from scripts.git_command import before_interrupts, commit_of, git, is_clean, reason


def test_an_unknown_name_has_no_commit(upstream):
    assert commit_of(upstream, "nonsense") is None
    assert commit_of(upstream, "main") == git(upstream, "rev-parse", "main")


def test_without_git_nothing_is_taken_for_missing(upstream, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(Failure, match="git is missing; install it"):
        commit_of(upstream, "main")


def test_a_damaged_repository_is_not_an_unknown_name(upstream):
    shutil.rmtree(upstream / ".git" / "refs")
    (upstream / ".git" / "HEAD").unlink()
    with pytest.raises(Failure, match="git can't read upstream/"):
        commit_of(upstream, "main")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_can_be_used(upstream):
    os.chown(upstream, 65534, 65534)
    assert commit_of(upstream, "main") is not None


def test_a_persons_hooks_are_not_run(upstream):
    hook = upstream / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    git(upstream, "checkout", "--quiet", "2.12.0")
    assert not (upstream / "ran").exists()


@pytest.fixture
def heeded():
    """Ctrl-C as a person's shell leaves it; one's background jobs ignore it."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


def test_what_ignores_interrupts_goes_on_ignoring_them(heeded, upstream):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with before_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_an_interrupt_waits_for_the_end_of_a_checkout(heeded, upstream):
    with pytest.raises(KeyboardInterrupt), before_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        git(upstream, "checkout", "--quiet", "2.12.0")
    assert commit_of(upstream, "HEAD") == commit_of(upstream, "2.12.0")
    assert is_clean(upstream)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("warning: x\nfatal: the reason\nand the repository exists.", "fatal: the reason"),
        ("error: first\nhint: second", "error: first"),
        ("odd", "odd"),
        ("", "no reason given"),
    ],
)
def test_the_reason_is_the_line_that_tells_it(said, expected):
    assert reason(said) == expected
