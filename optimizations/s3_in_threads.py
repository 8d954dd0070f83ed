"""Handle small batches of S3 objects in threads, not in processes.

`put_many`, `put_files`, `get_many` and `info_many` start `s3op`, which starts one process per
object, up to 64. The S3 datastore calls them for more than ten artifacts, which every step has.
Root cause: a fixed cost. `s3op` is a new interpreter that imports metaflow, and each of its
processes makes a boto3 client, which takes longer than sending a small object.

What changes: batches of up to 256 objects are first tried in this process, in at most ten threads
that share the client of the S3 object; boto3's clients may be shared by threads. Each object is
tried once, by the code of `get` and `info`, and by `upload_file` as before. What did not succeed is
left to `s3op`, with the retries, waits and errors that it has today. So are larger batches, and
objects of more than 16 MB. METAFLOW_S3_THREADS_MAX_OBJECTS changes the 256; 0 turns threads off.
`info` no longer strips quotation marks from the beginning of keys: `info_many` never did.

Reproduce: with any S3 bucket. Before, this takes seconds; after, a small part of one:

    time python -c "if 1:
    from metaflow import S3
    with S3(s3root='s3://bucket/test') as s3:
        s3.put_many([(str(i), 'text') for i in range(20)])"

Could fail:

- S3 throttles, a key is missing, access is denied, the body is cut off, the disk is full, a
  credential has expired: the object has no result, `s3op` asks for it again, and raises what it
  raises today. Missing keys with `return_missing=True` are not asked for again.
- Ctrl-C or @timeout in the middle: it is raised at once; threads stop at their next object. They
  are daemons, so that a server that does not answer can't keep the process from ending.
- No thread can be started, or the client can't be made: `s3op` handles what is left, or all.
- A program forks later: the threads have ended by then, unless it has caught an interrupt. Then
  each may still be in its last request; what that writes to a folder that is gone is lost.

To go back: METAFLOW_S3_THREADS_MAX_OBJECTS=0, or revert the commit. Nothing is stored otherwise.

Price: objects that fail are asked for once more. Where many CPUs are idle, batches of some hundred
objects may be faster in processes. Traces lack the spans of `s3op`.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("s3runs.Batch.time_many(put)", "`put_many` of 20 objects"),
    Claim("s3runs.Batch.time_many(get)", "`get_many` of 20 objects"),
    Claim("s3runs.Batch.time_many(info)", "`info_many` of 20 objects"),
    Claim("s3runs.Run.time_run(hello)", "hello flow on S3"),
)
TARGET = Target(
    "a call for several objects in S3 starts a process for each of them",
    claimed="metaflow #1572 (a client for each object), #850 (64 workers are too many), and #3148, "
    "a pull request with another answer",
    case="s3runs.Batch.time_many(get)",
    at_least=8,
    reported=True,
)

WORKERS = 'S3_WORKER_COUNT = from_conf("S3_WORKER_COUNT", 64)'
SETTING = """
# Up to this many S3 objects are first tried in threads of this process; 0 for never.
S3_THREADS_MAX_OBJECTS = from_conf("S3_THREADS_MAX_OBJECTS", 256)
"""
READERS = {
    "S3.info_many": ("_head", "S3.info", "return_missing"),
    "S3.get_many": ("_get", "S3.get", "return_missing, return_info"),
}
WRITERS = {"S3.put_many": "_store", "S3.put_files": "_check"}


def apply(tree: SourceTree) -> None:
    """Let the methods for many objects try threads first."""
    config = tree["metaflow/metaflow_config.py"]
    config.replace_statement(within=None, find=WORKERS, by=f"{WORKERS}\n{SETTING}")
    s3 = tree["metaflow/plugins/datatools/s3/s3.py"]
    for name, (rest, one, arguments) in READERS.items():
        s3.replace_statement(
            within=name,
            find=f"return list(starmap(S3Object, {rest}()))",
            by=f"""
            from .s3threads import read_many
            keys = list(keys)
            return read_many(self, {one}, keys, {rest}(), {arguments})
            """,
        )
    for name, files in WRITERS.items():
        s3.replace_statement(
            within=name,
            find=f"return self._put_many_files({files}(), overwrite)",
            by=f"""
            from .s3threads import put_many
            return put_many(self, {files}(), overwrite)
            """,
        )
    # `info` alone strips quotation marks, too.
    s3.replace_expression("""src.path.lstrip('/"')""", by='src.path.lstrip("/")')
    tree.insert("metaflow/plugins/datatools/s3/s3threads.py")
    tree.insert("test/unit/test_s3_in_threads.py")
