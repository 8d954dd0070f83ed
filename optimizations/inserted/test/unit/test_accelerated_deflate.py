import gzip
import sys
import types
import zlib
from io import BytesIO

import pytest

from metaflow.datastore import content_addressed_store
from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.plugins.datastores.local_storage import LocalStorage

LARGE = b"".join(b"%d " % i for i in range(400000))


@pytest.fixture
def isal(mocker):
    """Stand in for isal: zlib, with its calls recorded."""
    isal_zlib = types.SimpleNamespace(
        compressobj=mocker.Mock(wraps=zlib.compressobj),
        crc32=mocker.Mock(wraps=zlib.crc32),
        decompress=mocker.Mock(wraps=zlib.decompress),
    )
    fake = types.SimpleNamespace(isal_zlib=isal_zlib)
    mocker.patch.dict(sys.modules, {"isal": fake, "isal.isal_zlib": isal_zlib})
    return isal_zlib


def unpack(packed):
    return ContentAddressedStore("data", LocalStorage("unused"))._unpack_v1(packed)


def test_isal_packs_and_unpacks_large_blobs(isal):
    packed = content_addressed_store._pack_segments(LARGE)
    assert {call[0][0] for call in isal.compressobj.call_args_list} == {3}
    assert isal.crc32.call_count == 1
    assert gzip.decompress(packed.getvalue()) == LARGE
    assert unpack(packed) == LARGE
    assert isal.decompress.call_count == 1


def test_smaller_blobs_do_not_use_isal(isal):
    packed = content_addressed_store._pack_segments(LARGE[:100000])
    assert unpack(packed) == LARGE[:100000]
    assert not isal.compressobj.called and not isal.decompress.called


def test_incompressible_segments_do_not_use_isal(isal, mocker):
    mocker.patch.object(
        content_addressed_store, "_is_compressible", side_effect=[True, False, True]
    )
    packed = content_addressed_store._pack_segments(LARGE)
    assert gzip.decompress(packed.getvalue()) == LARGE
    assert len(packed.getvalue()) > len(LARGE) / 3
    assert isal.compressobj.call_count == 2


def test_zlib_is_used_without_isal(mocker):
    mocker.patch.dict(sys.modules, {"isal": None})
    packed = content_addressed_store._pack_segments(LARGE)
    assert unpack(BytesIO(packed.getvalue())) == LARGE
