"""Ask a remote store once for what a process knows already.

With `--datastore s3`, each request takes tens of milliseconds, and a run makes them one after the
other. Many ask for what the process has just saved, loaded or asked for:

- `save_blobs` asks whether the store has a blob for each artifact. Many artifacts of a task are
  equal (None, True, the name of the flow).
- The scheduler loads the same few small blobs (transition, foreach stack) several times per task.
- Whoever opens one attempt of a task asks for the attempts around it, too. A join asks for three
  files of six attempts of each input, most of which never existed.

Root cause: nothing remembers what was found, and all attempts that could exist are asked for.

What changes: `save_blobs` asks for equal blobs once. Each `ContentAddressedStore` begins with a
blob cache that keeps up to a thousand blobs of up to 4 KB in memory. Opening a task asks first
whether the wanted attempt is done (the first one, if any will do), for what is done has begun. The
scheduler opens the attempt that it has just run. A join first asks whether each input is done at
its first attempt, and whether a second one has begun; for other attempts only where this is not so.

Reproduce: run a flow with `--datastore s3` through a proxy that counts requests, or count objects'
requests in the server's access log, before and after.

Could fail:

- A blob is deleted while a process knows it: it is still read from memory, where it can't be wrong,
  for a key stands for its content. The next call of `save_blobs` asks again whether it exists.
- Memory: 4 MB in the worst case. Blobs are bytes, which nobody can change.
- Attempts have gaps, as when a machine was lost before an attempt could begin: if the first attempt
  is not done, all others are looked for as before. If it is done and the second is missing, a third
  one is not looked for in a join. It never was when a single task is opened.
- A later attempt begins after the first one is done: it counts, as before, unless the scheduler or
  a client asks for one attempt by its number.

To go back: revert the commit. Nothing is stored otherwise.

Price: a join asks in two rounds, and for two files more of inputs that were tried again. A task
that is not done at its first attempt takes one more request to open.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("s3runs.Traffic.track_requests(hello)", "requests of a hello flow on S3"),
    Claim("s3runs.Join.track_keys(50)", "keys that a join asks for per input"),
    Claim("s3runs.Traffic.track_requests(foreach of 5)", "requests of a foreach of 5 on S3"),
    Claim("s3runs.Run.time_run(hello)", "hello flow on S3"),
)
TARGET = Target(
    "S3 is asked again for what is known, and for attempts that never were",
    claimed="metaflow #938 and #939, pull requests with other answers",
    case="s3runs.Traffic.track_requests(hello)",
    at_least=1.5,
    reported=True,
)

STORE = "ContentAddressedStore"
OPEN = "TaskDataStore.__init__"
INPUTS = "FlowDataStore.get_task_datastores"


class _SmallBlobs(object):
    # The blob cache of a store that is given no other
    MAX_BLOBS = 1000
    MAX_SIZE = 4096

    def __init__(self):
        self._blobs = {}

    def load_key(self, key):
        return self._blobs.get(key)

    def store_key(self, key, blob):
        if len(blob) <= self.MAX_SIZE and len(self._blobs) < self.MAX_BLOBS:
            self._blobs[key] = bytes(blob)


def remember_blobs(tree: SourceTree) -> None:
    """Let the store of blobs ask once for what it has seen."""
    store = tree["metaflow/datastore/content_addressed_store.py"]
    store.add_definition(_SmallBlobs, before=STORE)
    store.replace_statement(
        within=f"{STORE}.__init__",
        find="self._blob_cache = None",
        by="self._blob_cache = _SmallBlobs()",
    )
    store.replace_statement(
        within=f"{STORE}.save_blobs", find="results = []", by="results = []\nseen = set()"
    )
    result = """
    results.append(
        self.save_blobs_result(
            uri=self._storage_impl.full_uri(path) if raw else None,
            key=sha,
        )
    )
    """
    skip = """
    # Many artifacts are equal: ask for each blob once
    if sha in seen:
        continue
    seen.add(sha)
    if self._blob_cache:
        self._blob_cache.store_key(sha, blob)
    """
    store.replace_statement(within=f"{STORE}.save_blobs", find=result, by=result + skip)


def open_by_attempt(tree: SourceTree) -> None:
    """Let a task be opened by the attempt that is wanted."""
    look = """
