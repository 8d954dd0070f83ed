"""Load what S3's workers need once, before they are forked.

For more than ten artifacts, the S3 datastore starts a process that forks a worker for each object,
up to 64 of them, and each worker loads what an S3 client needs. Where importing metaflow no longer
loads `requests` and the plugins, each worker loads these, too.

What changes: a client is made and dropped before the workers are forked, so that they find loaded
what it loads. Each still makes its own client, and tells what fails in it, as before.

How to measure: `s3.Save` and `s3.Load` of 20-small, wall time.

Risk: making a client may ask for credentials, once more than the workers do.
"""

from optimizations.edits import Claim, SourceTree

CLAIMS = (
    Claim("s3.Save.time_save(20-small)", "saving 20 small ones in S3"),
    Claim("s3.Load.time_load(20-small)", "loading 20 small ones in S3"),
)

WORKERS = "metaflow/plugins/datatools/s3/s3op.py"


def _load_what_workers_need(s3config):
    """Make a client as the workers will, for what it loads."""
    try:
        from metaflow.plugins.datatools.s3.s3util import get_s3_client

        get_s3_client(
            s3_role_arn=s3config.role,
            s3_session_vars=s3config.session_vars,
            s3_client_params=s3config.client_params,
        )
    except Exception:
        # The workers meet it again, and say so.
        pass


def apply(tree: SourceTree) -> None:
    """Load before the end-of-queue markers are pushed: right before the workers are started."""
    workers = tree[WORKERS]
    workers.replace_statement(
        within="start_workers",
        find="""
        for i in range(num_workers):
            queue.put((None, None))
        """,
        by="""
        for i in range(num_workers):
            queue.put((None, None))
        _load_what_workers_need(s3config)
        """,
    )
    workers.add_definition(_load_what_workers_need, before="start_workers")
