"""Cache which installed distributions are extensions.

With an extension installed, each `import metaflow`, and so each task, reads `top_level.txt` of
every distribution to find those that provide `metaflow_extensions`: the more is installed beside
metaflow, the slower it starts. To learn what an extension requires, it searches them all again.
Root cause: `_get_extension_packages` keeps nothing from one start to the next.

What changes: `ext_distributions.json` in METAFLOW_HOME keeps, for each folder of `sys.path`, when
it changed (mtime and ctime) and the `.dist-info` folders of its extensions. While the times stay
the same, only these are read. Installing or removing a distribution changes the times, and the
folder is searched again. Everything after the search (an extension's files, its configuration) is
read as before, so an edited extension is always seen. An extension's requirements are read from the
distribution already found.

Reproduce: install an extension (`pip install metaflow-card-html`) beside a few packages, then count
the distributions read. Before: all. After: from the second start on, only the extension:

    strace -f -e trace=openat python -c "import metaflow" 2>&1 | grep -c top_level.txt

Could fail:

- The file is damaged, or can't be read or written: all distributions are searched, as before, and
  the next start writes it anew. Of two writers one wins; folders missing from its file are searched
  again at the next start.
- A folder changes twice in one tick of the clock: changes of the last two seconds are not cached.
- Distributions come from elsewhere than folders of `sys.path` (another finder in `sys.meta_path`,
  as in Python 3.7, where metaflow brings a copy of importlib.metadata): all distributions are
  searched, as before. Zip files on `sys.path` are searched at every start, as before.
- `top_level.txt` changes in a distribution's folder without a change of the folder around it, as by
  `python setup.py egg_info` in a source folder: see the price.

To go back: delete `ext_distributions.json`. Without an extension it is neither read nor written.

Price: the first start after a change writes a small file, in a folder that it makes where needed.
The file has an entry for each folder from which a script was started, until the folder is gone. An
installed distribution that becomes an extension without being installed again may not be seen
before something else in its folder changes.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("extensions.Discovery.time_discover(200, 1)", "start with 1 extension, cached"),
    Claim("extensions.FirstDiscovery.time_discover(200, 1)", "first start with 1 extension"),
)
TARGET = Target(
    "extension loading",
    claimed="a cache keyed by mtime",
    case="extensions.Discovery.time_discover(200, 1)",
    at_least=5,
    finding="Without an extension a cache gains nothing.",
)

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
    # A folder that changed just now may change again within the same mtime
    if stamp and stamp[0] < (time.time() - 2) * 1e9:
        cache[folder] = [stamp, [dist._path.name for dist in dists]]
    return dists


def _ext_distributions(metadata):
    # Return the distributions that may provide EXT_PKG. Finding them reads a file of every
    # distribution, so their names are cached for each folder of sys.path until the folder
    # changes, as it does when a distribution is installed or removed.
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
        _ext_debug("Searching all distributions: %s" % e)
        try:
            os.remove(cache_path)  # it may be damaged
        except OSError:
            pass
        return metadata.distributions()
    if cache != known:
        try:
            os.makedirs(home, exist_ok=True)
            new_path = "%s.%d" % (cache_path, os.getpid())
            with open(new_path, "w") as f:
                json.dump({k: v for k, v in cache.items() if os.path.isdir(k)}, f)
            os.replace(new_path, cache_path)
        except OSError as e:
            _ext_debug("Cannot write '%s': %s" % (cache_path, e))
    return dists


def apply(tree: SourceTree) -> None:
    """Let the search for distributions use the cache."""
    support = tree["metaflow/extension_support/__init__.py"]
    support.replace_expression("metadata.distributions()", by="_ext_distributions(metadata)")
    for find, added in (
        ("mf_ext_packages = dict()", "mf_ext_dists = dict()"),
        ('dist_name = dist.metadata["Name"]', "mf_ext_dists.setdefault(dist_name, dist)"),
    ):
        support.replace_statement(within=SEARCH, find=find, by=f"{find}\n{added}")
    support.replace_expression("metadata.requires(pkg_name)", by="mf_ext_dists[pkg_name].requires")
    support.add_definition(_ext_distributions_in, before=SEARCH)
    support.add_definition(_ext_distributions, before=SEARCH)
    path_finder = "from importlib.machinery import PathFinder"
    # Older releases lack `Path`.
    for needed in ("import json", "import time", path_finder, "from pathlib import Path"):
        support.add_import(needed)
    tree.insert("test/unit/test_extension_cache.py")