for i in {attempts}:
    check_meta = self._metadata_name_for_attempt(
        self.METADATA_ATTEMPT_SUFFIX, i
    )
    if self.has_metadata(check_meta, add_attempt=False):
        max_attempt = i
    elif max_attempt is not None:
        break
"""
    read = """
if {is_done}:
    data_obj = self.load_metadata([self.METADATA_DATA_SUFFIX])
    data_obj = data_obj[self.METADATA_DATA_SUFFIX]
elif self._attempt is None or not allow_not_done:
    raise DataException(
        "No completed attempts of the task was found for task '%s'"
        % self._path
    )
"""
    every = "range(metaflow_config.MAX_ATTEMPTS)"
    task = tree["metaflow/datastore/task_datastore.py"]
    task.replace_statement(
        within=OPEN,
        find=look.format(attempts=every),
        by=f"""
# What is done has started: this may spare asking for others
attempts = {every}
done_attempt = self._attempt or 0
check_meta = self._metadata_name_for_attempt(
    self.METADATA_DONE_SUFFIX, done_attempt
)
if self.has_metadata(check_meta, add_attempt=False):
    max_attempt = done_attempt
    attempts = attempts[1:] if self._attempt is None else []
else:
    done_attempt = -1
{look.format(attempts="attempts")}
""",
    )
    ask = "self.has_metadata({}self.METADATA_DONE_SUFFIX{})"
    known = "self._attempt == done_attempt or " + ask.format("\n    ", "\n")
    task.replace_statement(
        within=OPEN, find=read.format(is_done=ask.format("", "")), by=read.format(is_done=known)
    )
    tree["metaflow/runtime.py"].replace_statement(
        within="Task.results",
        find="""
        self._results_ds = self._flow_datastore.get_task_datastore(
            self.run_id, self.step, self.task_id
        )
        """,
        by="""
        self._results_ds = self._flow_datastore.get_task_datastore(
            self.run_id,
            self.step,
            self.task_id,
            # A clone may have been made by another process, at any attempt
            attempt=None if self._is_cloned else self.retries,
        )
        """,
    )


def ask_for_later_attempts_last(tree: SourceTree) -> None:
    """Let a join ask for all attempts of an input only where there may be a second one."""
    flow = tree["metaflow/datastore/flow_datastore.py"]
    for moved in ("latest_started_attempts = {}", "done_attempts = set()"):
        flow.replace_statement(within=INPUTS, find=moved, by="")
    flow.replace_statement(
        within=INPUTS,
        find="urls = []",
        by="""
        def path_of(task_url, suffix, i):
            name = TaskDataStore.metadata_name_for_attempt(suffix, i)
            return self._storage_impl.path_join(task_url, name)

        # Most tasks are done at their first attempt, and no second one has started.
        # Then only the data of the first one is needed
        tried_once = set()
        if attempt is None:
            done_suffix = TaskDataStore.METADATA_DONE_SUFFIX
            started_suffix = TaskDataStore.METADATA_ATTEMPT_SUFFIX
            found = self._storage_impl.is_file(
                [path_of(url, done_suffix, 0) for url in task_urls]
                + [path_of(url, started_suffix, 1) for url in task_urls]
            )
            for url, is_done, is_retried in zip(
                task_urls, found, found[len(task_urls) :]
            ):
                if is_done and not is_retried:
                    tried_once.add(url)

        latest_started_attempts = {}
        done_attempts = set()
        urls = []
        """,
    )
    wanted = """
    if len(task_splits) == 5:
        task_attempt_range = [int(task_splits[4])]"""
    flow.replace_statement(
        within=INPUTS,
        find=wanted,
        by=wanted
        + """
    elif task_url in tried_once:
        run, step, task = task_splits[1:]
        latest_started_attempts[(run, step, task)] = 0
        done_attempts.add((run, step, task, 0))
        task_attempt_range = []
        urls.append(path_of(task_url, TaskDataStore.METADATA_DATA_SUFFIX, 0))
    """,
    )


def apply(tree: SourceTree) -> None:
    """Remember blobs, and open tasks by their attempts."""
    remember_blobs(tree)
    open_by_attempt(tree)
    ask_for_later_attempts_last(tree)
    tree.insert("test/unit/test_s3_asked_once.py")
