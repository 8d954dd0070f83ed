"""Remember which distributions are extensions, instead of reading a file of each at every start.

Where an extension is installed, each `import metaflow`, so each task too, reads `top_level.txt`
of every distribution to find those that provide `metaflow_extensions`: the more is installed
beside metaflow, the slower it starts. To learn what an extension requires, it searches them all
once more.

What changes: `ext_distributions.json` in METAFLOW_HOME keeps, for each folder of `sys.path`, its
times of change and the names of the `.dist-info` folders of extensions in it. While the times
are the same, only these are read. Installing or removing a distribution changes the times, and
the folder is searched anew. All that follows is done as before (which files an extension has,
what it configures), so an edited extension is always seen. What an extension requires is read
from the distribution at hand.

Reproduce: install an extension (`pip install metaflow-card-html`) beside a few packages, then
count which distributions are read. Before, all of them; from the second start on, the extension:

    strace -f -e trace=openat python -c "import metaflow" 2>&1 | grep -c top_level.txt

Could fail:

- The file is damaged, or can't be read or written: the search is made as before. A writer that
  is killed leaves a `.new` file, which the next one overwrites. Of two writers one wins, and the
  folders that it doesn't know are searched again at the next start.
- A folder changes twice within the clock's resolution: folders that changed in the last two
  seconds are not kept.
- Distributions come from elsewhere than folders of `sys.path` (another finder in
  `sys.meta_path`, as in Python 3.7, where metaflow brings a copy of importlib.metadata): the
  search is made as before. Zip files on `sys.path` are searched at every start, as before.
- `top_level.txt` changes in a distribution's folder without a change of the folder around it, as
  by `python setup.py egg_info` in a source folder: see the price.

To go back: delete `ext_distributions.json`; it is never needed. Without an extension it is
neither read nor written.

Price: the first start after a change writes a small file. An installed distribution that becomes
an extension without being installed again may not be seen before something else in its folder
changes.
"""

from __future__ import annotations

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("extensions.Discovery.time_discover(200, 1)", "1 extension, the next start"),
    Claim(
        "extensions.RepeatedDiscovery.time_discover(200, 1)",
        "1 extension, once more in one process",
    ),
    Claim(
        "extensions.FirstDiscovery.time_discover(200, 1)",
        "1 extension, the first start after a change",
    ),
)
TARGET = Target(
    "extension loading",
    claimed="a cache keyed by mtime",
    case="extensions.Discovery.time_discover(200, 1)",
    at_least=5,
    finding="Without an extension a cache gains nothing.",
)

SUPPORT = "metaflow/extension_support/__init__.py"
SEARCH = "_get_extension_packages"


def _ext_distributions_in(folder, metadata, cache):
    stamp = None
    if os.path.isdir(folder):
        stat = os.stat(folder)
        stamp = [stat.st_mtime_ns, stat.st_ctime_ns]
        if folder in cache and cache[folder][0] == stamp:
            paths = [Path(folder, name) for name in cache[folder][1]]
            return [metadata.PathDistribution(path) for path in paths]
    dists = [
        dist
        for dist in metadata.distributions(path=[folder])
        if EXT_PKG in (dist.read_text("top_level.txt") or "").split()
    ]
    # What changed just now may change again without getting another mtime
    if stamp and stamp[0] < (time.time() - 2) * 1e9:
        cache[folder] = [stamp, [dist._path.name for dist in dists]]
    return dists


def _ext_distributions(metadata):
    # Return the distributions that may provide EXT_PKG. To find them among all, a file of
    # each is read. So we keep their names for each folder of sys.path, for as long as the
    # folder is unchanged: installing and removing a distribution changes it.
    if [f for f in sys.meta_path if hasattr(f, "find_distributions")] != [PathFinder]:
        # Distributions may be elsewhere
        return metadata.distributions()
    home = os.path.expanduser(os.environ.get("METAFLOW_HOME", "~/.metaflowconfig"))
    cache_path = os.path.join(home, "ext_distributions.json")
    try:
        with open(cache_path) as f:
            cache = json.load(f)
    except (OSError, ValueError):
        cache = {}
    dists = []
    try:
        known = dict(cache)
        for folder in sys.path:
            dists += _ext_distributions_in(os.path.abspath(folder), metadata, cache)
    except Exception as e:
        _ext_debug("Looking at all distributions: %s" % e)
        return metadata.distributions()
    if cache != known:
        try:
            os.makedirs(home, exist_ok=True)
            with open(cache_path + ".new", "w") as f:
                json.dump({k: v for k, v in cache.items() if os.path.isdir(k)}, f)
            os.replace(cache_path + ".new", cache_path)
        except OSError as e:
            _ext_debug("Cannot write '%s': %s" % (cache_path, e))
    return dists


def apply(tree: SourceTree) -> None:
    """Let the search for distributions use what is remembered."""
    support = tree[SUPPORT]
    support.replace_expression("metadata.distributions()", by="_ext_distributions(metadata)")
    support.replace_statement(
        within=SEARCH,
        find="mf_ext_packages = dict()",
        by="""
        mf_ext_packages = dict()
        mf_ext_dists = dict()
        """,
    )
    support.replace_statement(
        within=SEARCH,
        find='dist_name = dist.metadata["Name"]',
        by="""
        dist_name = dist.metadata["Name"]
        mf_ext_dists.setdefault(dist_name, dist)
        """,
    )
    support.replace_expression("metadata.requires(pkg_name)", by="mf_ext_dists[pkg_name].requires")
    support.add_definition(_ext_distributions_in, before=SEARCH)
    support.add_definition(_ext_distributions, before=SEARCH)
    support.add_import("import json")
    support.add_import("import time")
    support.add_import("from importlib.machinery import PathFinder")
    # Older releases lack it.
    support.add_import("from pathlib import Path")
    tree.insert("test/unit/test_extension_cache.py")
