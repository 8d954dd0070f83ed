"""Let artifacts be stored under BLAKE3 keys, where somebody asks for it.

The key of a blob is its SHA-1. Where large arrays are stored without compression, this takes a good
part of the time of saving them. BLAKE3 is several times as fast, and like SHA-1, and unlike xxHash,
it is made so that nobody finds two contents with one key: what a content-addressed store stands on.

What changes: with METAFLOW_ARTIFACT_KEY_HASH=blake3, and the package `blake3` installed, new
content (artifacts, files of IncludeFile, code packages) gets the 64 digits of its BLAKE3 as key
instead of the 40 of its SHA-1. Without the setting every key stays what it was, and nothing is
imported. Readers take a key as it is written: all releases read both.

Reproduce: save 100 MB of `os.urandom` with the setting and without; where blobs that do not
compress are stored as they are, the difference is that of hashing them.

Could fail:

- The package is missing: the process ends at `import metaflow`, with an error that names the
  setting, before a step has done any work.
- Another value is asked for: it is refused by name, as for other settings.
- Tasks and scheduler have different settings: both read what the other stores, for keys travel in
  the metadata.

To go back: remove the setting. What was stored stays readable under its key, with and without the
setting and the package. Content that is saved again is stored once more, under the other key.

Price: none without the setting.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim(
        "artifacts.SaveWithBlake3Keys.time_save(float64-8MB)",
        "saving float64 8 MB with BLAKE3 keys",
        against="artifacts.Save.time_save(float64-8MB)",
    ),
    Claim(
        "artifacts.SaveWithBlake3Keys.time_save(embeddings-8MB)",
        "saving float32 embeddings 8 MB with BLAKE3 keys",
        against="artifacts.Save.time_save(embeddings-8MB)",
    ),
    Claim(
        "artifacts.SaveWithBlake3Keys.time_save(random-5MB)",
        "saving random bytes 5 MB with BLAKE3 keys",
        against="artifacts.Save.time_save(random-5MB)",
    ),
    Claim(
        "hashing.ContentKeyWithBlake3.time_find(float64-8MB)",
        "the BLAKE3 key of float64 8 MB",
        against="hashing.ContentKey.time_find(float64-8MB)",
    ),
    Claim("instructions.Artifact.track_save(float64-800KB)", "saving float64 800 KB"),
)
TARGET = Target(
    "SHA1 content hashing",
    claimed="xxHash or BLAKE3",
    case="artifacts.SaveWithBlake3Keys.time_save(float64-8MB)",
    at_least=1.2,
    finding="BLAKE3 keys are off by default, and xxHash is not collision-resistant.",
)

STORE = "metaflow/datastore/content_addressed_store.py"

CHOICE = """
from .exceptions import DataException

# What the key of new content is made with; keys of both kinds are always read
ARTIFACT_KEY_HASH = from_conf(
    "ARTIFACT_KEY_HASH", "sha1", get_validate_choice_fn(["sha1", "blake3"])
)
if ARTIFACT_KEY_HASH == "blake3":
    try:
        from blake3 import blake3 as content_hash
    except ImportError:
        raise DataException("ARTIFACT_KEY_HASH=blake3 needs the package blake3.")
else:
    content_hash = sha1
"""


def apply(tree: SourceTree) -> None:
    """Choose the hash when the module is loaded."""
    store = tree[STORE]
    store.replace_statement(
        within="ContentAddressedStore.save_blobs",
        find="sha = sha1(blob).hexdigest()",
        by="sha = content_hash(blob).hexdigest()",
    )
    store.replace_statement(within=None, find="from .exceptions import DataException", by=CHOICE)
    store.replace_statement(
        within=None,
        find="from ..exception import MetaflowInternalError",
        by="""
        from ..exception import MetaflowInternalError
        from ..metaflow_config_funcs import from_conf, get_validate_choice_fn
        """,
    )
    tree.insert("test/unit/test_blake3_keys.py")
