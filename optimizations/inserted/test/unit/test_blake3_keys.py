import hashlib
import os
import subprocess
import sys

import pytest

from metaflow.datastore import content_addressed_store
from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.plugins.datastores.local_storage import LocalStorage

BLOB = b"content"


@pytest.fixture
def store(tmp_path):
    return ContentAddressedStore("data", LocalStorage(str(tmp_path)))


def run(setting, before=""):
    script = (
        "import sys\n%s\nfrom metaflow.datastore import content_addressed_store as s\n"
    )
    script += "print(s.content_hash(b'content').hexdigest())"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    environment["METAFLOW_ARTIFACT_KEY_HASH"] = setting
    return subprocess.run(
        [sys.executable, "-c", script % before],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


def test_keys_are_sha1_by_default(store):
    (result,) = store.save_blobs(iter([BLOB]))
    assert result.key == hashlib.sha1(BLOB).hexdigest()
    assert run("sha1").stdout.strip() == result.key


def test_keys_of_both_kinds_are_read(store, mocker):
    (old,) = store.save_blobs(iter([BLOB]))
    # Stands in for BLAKE3: a hash of the same length
    mocker.patch.object(content_addressed_store, "content_hash", hashlib.sha256)
    (new,) = store.save_blobs(iter([BLOB]))
    mocker.stopall()
    assert len(new.key) == 64
    assert dict(store.load_blobs([old.key, new.key])) == {old.key: BLOB, new.key: BLOB}


def test_blake3_is_used_if_set():
    blake3 = pytest.importorskip("blake3")
    assert run("blake3").stdout.strip() == blake3.blake3(BLOB).hexdigest()


def test_a_missing_package_fails_the_import():
    finished = run("blake3", "sys.modules['blake3'] = None")
    assert finished.returncode != 0
    assert "ARTIFACT_KEY_HASH=blake3 needs the package blake3" in finished.stderr


def test_other_values_are_refused():
    finished = run("xxhash")
    assert finished.returncode != 0
    assert "xxhash" in finished.stderr
