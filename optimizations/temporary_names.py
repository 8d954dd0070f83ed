"""Name the local store's temporary files without `tempfile`.

Each artifact is written as two files, each to a temporary one that is then renamed. To name one,
`tempfile.mkstemp` makes the folder's path absolute, asks whether the process was forked, and draws
eight letters, after it has seeded a generator of random numbers in each process. In saving a small
artifact that is a part that shows.

What changes: the name is made of eight random bytes of the system. The file lies in the same folder
and begins with `tmp`, as before; it is made anew or not at all, and is its owner's alone.

How to measure: `artifacts.Save` of dict-233B and 20-small, `artifacts.SaveOther` of one-byte, wall
time; on a file system in memory, where making files takes least.

Risk: none known. Two processes that draw the same name, which is one in 2**64, don't share a file:
the second fails, as a save does whose folder can't be written; `mkstemp` would draw once more.
"""

from optimizations.edits import Claim, SourceTree

CLAIMS = (
    Claim("artifacts.Save.time_save(dict-233B)", "saving a dict of 233 B"),
    Claim("artifacts.Save.time_save(20-small)", "saving 20 small ones"),
    Claim("artifacts.SaveOther.time_save(one-byte)", "saving one byte"),
)

LOCAL = "metaflow/plugins/datastores/local_storage.py"


def _temporary_file(folder):
    """Make a file that no other process has, open to be written; return its descriptor and path."""
    path = os.path.join(folder, "tmp" + os.urandom(8).hex())
    binary = getattr(os, "O_BINARY", 0)
    new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary
    return os.open(path, new, 0o600), path


def apply(tree: SourceTree) -> None:
    """Make temporary files ourselves."""
    local = tree[LOCAL]
    local.replace_expression("tempfile.mkstemp(dir=dir_name)", by="_temporary_file(dir_name)")
    local.add_definition(_temporary_file, before="LocalStorage")
    # Nothing else needs it there.
    local.defer_import("tempfile")
