"""Build one commit of metaflow by copying, install it by moving: what asv.conf.json calls.

metaflow is pure Python; a wheel and pip would take 8 seconds longer per commit. The package is
copied to asv's build cache and compiled there, once. Installing moves it into site-packages,
uninstalling moves it back. Nothing is copied or removed between samples: a file system that has
just removed a thousand files may take longer to make one, and benchmarks make files.

Runs in the measured environment, so it imports the standard library only.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import sys
import sysconfig
from pathlib import Path

PACKAGE = "metaflow"
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
# In the package, where nobody looks: the cache that it belongs to. Written when all else is there.
HOME = Path("__pycache__", "metaflow-belongs-to")
# Beside it: the commit that the package is of. benchmarks/support/environment.py reads it.
COMMIT = Path("__pycache__", "metaflow-commit")
# A file that stays in the cache meanwhile: asv rebuilds a commit whose cache is empty.
BUILT = "built"


def build(build_folder: Path, cache_folder: Path) -> None:
    """Copy the package of a checkout into asv's cache for this commit, and compile it."""
    source, package = build_folder / PACKAGE, cache_folder / PACKAGE
    if not (source / "__init__.py").is_file():
        sys.exit(f"error: this commit has no package {PACKAGE}")
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(source, package, symlinks=True)
    compileall.compile_dir(
        package,
        # Some files are templates, and no valid Python.
        quiet=2,
        # Unlike timestamps, hashes stay valid wherever and whenever files are moved. See PEP 552.
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        # The path in tracebacks, the same for every commit and every machine.
        stripdir=str(cache_folder),
    )
    home = package / HOME
    home.parent.mkdir(exist_ok=True)
    # Relative, for a checkout of this project that is moved or copied.
    home.write_text(os.path.relpath(cache_folder, SITE_PACKAGES), encoding="utf-8")


def install(cache_folder: Path, build_folder: Path, commit: str) -> None:
    """Move the built package into site-packages; build it again if the cache has lost it."""
    uninstall()
    package = cache_folder / PACKAGE
    if not (package / HOME).is_file():
        build(build_folder, cache_folder)
    (package / COMMIT).write_text(commit, encoding="utf-8")
    (cache_folder / BUILT).touch()
    package.rename(SITE_PACKAGES / PACKAGE)


def uninstall() -> None:
    """Move the installed package back to its cache; remove it if it can't go there."""
    installed = SITE_PACKAGES / PACKAGE
    if not installed.exists():
        return
    try:
        cache_folder = SITE_PACKAGES / (installed / HOME).read_text(encoding="utf-8")
        installed.rename(cache_folder / PACKAGE)
    except OSError:
        # It belongs to no cache, or its cache is gone or has a newer build.
        shutil.rmtree(installed)


if __name__ == "__main__":
    action, *given = sys.argv[1:]
    if action == "build":
        build(*map(Path, given))
    elif action == "install":
        install(Path(given[0]), Path(given[1]), given[2])
    else:
        uninstall()
