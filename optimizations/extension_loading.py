"""Look for extensions only where something has changed, and for their distributions only then.

To find the packages that extend it, metaflow loads `importlib.metadata` (with the e-mail, zip and
CSV modules that it stands on), and where there is an extension, it reads a file of every installed
distribution: the more is installed beside metaflow, the slower it starts.

What changes: `importlib.metadata` is loaded when a distribution is asked about. What a search found
is kept in METAFLOW_HOME with a stamp: the time of last change of each folder of `sys.path`, of each
folder and file below each root of `metaflow_extensions`, of what describes their distributions, and
of the search's own file. A later start checks the stamp alone. An extension that was edited, added,
removed or installed for editing changes a time, and is seen at the next start; what changed in the
last two seconds is not kept at all, and what nobody used for 30 days is removed. The first search
after a change takes longer than before, by what it takes to write down what it found. Without an
extension nothing is read or written: that search ends early, as before. Whatever goes wrong with
the memory, the search is made as before.

How to measure: `extensions.Discovery` for the search, `instructions.Command` for the import.

Risk: a folder whose time of last change does not change with its content, as some network file
systems have it. Removing `extension_discovery` from METAFLOW_HOME forgets everything; where the
folder can't be written, every start searches as before.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),
    Claim(
        "extensions.FirstDiscovery.time_discover(200, 1)",
        "1 extension, the first start after a change",
    ),
    Claim("extensions.Discovery.time_discover(200, 1)", "1 extension, the next start"),
    Claim(
        "extensions.RepeatedDiscovery.time_discover(200, 1)",
        "1 extension, once more in one process",
    ),
)
TARGET = Target(
    "extension loading",
    claimed="a cache keyed by mtime",
    case="extensions.RepeatedDiscovery.time_discover(200, 1)",
    at_least=20,
    finding="Without an extension a cache gains nothing, and the first search after a change "
    "takes longer because it writes the cache.",
)

SUPPORT = "metaflow/extension_support/__init__.py"
SEARCH = "_get_extension_packages"
# How the search begins, in newer releases and in older ones.
BEGINNINGS = (
    "all_paths = set()",
    "all_paths = set(extensions_module.__path__)",
    "all_paths = set(Path(p).resolve().as_posix() for p in extensions_module.__path__)",
)


def apply(tree: SourceTree) -> None:
    """Defer importlib.metadata, and keep what a search found."""
    support = tree[SUPPORT]
    support.defer_value("metadata")
    restricted = "restrict_to_directories" in support.source
    directories = "restrict_to_directories" if restricted else None
    begins = next((each for each in BEGINNINGS if f"    {each}\n" in support.source), BEGINNINGS[0])
    support.replace_statement(
        within=SEARCH,
        find=begins,
        by=f"""
        from . import discovery_cache

        search = discovery_cache.Search(extensions_module.__path__, {directories})
        known = search.recall(MFExtPackage._make)
        if known is not None:
            _ext_debug("Nothing has changed since extensions were last looked for")
            return known
        """
        + begins,
    )
    support.replace_statement(
        within=SEARCH,
        find="return mf_ext_packages, extension_points_to_pkg",
        by="""
        search.remember(metadata, mf_ext_packages, extension_points_to_pkg)
        return mf_ext_packages, extension_points_to_pkg
        """,
    )
    tree.insert("metaflow/extension_support/discovery_cache.py")
    defer_distributions(tree)


def defer_distributions(tree: SourceTree) -> None:
    """Defer what stands on importlib.metadata, in releases that have it."""
    folder = "metaflow/packaging_sys"
    if f"{folder}/distribution_support.py" in tree:
        tree[f"{folder}/__init__.py"].defer_import("PackagedDistributionFinder")
        for name in ("_ModuleInfo", "modules_to_distributions"):
            tree[f"{folder}/v1.py"].defer_import(name)
