"""Commits are called what people call them, whatever their messages say."""

import pytest

from mfbench.foundation.git_command import git
from mfbench.repository.control import REFERENCE, write_control
from mfbench.repository.named_commits import named_commits
from mfbench.repository.series import find_commit
from tests.conftest import NEWEST

AUTHOR = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")


@pytest.fixture
def commit(upstream):
    """A function that commits nothing but a message, and returns the hash."""

    def make(message):
        git(upstream, *AUTHOR, "commit", "--quiet", "--allow-empty", "-m", message)
        return find_commit(upstream, "HEAD")

    return make


def told(upstream, *commits):
    found = {each.hash: (each.name, each.label, each.role) for each in named_commits(upstream)}
    return [found[each] for each in commits]


def test_the_series_is_told_from_what_stands_alone_and_from_what_is_on_top(upstream, commit):
    main = find_commit(upstream, "main")
    git(upstream, "switch", "--quiet", "--create", "optimized")
    first, tip = (commit(f"Title\n\nOptimization: {name}") for name in ("lazy_one", "lazy_two"))
    on_top = commit("Try it")
    git(upstream, "switch", "--quiet", "--create", "pr/lazy_two", "main")
    alone = commit("Title of another\n\nOptimization: lazy_two")
    git(upstream, "switch", "--quiet", "--create", f"optimized-{NEWEST}", "main")
    below, older = (commit(f"Title, too\n\nOptimization: {name}") for name in ("one", "two"))
    assert told(upstream, main, first, tip, on_top, alone, below, older) == [
        (NEWEST, NEWEST, "release"),
        ("lazy_one", "lazy_one", "optimization"),
        ("lazy_two", "optimized", "optimization"),
        ("optimized", "optimized", "other"),
        ("pr/lazy_two", "pr/lazy_two", "optimization"),
        ("pr/one", "pr/one", "optimization"),
        (f"optimized-{NEWEST}", f"optimized-{NEWEST}", "optimization"),
    ]


def test_only_what_was_written_as_a_control_is_one(upstream, commit):
    control = write_control(upstream, find_commit(upstream, "main"))
    branch = f"{REFERENCE}/mine,too"
    git(upstream, "switch", "--quiet", "--create", branch)
    posing = commit("Title\n\nOptimization: control")
    (_, _, role), (name, _, other) = told(upstream, control, posing)
    assert (role, name, other) == ("control", branch, "optimization")


def test_any_message_can_be_read(upstream, commit):
    messages = ("A\x0cpage", "A\u2028line", "A\x1erecord", "Title\n\nOptimization: one\n two\n")
    hashes = [commit(each) for each in messages]
    commits = {each.hash: each for each in named_commits(upstream)}
    assert [commits[each].title for each in hashes] == [*messages[:3], "Title"]
    assert set(hashes) <= set(git(upstream, "rev-list", "--all").split()) == set(commits)
