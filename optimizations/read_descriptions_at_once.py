"""Open what describes a local store's blob instead of asking first whether it is there.

A step that begins loads its artifacts; most are small, and what takes the time then is the number
of calls of the system. Beside each blob lies a file of some 40 bytes that describes it. metaflow
asks whether that file is there, opens it as text, has its buffers and its decoder made, and reads.

What changes: the file is opened and read at once, as bytes. Where it is not there, opening it says
so. What is loaded, and what is raised for a file that is damaged or may not be read, stays.

How to measure: `artifacts.Load` of 20-small, wall time, and `instructions.Artifact.track_load`.

Risk: a description that somebody removes between the two calls was an error, and is missing now.
"""

from optimizations.edits import Claim, SourceTree

CLAIMS = (
    Claim("artifacts.Load.time_load(20-small)", "loading 20 small ones"),
    Claim("artifacts.Load.time_load(metrics-52KB)", "loading metrics 52 KB"),
)

LOCAL = "metaflow/plugins/datastores/local_storage.py"


def _description(path):
    """Return what describes a blob; None where nothing does."""
    try:
        with open(path, "rb", buffering=0) as f:
            return json.loads(f.read().decode("utf-8"))
    except FileNotFoundError:
        return None
    except OSError:
        if os.path.exists(path):
            raise
        return None


def apply(tree: SourceTree) -> None:
    """Read descriptions in one go."""
    local = tree[LOCAL]
    local.replace_statement(
        within="LocalStorage.load_bytes",
        find="""
        if os.path.exists("%s_meta" % full_path):
            with open("%s_meta" % full_path, mode="r") as f:
                metadata = json.load(f)
        """,
        by="""
        metadata = _description("%s_meta" % full_path)
        """,
    )
    local.add_definition(_description, before="LocalStorage")
