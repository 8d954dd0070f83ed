"""Fetch the artifacts of a step's tasks in one metadata request.

Reading one artifact of each task of a foreach sends a request per task, one after the other; so
does asking whether they were successful. Root cause: a `Task` asks the service whenever one of its
artifacts is needed, and shares nothing with its siblings. A `Run` looks its end task up anew for
each property.

What changes: where metadata comes from the service,

- the tasks of one listing of a step share their artifacts. After the first ones (one, and one more
  per 50 tasks) have asked alone, one request fetches those of all tasks;
- a task asks for all its artifacts at once. If it has ended well (its `_task_ok` is true), they do
  not change any more, and it keeps them. A task that runs or has failed
  asks each time, and once more for an artifact that is not among them;
- a run keeps its end task once that has ended well.

Whether `_task_ok` is true is told by its hash, so nothing is read from the datastore.

Reproduce: count the requests of this. Before: two, and one per task. After: five, for 50 tasks.

    python -c "from metaflow import Step; print([t.data.x for t in Step('MyFlow/1/my_step')])"

Could fail:

- A task is tried again after it was listed: while it runs, `_task_ok` is missing, and false if it
  failed; nothing is kept.
- The service answers while a task registers its artifacts one by one: it now registers `_task_ok`
  last. A task of an older metaflow does not; asked in just that moment, its `Task` object would
  keep the artifacts registered so far.
- An artifact that only an earlier attempt has: the service is asked for it, as before.
- The service does not list the artifacts of a step (an old one, a gateway that limits answers, or
  one that is overloaded or gone): each task asks alone, and that ends as before. After a 503, the
  list is asked for five times first, as every request is. The tasks of steps with more than 1000 of
  them ask alone, too.
- Threads read the data of a step's tasks: each sees all artifacts of a task, or asks alone.
- A task ends well, then its machine fails, so that it runs again: a `Task` object that was asked in
  between stays with the attempt that it saw. A new one does not.
- Tags of the run change: those of kept artifacts are as old as the task's own.

To go back: revert the commit. Nothing is stored.

Price: the first question about a task fetches the descriptions of all its artifacts, not of one.
Where keys are not SHA1, nothing is kept, and a listing costs one request more.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("service.Reading.time_read(data of 50 tasks)", "data of 50 tasks, from a service"),
    Claim("service.Reading.time_read(success of 50 tasks)", "success of 50 tasks, from a service"),
    Claim("service.Reading.time_read(state of a run)", "state of a run, from a service"),
)
TARGET = Target(
    "a client asks the service for each task and each property anew",
    claimed="metaflow #2942 and #3320",
    case="service.Reading.time_read(data of 50 tasks)",
    at_least=5,
    reported=True,
)

ITER_FILTER = "def _iter_filter(self, x):\n    return True\n"
FETCH_CHILDREN = """
unfiltered_children = self._metaflow.metadata.get_object(
    self._NAME,
    _CLASSES[self._CHILD_CLASS]._NAME,
    query_filter,
    self._attempt,
    *self.path_components,
)
"""
GET_CHILDREN = """
def _get_children(self, query_filter):
    return self._metaflow.metadata.get_object(
        self._NAME,
        _CLASSES[self._CHILD_CLASS]._NAME,
        query_filter,
        self._attempt,
        *self.path_components,
    )
"""
SIBLINGS = """
class _ArtifactsOfStep(object):
    # The artifacts of a step's tasks, shared by the tasks of one listing. One request
    # fetches all of them, after a few tasks have asked alone
    def __init__(self, step, num_tasks):
        self._step = step
        self._ask_alone = 1 + num_tasks // 50
        self._by_task = None

    def pop(self, task_id):
        if self._ask_alone > 0:
            self._ask_alone -= 1
            return []
        if self._by_task is None:
            by_task = {}
            try:
                artifacts = self._step._metaflow.metadata.get_object(
                    "step", "artifact", None, None, *self._step.path_components
                )
            except Exception:
                artifacts = None  # Each task asks alone
            for artifact in artifacts or []:
                by_task.setdefault(str(artifact["task_id"]), []).append(artifact)
            self._by_task = by_task  # Only now: other threads may read it
        return self._by_task.pop(task_id, [])
