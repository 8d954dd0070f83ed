"""Add a setting to store artifacts under BLAKE3 keys.

The key of a blob is its SHA-1. Where large arrays are stored uncompressed, hashing is a good part
of the time of saving them. Root cause: `save_blobs` knows only SHA-1. BLAKE3 is several times as
fast, and collision-resistant, which xxHash is not: a content-addressed store relies on it.

What changes: with METAFLOW_ARTIFACT_KEY_HASH=blake3, and the package `blake3` installed, new
content (artifacts, files of IncludeFile, code packages) gets the 64 digits of its BLAKE3 hash as
its key, instead of the 40 of SHA-1. Without the setting, keys stay the same and blake3 is not
imported. Readers use a key as it is written, so all releases read both kinds.

Reproduce: save 100 MB of `os.urandom` with the setting and without; where such blobs are stored
uncompressed, most of the difference is the hashing.

Could fail:

- The package is missing: the process ends at `import metaflow`, with an error that names the
  setting, before a step has done any work.
- The setting has another value: it is refused by name, as for other settings.
- Tasks and scheduler have different settings: keys travel in metadata, so both read all of them.

To go back: remove the setting. What was stored stays readable, even without the package.

Price: none without the setting. It has to be set for remote tasks, too (`@environment`). Content
that is saved again after the setting changes, either way, is stored once more, under its other key.
"""

from optimizations.edits import Claim, SourceTree, Target

SAVE = "artifacts.SaveWithBlake3Keys.time_save(float64-8MB)"
WITHOUT = "artifacts.Save.time_save(float64-8MB)"
CLAIMS = (Claim(SAVE, "saving float64 8 MB with BLAKE3 keys", against=WITHOUT),)
TARGET = Target(
    "SHA1 content hashing",
    claimed="xxHash or BLAKE3",
    case=SAVE,
    at_least=1.2,
    finding="BLAKE3 keys are off by default, and xxHash is not collision-resistant.",
)

BESIDE = 'DATASTORE_SYSROOT_LOCAL = from_conf("DATASTORE_SYSROOT_LOCAL")'
SETTING = """# The hash that makes the keys of new content; keys of both kinds can be read
ARTIFACT_KEY_HASH = from_conf(
    "ARTIFACT_KEY_HASH", "sha1", get_validate_choice_fn(["sha1", "blake3"])
)
"""
CHOICE = """
if ARTIFACT_KEY_HASH == "blake3":
    try:
        from blake3 import blake3 as content_hash
    except ImportError:
        raise DataException("ARTIFACT_KEY_HASH=blake3 needs the package blake3.")
else:
    content_hash = sha1
"""


def apply(tree: SourceTree) -> None:
    """Add the setting, and choose the hash when the store's module is loaded."""
    config = tree["metaflow/metaflow_config.py"]
    config.replace_statement(within=None, find=BESIDE, by=f"{BESIDE}\n{SETTING}")
    store = tree["metaflow/datastore/content_addressed_store.py"]
    store.replace_statement(
        within="ContentAddressedStore.save_blobs",
        find="sha = sha1(blob).hexdigest()",
        by="sha = content_hash(blob).hexdigest()",
    )
    store.add_import("from ..metaflow_config import ARTIFACT_KEY_HASH")
    exceptions = "from .exceptions import DataException"
    store.replace_statement(within=None, find=exceptions, by=f"{exceptions}\n{CHOICE}")
    tree.insert("test/unit/test_blake3_keys.py")
