"""Import importlib.metadata only when distributions are looked up.

Root cause: `extension_support` imports `importlib.metadata` at its top, and with it the modules for
e-mail, zip and CSV files. It needs the module to find the distributions of installed extensions,
after it has found out that there is an extension at all. `packaging_sys` imports it to describe the
distributions of a code package. Without an extension, `import metaflow` needs neither.

What changes: the import moves into a function, `load_importlib_metadata`, which the search for
extensions calls once it knows that there is one. `packaging_sys` imports `distribution_support`
inside the functions that use it.

Reproduce: `python -X importtime -c "import metaflow" 2>&1 | grep importlib.metadata` lists the
module and its parts before; after, where no extension is installed, it prints nothing. urllib3 2
imports it as well, so this helps only after `defer_requests`.

Could fail:

- An extension is installed: then `importlib.metadata` is loaded as before, a few lines later.
- Code outside metaflow may read `metaflow.extension_support.metadata`, which no longer exists. It
  is not in `__all__`, and no public repository or extension that we searched reads it.
- Python 3.7 uses metaflow's copy of the module: the function chooses as the import did.

Price: `metaflow.extension_support` no longer has the name `metadata`, nor `metaflow.packaging_sys`
the name `PackagedDistributionFinder`.
"""

import re
import textwrap

from optimizations.edits import Claim, DoesNotApply, SourceTree, guard_import

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)
NEEDS = ("defer_requests",)

SUPPORT = "metaflow/extension_support/__init__.py"
PACKAGING = "metaflow/packaging_sys"
LOADER = "load_importlib_metadata"
# One branch for each range of Python versions: their number depends on the release.
IMPORT = re.compile(
    r"^( *)if _py_ver >= \(3, 8\):\n\1    from importlib import metadata\n"
    r"(?:\1(?:elif .*|else):\n\1    from .* import importlib_metadata as metadata\n)+",
    re.MULTILINE,
)
POINTS = 'list_ext_points = [x.split(".") for x in _extension_points]'


def apply(tree: SourceTree) -> None:
    """Defer importlib.metadata, and in newer releases the modules that use it."""
    support = tree[SUPPORT]
    found = IMPORT.search(support.source)
    if found is None:
        raise DoesNotApply(f"{SUPPORT}: import of importlib.metadata: not found")
    statement = textwrap.dedent(found[0])
    body = f"# Slow to import, and not needed without extensions\n{statement}return metadata\n"
    loader = f"def {LOADER}():\n{textwrap.indent(body, '    ')}"
    support.replace_statement(within=None, find=statement, by="")
    support.add_definition(loader, before="_ext_debug")
    support.replace_statement(
        within="_get_extension_packages", find=POINTS, by=f"metadata = {LOADER}()\n{POINTS}"
    )
    if f"{PACKAGING}/distribution_support.py" in tree:
        distributions = tree[f"{PACKAGING}/distribution_support.py"]
        imported, cached = "from ..extension_support import ", "_cached_distributions = None"
        for find, by in (
            (f"{imported}metadata", f"{imported}{LOADER}"),
            (cached, f"metadata = {LOADER}()\n\n{cached}"),
        ):
            distributions.replace_statement(within=None, find=find, by=by)
        finder = "distribution_support import PackagedDistributionFinder"
        packaging = tree[f"{PACKAGING}/__init__.py"]
        packaging.replace_statement(
            within=None, find=f"from metaflow.packaging_sys.{finder}", by=f"from .{finder}"
        )
        packaging.defer_import("PackagedDistributionFinder")
        for name in ("_ModuleInfo", "modules_to_distributions"):
            tree[f"{PACKAGING}/v1.py"].defer_import(name)
        tree.insert("test/unit/test_distributions.py")
    guard_import(tree, "importlib.metadata")
