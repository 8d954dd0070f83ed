"""Distributions as an installer leaves them, as far as metaflow's search for extensions looks."""

import os
import time


def install(folder, name, package, files, version="1.0"):
    """Write the files of a distribution (texts by path), and what describes it."""
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    information = folder / f"{name}-{version}.dist-info"
    information.mkdir(parents=True, exist_ok=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    # setuptools writes it, and metaflow looks for extensions in it.
    (information / "top_level.txt").write_text(f"{package}\n")
    described = [f"{information.name}/{each}" for each in ("METADATA", "RECORD", "top_level.txt")]
    (information / "RECORD").write_text("".join(f"{path},,\n" for path in [*files, *described]))


def age(folder, seconds=3600):
    """Let all below a folder have been changed a while ago, as what is installed has."""
    then = time.time() - seconds
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (then, then))
