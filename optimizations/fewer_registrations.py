"""Register a task with the metadata service in fewer requests.

With the metadata service, a task of a local run takes 9 or 10 requests, one after the other, and
half of them while no other task can start. Root cause: each registration is a request of its own,
and some are sent twice. The scheduler asks for the step (404 for its first task), creates it,
creates the task and registers system metadata; the task registers the same system metadata again,
then that it has begun, whether it went well, that it is done, and its artifacts.

What changes:

- a step is created by the first task of a process, without asking for it: 409 tells that it exists;
- a task registers its system metadata together with its begin, and `attempt_ok` together with its
  end. What is still pending is sent as the process ends;
- the scheduler drops its own copy of a task's system metadata if the task has begun.

Reproduce: count the requests of a run (`METAFLOW_SERVICE_URL` through a proxy that logs). Before: 9
per task, and one more per step. After: 5 (one asks for the service's version), and one per step.

Could fail:

- A task's process does not start, or is killed before it has begun: the scheduler registers the
  task's system metadata as it exits.
- A task fails before its next registration, or its artifacts can't be saved: what is pending is
  sent as the process ends. So `attempt_ok` is registered then, too. What was in a request that the
  service refused is lost, and so `attempt_ok` may be missing where `attempt-done` is.
- A task is killed between saving its artifacts and being done: `attempt_ok` is missing. Before, it
  could say that a task went well that was never done.
- The service becomes unreachable: the next request raises the same error as before. What is pending
  as a process ends is tried for five seconds in all, because a person who interrupts a run waits
  for it. What could not be sent is told on stderr.
- The scheduler is killed: the system metadata of tasks that have not begun are missing.

To go back: revert the commit. What is stored is the same.

Price: `Task.metadata` lists the system metadata of a task once, no longer twice; while a task waits
for its machine, not at all. The service sees a POST for a step that exists, instead of a GET.
For a task that fails, the scheduler asks the datastore once whether it has begun.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("service.Traffic.track_requests(foreach of 10)", "requests of a foreach of 10"),
    Claim("service.Running.time_run(hello)", "hello flow with a service"),
)
TARGET = Target(
    "each task of a local run registers itself in 9 or 10 requests",
    claimed="counting requests",
    case="service.Running.time_run(hello)",
    at_least=1.8,
    finding="That goal is for all optimisations together (README has what they reach).",
    reported=True,
)

START_HEARTBEAT = "def start_task_heartbeat(self, flow_id, run_id, step_name, task_id):\n    pass\n"
INTERFACE = '''
def register_metadata_later(self, run_id, step_name, task_id, metadata):
    """
        Registers metadata with the next metadata of the same task, or as the process
        ends. Arguments are those of `register_metadata`.
        """
    self.register_metadata(run_id, step_name, task_id, metadata)

def discard_metadata(self, run_id, step_name, task_id):
    """
        Forgets what `register_metadata_later` was given for a task and has not sent. The
        scheduler calls this if the task has registered them itself.
        """
    pass
'''
VERSION = "def version(self):\n    return self._version(self._monitor)\n"
METHODS = """
def register_metadata_later(self, run_id, step_name, task_id, metadata):
    key = (run_id, step_name, str(task_id))
    self._pending.setdefault(key, []).extend(metadata)

def discard_metadata(self, run_id, step_name, task_id):
    self._pending.pop((run_id, step_name, str(task_id)), None)

def _register_at_exit(self):
    pending, self._pending = self._pending, {}
    deadline = time.time() + 5  # A person who interrupts a run waits for this
    for key, metadata in pending.items():
        path = self._obj_path(self._flow_name, *key) + "/metadata"
        data = self._metadata_to_json(*key, metadata)
        problem = self._post_until(deadline, path, data)
        if problem:
            message = "Metadata of task %s could not be registered: %s"
            print(message % ("/".join(key), problem), file=sys.stderr)

