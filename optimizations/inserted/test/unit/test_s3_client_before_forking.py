import os
from multiprocessing import get_start_method

import pytest

from metaflow.plugins.datatools.s3 import s3op, s3util


@pytest.fixture
def urls(tmp_path):
    return [
        s3op.S3Url("bucket", "key", "s3://bucket/key", str(tmp_path / str(i)), None)
        for i in range(5)
    ]


@pytest.fixture
def made(mocker, tmp_path):
    """Replace the S3 client; return the file that has a line for each client made."""
    log = tmp_path / "made"
    log.write_text("")

    def get_s3_client(**kwargs):
        with log.open("a") as f:
            f.write("%d\n" % os.getpid())
        client = mocker.Mock()
        client.head_object.side_effect = OSError("no answer")
        return client, OSError

    mocker.patch.object(s3op, "normalize_client_error", return_value=404)
    mocker.patch.object(s3util, "get_s3_client", get_s3_client)
    return log


def start_workers(urls):
    config = s3op.S3Config(None, None, None)
    return s3op.start_workers("info", urls, 3, 0, config)[0]


@pytest.mark.skipif(get_start_method() != "fork", reason="workers are not forked")
def test_forked_workers_use_one_client(made, urls):
    assert start_workers(urls) == [-s3op.ERROR_URL_NOT_FOUND] * 5
    assert made.read_text() == "%d\n" % os.getpid()


@pytest.mark.skipif(get_start_method() != "fork", reason="mocks need forked workers")
def test_workers_not_forked_make_their_own_clients(made, urls, mocker):
    mocker.patch.object(s3op, "get_start_method", return_value="spawn")
    assert start_workers(urls) == [-s3op.ERROR_URL_NOT_FOUND] * 5
    assert len(made.read_text().split()) == 3


def test_a_failing_client_starts_no_worker(mocker, urls):
    mocker.patch.object(s3op, "get_start_method", return_value="fork")
    mocker.patch.object(s3util, "get_s3_client", side_effect=KeyError("profile"))
    process = mocker.patch.object(s3op, "Process")
    with pytest.raises(KeyError, match="profile"):
        start_workers(urls)
    process.assert_not_called()
