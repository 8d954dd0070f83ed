"""Keys of BLAKE3: only where asked for, and read by every release."""

import pytest

from tests.optimizations.optimized_releases import NEWEST, VERSIONS

STORE = """
    import os, random, sys
    {first}
    from metaflow.datastore.content_addressed_store import ContentAddressedStore
    from metaflow.plugins.datastores.local_storage import LocalStorage
    blobs = [b"words " * 900, random.Random(1).randbytes(300_000)]
    store = ContentAddressedStore("data", LocalStorage(os.getcwd() + "/store"))
"""
SAVE = STORE + "    print(*[result.key for result in store.save_blobs(iter(blobs))])\n"
ASKED = 'os.environ["METAFLOW_ARTIFACT_KEY_HASH"] = "blake3"'
MISSING = ASKED + '; sys.modules["blake3"] = None'


def saved(python, side, first=""):
    return python(NEWEST, side, SAVE.format(first=first)).split()


@pytest.mark.parametrize("first", ["", MISSING], ids=["not asked for", "not installed"])
def test_keys_stay_what_they_were(python, first):
    assert saved(python, "after", first) == saved(python, "before")


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


def test_a_setting_that_does_not_exist_is_refused_with_what_there_is(python):
    ask = """
        import os
        os.environ["METAFLOW_ARTIFACT_KEY_HASH"] = "xxhash"
        try:
            import metaflow.datastore.content_addressed_store
        except Exception as error:
            print(type(error).__name__, error)
        """
    said = python(NEWEST, "after", ask)
    assert said.startswith("MetaflowException") and "['sha1', 'blake3']" in said
