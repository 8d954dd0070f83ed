"""Let artifacts be stored under BLAKE3 keys, where somebody asks for it.

Once compression no longer hides it, SHA-1 takes a fair part of saving a large array that does not
compress. BLAKE3 is several times as fast, and like SHA-1, and unlike xxHash, it is made so that
nobody finds two contents with one key: what a content-addressed store stands on.

What changes: with the setting ARTIFACT_KEY_HASH (METAFLOW_ARTIFACT_KEY_HASH in the environment) at
`blake3`, and the package `blake3` installed, what is newly stored by content (artifacts, files of
IncludeFile, code packages) gets 64 digits of BLAKE3 as its key in place of 40 of SHA-1. Without the
setting, every key stays what it was. Where the package is missing, the usual key is used; another
value is refused. Readers take a key as it is written, so all releases read both.

How to measure: `artifacts.Save` and `hashing.ContentKey`, with the setting and without.

Risk: content that was stored under its SHA-1 key is stored once more under the new one.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("instructions.Artifact.track_save(float64-800KB)", "saving float64 800 KB"),
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
)
TARGET = Target(
    "SHA1 content hashing",
    claimed="xxHash or BLAKE3",
    case="artifacts.SaveWithBlake3Keys.time_save(float64-8MB)",
    at_least=1.2,
    finding="BLAKE3 keys are off by default, and xxHash is not collision-resistant.",
)

STORE = "metaflow/datastore/content_addressed_store.py"


def apply(tree: SourceTree) -> None:
    """Take keys from a function that knows the setting."""
    store = tree[STORE]
    store.replace_statement(
        within="ContentAddressedStore.save_blobs",
        find="sha = hexdigest(sha1, blob)",
        by="sha = content_key(blob)",
    )
    store.add_import("from .content_keys import content_key")
    store.defer_import("sha1")
    store.defer_import("hexdigest")
    tree.insert("metaflow/datastore/content_keys.py")