def _post_until(self, deadline, path, data):
    # Returns what went wrong, or None
    problem = "no time is left"
    while time.time() < deadline:
        try:
            resp = self._session.post(
                os.path.join(type(self).INFO, path.lstrip("/")),
                headers=SERVICE_HEADERS.copy(),
                json=data,
                timeout=max(0.1, deadline - time.time()),
            )
        except OSError as ex:  # As all errors of requests are
            problem = ex
        else:
            if resp.status_code < 300:
                return None
            problem = "code %s: %s" % (resp.status_code, resp.text)
            if resp.status_code != 503:
                return problem
        time.sleep(0.5)
    return problem

def _ensure_step(self, run_id, step_name):
    if (run_id, step_name) not in self._known_steps:
        path = self._create_path("step", self._flow_name, run_id, step_name)
        data = self._step_to_json(
            run_id, step_name, self.sticky_tags, self.sticky_sys_tags
        )
        # If it exists, this is answered with 409, which is no error
        self._request(self._monitor, path, "POST", data=data)
        self._known_steps.add((run_id, step_name))
"""
SEND = "data = self._metadata_to_json(run_id, step_name, task_id, metadata)"
SEND_ALL = f"""
key = (run_id, step_name, str(task_id))
metadata = self._pending.pop(key, []) + list(metadata)
{SEND}
"""
ATTEMPT_OK = """
self.metadata.{}(
    run_id,
    step_name,
    task_id,
    [
        MetaDatum(
            field="attempt_ok",
            value=attempt_ok,
            type="internal_attempt_status",
            tags=["attempt_id:{{0}}".format(retry_count)],
        ),
    ],
)
"""
WAIT = "returncode = self._proc.wait()"
DISCARD = """
task = self.task
# A task that has begun has registered its system metadata itself
if returncode == 0 or task.has_begun():
    task.metadata.discard_metadata(task.run_id, task.step, task.task_id)
"""
SAVE_METADATA = """
def save_metadata(self, name, metadata):
    self._ds.save_metadata({name: metadata})
"""
HAS_BEGUN = """
def has_begun(self):
    return self._ds.has_metadata("task_begin")
"""


def apply(tree: SourceTree) -> None:
    """Let metadata wait, in the task and in the scheduler, and create steps once."""
    provider = tree["metaflow/metadata_provider/metadata.py"]
    provider.replace_statement(
        within="MetadataProvider._register_system_metadata",
        find="self.register_metadata(run_id, step_name, task_id, metadata)",
        by="self.register_metadata_later(run_id, step_name, task_id, metadata)",
    )
    provider.replace_statement(
        within="MetadataProvider", find=START_HEARTBEAT, by=f"{INTERFACE}\n{START_HEARTBEAT}"
    )
    service = tree["metaflow/plugins/metadata_providers/service.py"]
    service.replace_statement(
        within="ServiceMetadataProvider.__init__",
        find="self.sidecar = None",
        by="""
        self.sidecar = None
        self._known_steps = set()
        self._pending = {}  # Metadata to be sent, by run, step and task
        atexit.register(self._register_at_exit)
        """,
    )
    service.replace_statement(
        within="ServiceMetadataProvider.register_metadata", find=SEND, by=SEND_ALL
    )
    service.replace_statement(
        within="ServiceMetadataProvider", find=VERSION, by=f"{METHODS}\n{VERSION}"
    )
    service.replace_statement(
        within="ServiceMetadataProvider._new_task",
        find='self._get_or_create("step", run_id, step_name)',
        by="self._ensure_step(run_id, step_name)",
    )
    service.add_import("import atexit")
    service.add_import("import sys")
    tree["metaflow/task.py"].replace_statement(
        within="MetaflowTask.run_step",
        find=ATTEMPT_OK.format("register_metadata"),
        by=ATTEMPT_OK.format("register_metadata_later"),
    )
    runtime = tree["metaflow/runtime.py"]
    runtime.replace_statement(within="Task", find=SAVE_METADATA, by=f"{SAVE_METADATA}{HAS_BEGUN}")
    runtime.replace_statement(within="Worker.terminate", find=WAIT, by=f"{WAIT}\n{DISCARD}")
    tree.insert("test/unit/test_fewer_registrations.py")
