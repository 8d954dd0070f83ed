import pytest

from metaflow.plugins.metadata_providers import service
from metaflow.plugins.metadata_providers.service import ServiceMetadataProvider


@pytest.fixture
def make_session(mocker):
    # As in a process that has made no request yet
    unused = service._SessionAtFirstUse()
    mocker.patch.object(ServiceMetadataProvider, "_session", unused)
    return mocker.patch("requests.Session")


def test_session_is_made_by_the_first_request(make_session):
    make_session.assert_not_called()
    for _ in range(2):
        assert ServiceMetadataProvider.compute_info("http://host") == "http://host"
    make_session.assert_called_once_with()
    assert make_session.return_value.get.call_count == 2


def test_session_keeps_its_connections(mocker, make_session):
    adapter = mocker.patch("requests.adapters.HTTPAdapter")
    mount = ServiceMetadataProvider._session.mount
    assert [args[0] for _, args, _ in mount.mock_calls] == ["http://", "https://"]
    for _, _, kwargs in adapter.mock_calls:
        assert kwargs["pool_maxsize"] == 20


def test_subclasses_share_the_session(make_session):
    class Subclass(ServiceMetadataProvider):
        pass

    assert Subclass._session is ServiceMetadataProvider._session
    make_session.assert_called_once_with()


def test_session_of_a_subclass_wins(mocker, make_session):
    class Subclass(ServiceMetadataProvider):
        _session = mocker.Mock()

    assert Subclass.compute_info("http://host") == "http://host"
    Subclass._session.get.assert_called_once()
    make_session.assert_not_called()


def test_replaced_session_wins(mocker, make_session):
    replaced = mocker.patch.object(ServiceMetadataProvider, "_session")
    assert ServiceMetadataProvider.compute_info("http://host") == "http://host"
    replaced.get.assert_called_once()
    make_session.assert_not_called()
