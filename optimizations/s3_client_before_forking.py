"""Make the S3 client once, before s3op forks its workers.

For more than ten artifacts, the S3 datastore starts `s3op`, which forks a worker for each object,
up to 64 of them. Root cause: each worker makes its own boto3 client, which reads and parses the
description of the service. On a machine with few CPUs this is most of the time that a step needs to
save or load its artifacts.

What changes: `start_workers` makes the client before it forks, and each worker uses its copy. Where
processes are not forked (macOS and Windows; Python 3.14), each worker makes its own, as before.

Reproduce: with any S3 bucket. Before, each object adds the time of a client; after, one does:

    time python -c "if 1:
    from metaflow import S3
    with S3(s3root='s3://bucket/test') as s3:
        s3.put_many([(str(i), 'text') for i in range(20)])"

Could fail:

- boto3's documentation warns against sharing a client between processes, because they would share
  its connections. Nothing is shared here: a client has no connection until its first request, the
  parent makes none, and each worker opens its own.
- Making the client fails (no boto3, an unknown profile): s3op ends with exit code 1 and the
  traceback on stderr, as it does when a worker fails. The queue is still empty then, so nothing
  waits to be flushed.
- Temporary credentials expire: each worker refreshes its own copy. Each worker still assumes a role
  at its first request. Instance credentials are requested once instead of up to 64 times.
- An extension's client starts a thread, which a fork would lose: boto3's client starts none.

Price: a client made before the fork holds its memory in the parent.
"""

from optimizations.edits import Claim, SourceTree

CLAIMS = (
    Claim("s3.Save.time_save(20-small)", "saving 20 small artifacts to S3"),
    Claim("s3.Load.time_load(20-small)", "loading 20 small artifacts from S3"),
)


def _make_s3_client(s3config):
    from metaflow.plugins.datatools.s3.s3util import get_s3_client

    return get_s3_client(
        s3_role_arn=s3config.role,
        s3_session_vars=s3config.session_vars,
        s3_client_params=s3config.client_params,
    )


def apply(tree: SourceTree) -> None:
    """Make the client in `start_workers`, and hand it to each `worker`."""
    s3op = tree["metaflow/plugins/datatools/s3/s3op.py"]
    s3op.replace_statement(
        within="worker",
        find="from metaflow.plugins.datatools.s3.s3util import get_s3_client",
        by="s3, client_error = client or _make_s3_client(s3config)",
    )
    s3op.replace_statement(
        within="worker",
        find="""
        s3, client_error = get_s3_client(
            s3_role_arn=s3config.role,
            s3_session_vars=s3config.session_vars,
            s3_client_params=s3config.client_params,
        )
        """,
        by="",
    )
    s3op.add_parameter("worker", "client=None")
    s3op.add_definition(_make_s3_client, before="worker")
    s3op.replace_statement(
        within="start_workers",
        find="num_workers = min(num_workers, len(urls))",
        by="""
        num_workers = min(num_workers, len(urls))
        # Forked workers copy this client. It has no connection yet; each worker opens its
        # own. Workers that are not forked make their own client: it can't be pickled.
        client = None
        if num_workers > 1 and get_start_method() == "fork":
            client = _make_s3_client(s3config)
        """,
    )
    s3op.replace_expression(
        "(file_path, queue, mode, s3config)", by="(file_path, queue, mode, s3config, client)"
    )
    s3op.add_import("from multiprocessing import Process, Queue, get_start_method")
    tree.insert("test/unit/test_s3_client_before_forking.py")
