"""What a person does in upstream/."""

from mfbench.foundation.git_command import commit_of, git

PERSON = ["-c", "user.name=A Person", "-c", "user.email=person@example.org"]


def commit(repository, name, text="mine\n", *options):
    """Commit a file as a person does; returns the hash."""
    (repository / name).write_text(text)
    git(repository, "add", name)
    git(repository, *PERSON, "commit", "--quiet", *(options or ["--message", f"my {name}"]))
    return commit_of(repository, "HEAD")


def state(repository):
    """Everything in the repository that a reader must leave as it is."""
    objects = git(repository, "cat-file", "--batch-all-objects", "--batch-check")
    return git(repository, "show-ref", "--head"), objects
