"""Ask git about versions and commits only where there is a repository.

Each process of a run, and so each task, asks git whether metaflow is installed in a repository, to
tell its version, and newer releases ask whether the flow lies in one, to record its commit. Most
installations are in none: to hear so, two processes are started.

What changes: git is asked where a folder, or one around it, holds what git looks for (`.git`, or
the `HEAD` of a bare repository), and where GIT_DIR says where the repository is. Elsewhere the
answer is known.

How to measure: `flows.Run` and `flows.Foreach`, wall time: they run outside of any repository. A
flow inside of one gains the question about metaflow's version alone.

Risk: none known; where git would find a repository it is still asked.
"""

from optimizations.edits import Claim, SourceTree

CLAIMS = (Claim("flows.Run.time_hello", "`flow.py run`, two steps"),)

VERSION = "metaflow/metaflow_version.py"
COMMIT = "metaflow/metaflow_git.py"
IN_A_FOLDER = "wd = path.dirname(file_to_check)"
# Releases before 2.12.21 look for metaflow's own repository only.
AT_METAFLOW = 'arguments = [GIT_COMMAND, "rev-parse", "--show-toplevel"]'
IN_A_WORK_TREE = """
stdout, returncode, _failed = _call_git(
    ["rev-parse", "--is-inside-work-tree"], path
)
"""


def may_be_in_repository(folder):
    """Tell whether git might find a repository around a folder, without asking it."""
    if "GIT_DIR" in environ:
        return True
    # git looks around the folder itself, not around links to it.
    folder = path.realpath(folder)
    while True:
        # A bare repository has no .git around it.
        if any(path.lexists(path.join(folder, found)) for found in (".git", "HEAD")):
            return True
        folder, inside = path.dirname(folder), folder
        if folder == inside:
            return False


def apply(tree: SourceTree) -> None:
    """Look for a repository before git is asked."""
    version = tree[VERSION]
    if IN_A_FOLDER in version.source:
        asked, then = IN_A_FOLDER, f"{IN_A_FOLDER}\nif not may_be_in_repository(wd):\n"
    else:
        asked, then = AT_METAFLOW, "if not may_be_in_repository(CURRENT_DIRECTORY):\n"
    then += "    return None\n"
    then += "" if asked is IN_A_FOLDER else AT_METAFLOW
    version.replace_statement(within="call_git_describe", find=asked, by=then)
    version.add_definition(may_be_in_repository, before="call_git_describe")
    if COMMIT in tree:
        commit = tree[COMMIT]
        commit.replace_statement(
            within="_is_in_git_repo",
            find=IN_A_WORK_TREE,
            by="if not may_be_in_repository(path):\n    return False\n" + IN_A_WORK_TREE,
        )
        commit.add_import("from .metaflow_version import may_be_in_repository")
