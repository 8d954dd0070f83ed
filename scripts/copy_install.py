"""Build and install one commit of metaflow by copying: what asv.conf.json calls.

metaflow is pure Python, so a wheel and pip add nothing but 8 seconds a commit. The package is
copied to asv's build cache and compiled there once; installing is a copy into site-packages.
Runs in the measured environment, so it may import nothing but the standard library.
"""

from __future__ import annotations

import compileall
import py_compile
import shutil
import sys
import sysconfig
from pathlib import Path

PACKAGE = "metaflow"
# A link would be cheaper than a copy, but an installed file must be safe from a later build.
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


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
    compileall.compile_dir(
        target,
        quiet=2,
        workers=0,
        # Valid wherever and whenever the files are copied to; timestamps are not.
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        # The path in tracebacks, the same for every commit and every machine.
        stripdir=str(cache_folder),
    )


def install(cache_folder: Path) -> None:
    """Swap the built package into site-packages.

    Parameters
    ----------
    cache_folder : pathlib.Path
        asv's cache for this commit.
    """
    uninstall()
    shutil.copytree(cache_folder / PACKAGE, SITE_PACKAGES / PACKAGE)


def uninstall() -> None:
    """Remove the package from site-packages."""
    shutil.rmtree(SITE_PACKAGES / PACKAGE, ignore_errors=True)


if __name__ == "__main__":
    action, *folders = sys.argv[1:]
    if action == "build":
        build(Path(folders[0]), Path(folders[1]))
    elif action == "install":
        install(Path(folders[0]))
    else:
        uninstall()
