"""Keys of BLAKE3: only where asked for, and read by every release."""

import pytest

from tests.optimizations.optimized_releases import NEWEST, VERSIONS

STORE = """
    import os, random
    {first}
    from metaflow.datastore.content_addressed_store import ContentAddressedStore
    from metaflow.plugins.datastores.local_storage import LocalStorage
    blobs = [b"words " * 900, random.Random(1).randbytes(300_000)]
    store = ContentAddressedStore("data", LocalStorage(os.getcwd() + "/store"))
"""
SAVE = STORE + "    print(*[result.key for result in store.save_blobs(iter(blobs))])\n"
ASKED = 'os.environ["METAFLOW_ARTIFACT_KEY_HASH"] = "blake3"'


def saved(python, side, first=""):
    return python(NEWEST, side, SAVE.format(first=first)).split()


def test_keys_stay_what_they_were_unless_somebody_asks(python):
    assert saved(python, "after") == saved(python, "before")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_reads_what_is_stored_under_the_new_keys(python, version):
    keys = saved(python, "after", ASKED)
    assert [len(key) for key in keys] == [64, 64]
    read = f"    print([dict(store.load_blobs([key]))[key] for key in {keys!r}] == blobs)\n"
    assert python(version, "before", STORE.format(first="") + read) == "True\n"
    assert python(NEWEST, "after", STORE.format(first="") + read) == "True\n"


def test_old_keys_are_read_where_new_ones_are_asked_for(python):
    keys = saved(python, "before")
    read = f"    print([dict(store.load_blobs([key]))[key] for key in {keys!r}] == blobs)\n"
    assert python(NEWEST, "after", STORE.format(first=ASKED) + read) == "True\n"
