"""Import packaging only when versions or wheels are compared.

Root cause: `metaflow.util` imports `version_parse` from metaflow's copy of packaging, whose regular
expressions take long to compile. Only a metadata service and the deployment to Argo or Step
Functions compare versions. `@conda` and `@pypi` import the same package for the tags of wheels,
which only a process that resolves an environment needs.

What changes: `version_parse` becomes a function that imports the parser when it is called. The
functions for tags of wheels import packaging themselves. The fallbacks for Python before 3.6 are
removed: metaflow no longer runs on it.

Reproduce: `python -X importtime -c "import metaflow" 2>&1 | grep packaging` lists the modules of
`metaflow._vendor.packaging` before; after, only `packaging_sys`.

Could fail:

- Code that imports `version_parse` from `metaflow.util`, as three modules of metaflow do, still
  finds it there, and it returns and raises the same.
- Code outside metaflow may read `tags` or `parse_wheel_filename` from `plugins.pypi.utils`, which
  only imported them: see the price.
- A process without the copy of packaging (a broken installation) fails at the first comparison, not
  at the import.

Price: the first comparison of a process pays for the import instead. `metaflow.plugins.pypi.utils`
no longer has the names that it imported from packaging.
"""

import re
import textwrap

from optimizations.edits import Claim, SourceTree, guard_import

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)

UTILITIES = "metaflow/util.py"
WHEELS = "metaflow/plugins/pypi/utils.py"
PARSER = "from metaflow._vendor.packaging.version import parse as version_parse"
OLDER_PARSER = f"""
if sys.version_info[:2] > (3, 5):
    {PARSER}
else:
    from distutils.version import LooseVersion as version_parse
"""
VERSION_PARSE = """
def version_parse(version):
    from metaflow._vendor.packaging.version import parse

    return parse(version)
"""
# Older releases import fewer names.
FOR_WHEELS = re.compile(
    r"^if sys\.version_info < \(3, 6\):\n(?:(?: {4}.*)?\n)+?else:\n((?: {4}from .*\n)+)",
    re.MULTILINE,
)


def apply(tree: SourceTree) -> None:
    """Defer the parser of versions, and the tags of wheels."""
    utilities = tree[UTILITIES]
    older = OLDER_PARSER.strip() in utilities.source
    utilities.replace_statement(
        within=None, find=OLDER_PARSER if older else PARSER, by=VERSION_PARSE
    )
    found = FOR_WHEELS.search(tree.text(WHEELS)) if WHEELS in tree else None
    if found is not None:
        wheels = tree[WHEELS]
        wheels.replace_statement(within=None, find=found[0], by=textwrap.dedent(found[1]))
        for name in re.findall(r"import (\w+)", found[1]):
            wheels.defer_import(name)
        if wheels.has("wheel_tags"):
            tree.insert("test/unit/test_vendored_packaging.py")
    guard_import(tree, "metaflow._vendor.packaging")
