"""Build one commit of metaflow by copying, install it by moving: what asv.conf.json calls.

metaflow is pure Python, so a wheel and pip add nothing but 8 seconds a commit. The package is
copied to asv's build cache and compiled there once, but for the files that an earlier build has
compiled already; installing moves it into site-packages, and uninstalling moves it back. Nothing is
copied and removed between samples: a file system that has just removed a thousand files may take
longer to make one, as a benchmark does.
Runs in the measured environment, so it may import nothing but the standard library.
"""

from __future__ import annotations

import compileall
import importlib.util
import os
import py_compile
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

PACKAGE = "metaflow"
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
# Names the cache that the installed package was taken from, and goes back to.
ORIGIN = "metaflow-came-from"
# Stays in the cache meanwhile: asv takes an empty folder for one that holds no build.
BUILT = "built"
# Valid wherever and whenever the files are copied to; timestamps are not. See PEP 552.
MODE = py_compile.PycInvalidationMode.UNCHECKED_HASH
FLAGS = (1).to_bytes(4, "little")
# Fewer files are compiled before other processes have started.
WORTH_PROCESSES = 40


def build(build_folder: Path, cache_folder: Path) -> None:
    """Copy the package into the build cache and compile it.

    Parameters
    ----------
    build_folder : pathlib.Path
        The checked out commit.
    cache_folder : pathlib.Path
        asv's cache for this commit.
    """
    source = build_folder / PACKAGE
    if not (source / "__init__.py").is_file():
        sys.exit(f"error: this commit has no package {PACKAGE}")
    target = cache_folder / PACKAGE
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    builds = [each for each in cache_folder.parent.iterdir() if each != cache_folder]
    compile_files(
        [
            path
            for path in sorted(target.rglob("*.py"))
            if not any(reuse(each, cache_folder, path) for each in builds)
        ],
        cache_folder,
    )


def reuse(other: Path, cache_folder: Path, path: Path) -> bool:
    """Copy what another build has compiled from the same text at the same place, if it has."""
    compiled = compiled_of(path)
    found = other / compiled.relative_to(cache_folder)
    try:
        content = found.read_bytes()
    except OSError:
        return False
    expected = importlib.util.MAGIC_NUMBER + FLAGS + importlib.util.source_hash(path.read_bytes())
    if content[: len(expected)] != expected:
        return False
    compiled.parent.mkdir(exist_ok=True)
    # Renamed, so that an interruption leaves no half of one for the next build.
    beside = compiled.with_suffix(".part")
    beside.write_bytes(content)
    beside.replace(compiled)
    return True


def compiled_of(path: Path) -> Path:
    """Return where Python looks for the compiled module."""
    return Path(importlib.util.cache_from_source(str(path)))


def compile_files(paths: Sequence[Path], cache_folder: Path) -> None:
    """Compile files of the build cache; what is no Python stays uncompiled."""
    one = partial(
        compileall.compile_file,
        quiet=2,
        invalidation_mode=MODE,
        # The path in tracebacks, the same for every commit and every machine.
        stripdir=str(cache_folder),
    )
    if len(paths) < WORTH_PROCESSES:
        for path in paths:
            one(path)
    else:
        with ProcessPoolExecutor() as pool:
            list(pool.map(one, paths, chunksize=WORTH_PROCESSES // 4))


def install(cache_folder: Path, build_folder: Path) -> None:
    """Move the built package into site-packages.

    Parameters
    ----------
    cache_folder : pathlib.Path
        asv's cache for this commit.
    build_folder : pathlib.Path
        The checked out commit, to build it again where the cache has lost it.
    """
    uninstall()
    package = cache_folder / PACKAGE
    if not package.is_dir():
        build(build_folder, cache_folder)
    (cache_folder / BUILT).touch()
    # First: whoever is interrupted in between has nothing installed, and a note of no use.
    home = os.path.relpath(cache_folder, SITE_PACKAGES)
    (SITE_PACKAGES / ORIGIN).write_text(f"{mark(package)} {home}", encoding="utf-8")
    package.rename(SITE_PACKAGES / PACKAGE)


def uninstall() -> None:
    """Move the installed package back to its cache; remove it if that is gone, or has another."""
    installed = SITE_PACKAGES / PACKAGE
    if not installed.exists():
        return
    cache_folder = origin(installed)
    if cache_folder and cache_folder.is_dir() and not (cache_folder / PACKAGE).exists():
        installed.rename(cache_folder / PACKAGE)
    else:
        shutil.rmtree(installed)


def origin(installed: Path) -> Path | None:
    """Return the cache that a package was taken from; None if the note is missing, or another's."""
    try:
        marked, _, home = (SITE_PACKAGES / ORIGIN).read_text(encoding="utf-8").partition(" ")
    except OSError:
        return None
    return SITE_PACKAGES / home if home and marked == mark(installed) else None


def mark(folder: Path) -> str:
    """Return what tells a folder, wherever it is moved, from another in its place."""
    status = folder.stat()
    # The number alone would not do: it is used again.
    return f"{status.st_ino}-{status.st_mtime_ns}"


if __name__ == "__main__":
    action, *folders = sys.argv[1:]
    if action == "build":
        build(Path(folders[0]), Path(folders[1]))
    elif action == "install":
        install(Path(folders[0]), Path(folders[1]))
    else:
        uninstall()
