"""The key of a blob: a digest of its content."""

# metaflow supports Python 3.8: the older spelling of types.
from typing import Any

from metaflow.metaflow_config_funcs import from_conf, get_validate_choice_fn

from .pieces import Blob, hexdigest

# blake3 only where that can be imported. Keys of both kinds are read by every release.
ARTIFACT_KEY_HASH = from_conf(
    "ARTIFACT_KEY_HASH", "sha1", get_validate_choice_fn(["sha1", "blake3"])
)


def content_key(blob: Blob) -> str:
    """Return the key that a blob is stored under."""
    return hexdigest(_hash(), blob)


def _hash() -> Any:
    if ARTIFACT_KEY_HASH == "blake3":
        try:
            from blake3 import blake3

            return blake3
        except ImportError:
            # A task's image may lack it. Its keys are then the usual ones.
            pass
    from hashlib import sha1

    return sha1
