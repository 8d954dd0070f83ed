import os
from collections import deque
from contextlib import suppress
from threading import Thread
from types import SimpleNamespace
from uuid import uuid4

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError

from metaflow.metaflow_config import S3_THREADS_MAX_OBJECTS, S3_WORKER_COUNT

from .s3 import S3, MetaflowS3Exception, MetaflowS3NotFound, S3Object, urlparse
from .s3op import normalize_client_error

# Batches in threads that share a client. Each object is tried once: s3op tries again
# what failed, and raises errors. It also transfers what is large: it does so faster.

MAX_SIZE = 16 * 1024 * 1024


class FirstTry(S3):
    # Shares all with another S3 object, but its operations aren't retried
    def __init__(self, s3):
        vars(self).update(vars(s3))

    def _one_boto_op(self, op, url, create_tmp_file=True):
        path = os.path.join(self._tmpdir, "metaflow.s3.one_file.%s" % uuid4())
        s3 = self._s3_client.client
        # Lacks download_file: objects that are large enough for it are left to s3op
        s3 = SimpleNamespace(head_object=s3.head_object, get_object=s3.get_object)
        try:
            return path, op(s3, path)
        except Exception as err:
            with suppress(OSError):
                os.unlink(path)
            if isinstance(err, self._s3_client.error):
                if normalize_client_error(err) == 404:
                    raise MetaflowS3NotFound(url)
            raise


def _in_threads(s3, op, items):
    # Returns op(s3, item) for each item, or None for those that are left to s3op
    is_small = len(items) <= S3_THREADS_MAX_OBJECTS and not s3._s3_inject_failures
    todo = deque(enumerate(items) if is_small else ())
    first_try = FirstTry(s3)
    results, threads = [None] * len(items), []

    def work():
        while todo:
            with suppress(Exception):
                idx, item = todo.popleft()
                results[idx] = op(first_try, item)

    try:
        # A client keeps ten connections. If it or a thread is missing, s3op does more
        with suppress(BotoCoreError, RuntimeError, ValueError):
            for _ in range(min(len(todo), 10, S3_WORKER_COUNT)):
                s3._s3_client.client  # made before a thread uses it
                thread = Thread(target=work, daemon=True)
                thread.start()
                threads.append(thread)
        for thread in threads:
            thread.join()
    finally:
        todo.clear()  # Ctrl-C and timeouts do not wait for the rest
    return results


def read_many(s3, op, keys, rest, *args):
    # Returns the S3Object of each key; `rest` asks s3op for those left in `keys`
    objs = _in_threads(s3, lambda s3, key: op(s3, key, *args), keys)
    keys[:] = [key for key, obj in zip(keys, objs) if obj is None]
    return [obj or S3Object(*next(rest)) for obj in objs]


def _upload(s3, url_info, overwrite):
    local, url, info = url_info
    if os.path.getsize(local) > MAX_SIZE:
        return None
    if not overwrite and s3.info(info["key"], return_missing=True).exists:
        return False
    src = urlparse(url, allow_fragments=False)
    names = ("ContentType", "Metadata", "ServerSideEncryption")
    values = map(info.get, ("content_type", "metadata", "encryption"))
    extra = {name: value for name, value in zip(names, values) if value}
    config = TransferConfig(use_threads=False)
    s3._s3_client.client.upload_file(
        local, src.netloc, src.path.lstrip("/"), ExtraArgs=extra, Config=config
    )
    return True


def put_many(s3, url_info, overwrite):
    # Does the same as S3._put_many_files
    url_info = list(url_info)
    done = _in_threads(s3, lambda s3, each: _upload(s3, each, overwrite), url_info)
    left = [each for each, uploaded in zip(url_info, done) if uploaded is None]
    urls = {each[1] for each, uploaded in zip(url_info, done) if uploaded}
    again = s3._put_many_files(left, overwrite)
    if overwrite and len(again) < len(left):
        raise MetaflowS3Exception("%d objects were not put" % (len(left) - len(again)))
    urls.update(url for _, url in again)
    return [(info["key"], url) for _, url, info in url_info if url in urls]