"""
KEEP_ARTIFACTS = """
_CHILD_CLASS = "artifact"

_siblings = None
_artifacts = None  # Kept once the task has ended well

def _may_keep_artifacts(self):
    return self._attempt is None and self._metaflow.metadata.TYPE == "service"

@staticmethod
def _ended_well(artifacts):
    return any(a["name"] == "_task_ok" and a["sha"] in _TRUE for a in artifacts)

def _get_children(self, query_filter):
    if not self._may_keep_artifacts():
        return super(Task, self)._get_children(query_filter)
    artifacts = self._artifacts
    if artifacts is None:
        artifacts = self._siblings.pop(self.id) if self._siblings else []
        if not self._ended_well(artifacts):
            artifacts = super(Task, self)._get_children(None) or []
        if self._ended_well(artifacts):
            self._artifacts = artifacts
    return self._metaflow.metadata._apply_filter(artifacts, query_filter)

def _get_child(self, id):
    if self._may_keep_artifacts():
        artifacts = self._get_children(None)
        for artifact in artifacts:
            if artifact["name"] == id:
                return artifact
        if not artifacts:
            return None
    # An earlier attempt may have it
    return super(Task, self)._get_child(id)
"""
LIST_TASKS = "for t in super(Step, self).__iter__():\n    yield t\n"
SHARE_ARTIFACTS = """
tasks = list(super(Step, self).__iter__())
if 1 < len(tasks) <= 1000:
    siblings = _ArtifactsOfStep(self, len(tasks))
    for t in tasks:
        t._siblings = siblings
for t in tasks:
    yield t
"""
FIND_END_TASK = """
try:
    _, end_step_name = self._graph_endpoints
    end_step = self[end_step_name]
except KeyError:
    return None
"""
KNOW_END_TASK = f"""
if self._end_task is not None and self._end_task._artifacts is not None:
    return self._end_task
{FIND_END_TASK}
"""
REFRESH_TAGS = "self._tags = frozenset([*self._user_tags, *self._system_tags])"
REGISTER = """
self._metadata.register_data_artifacts(
    self.run_id, self.step_name, self.task_id, self._attempt, artifacts
)
"""
SORT = """
# Last, because it tells a client that these are all artifacts
artifacts.sort(key=lambda artifact: artifact.name == "_task_ok")
"""


def apply(tree: SourceTree) -> None:
    """Let tasks keep and share their artifacts, and a run its end task."""
    core = tree["metaflow/client/core.py"]
    core.replace_statement(
        within="MetaflowObject.__iter__",
        find=FETCH_CHILDREN,
        by="unfiltered_children = self._get_children(query_filter)",
    )
    core.replace_statement(
        within="MetaflowObject", find=ITER_FILTER, by=f"{GET_CHILDREN}\n{ITER_FILTER}"
    )
    core.replace_statement(within="Task", find='_CHILD_CLASS = "artifact"', by=KEEP_ARTIFACTS)
    core.replace_statement(within="Step.__iter__", find=LIST_TASKS, by=SHARE_ARTIFACTS)
    core.add_definition(SIBLINGS, before="Step")
    core.replace_statement(
        within=None,
        find="filecache = None",
        by="""
        filecache = None
        # The hashes of an artifact that is true, as this and older versions pickle it
        _TRUE = [sha1(pickle.dumps(True, protocol=p)).hexdigest() for p in (2, 4)]
        """,
    )
    core.add_import("from hashlib import sha1")
    child = '_CHILD_CLASS = "step"'
    core.replace_statement(within="Run", find=child, by=f"{child}\n\n_end_task = None")
    core.replace_statement(within="Run.end_task", find=FIND_END_TASK, by=KNOW_END_TASK)
    core.replace_statement(
        within="Run.end_task",
        find="return end_step.task",
        by="self._end_task = end_step.task\nreturn self._end_task",
    )
    core.replace_statement(
        within="Run.replace_tags", find=REFRESH_TAGS, by=f"{REFRESH_TAGS}\nself._end_task = None"
    )
    tree["metaflow/datastore/task_datastore.py"].replace_statement(
        within="TaskDataStore.done", find=REGISTER, by=f"{SORT}{REGISTER}"
    )
    tree.insert("test/unit/test_artifacts_in_one_request.py")
