import pytest

from metaflow.client import core
from metaflow.client.core import Run, Step, Task
from metaflow.datastore import FlowDataStore
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.plugins.datastores.local_storage import LocalStorage
from metaflow.plugins.metadata_providers.local import LocalMetadataProvider
from metaflow.plugins.metadata_providers.service import (
    ServiceException,
    ServiceMetadataProvider,
)

STEP = "/flows/Flow/runs/1/steps/work"
COMMON = {"flow_id": "Flow", "run_number": "1", "ts_epoch": 0, "tags": []}


class Service:
    """A metadata service, and a datastore in which an artifact's hash is its repr."""

    def __init__(self):
        self.tasks = {}  # the artifacts of each task of a step, by step
        self.earlier = {}  # artifacts of earlier attempts
        self.requests = []
        self.refused = {}  # path: status

    def __call__(self, monitor, path, method):
        self.requests.append(path)
        answer = self.answer(*path.split("/")[6:])
        status = self.refused.get(path, 404 if answer is None else 200)
        if status != 200:
            raise ServiceException("code %d" % status, status)
        return answer, True

    def answer(self, step=None, kind=None, task=None, below=None, name=None):
        if step is None:
            return COMMON
        if step not in self.tasks:
            return None
        if kind is None:
            return dict(COMMON, step_name=step)
        tasks = range(len(self.tasks[step])) if task is None else [int(task)]
        if kind == "tasks" and task is None:
            return [dict(COMMON, task_id=each) for each in tasks]
        if below == "metadata":
            return []
        known = dict(self.earlier) if name else {}
        found = [
            dict(COMMON, task_id=each, name=key, sha=repr(value), **LOCATION)
            for each in tasks
            for key, value in dict(known, **self.tasks[step][each]).items()
        ]
        if name is None:
            return found
        return next((each for each in found if each["name"] == name), None)

    def get_artifact(self, ds_type, location, meta, *path):
        return eval(meta["objects"][path[-1]])

    def count(self):
        """Return the number of requests since this was last asked."""
        number = len(self.requests)
        self.requests.clear()
        return number


LOCATION = {"ds_type": "local", "location": ":root:", "content_type": ""}


def ended(ok=True, **artifacts):
    return dict(_task_ok=ok, _success=ok, **artifacts)


@pytest.fixture
def service(mocker):
    service = Service()
    mocker.patch.object(ServiceMetadataProvider, "_request", service)
    mocker.patch.object(core, "current_metadata", ServiceMetadataProvider)
    mocker.patch.object(core, "current_namespace", None)
    mocker.patch.object(core, "filecache", service)
    mocker.patch.object(core, "_TRUE", ["True"])
    return service


def tasks_of(service, *tasks):
    service.tasks["work"] = list(tasks)
    tasks = sorted(Step("Flow/1/work"), key=lambda task: int(task.id))
    assert service.count() == 2
    return tasks


def test_many_tasks_are_asked_for_together(service):
    tasks = tasks_of(service, *[ended(value=number) for number in range(50)])
    assert [task.data.value for task in tasks] == list(range(50))
    assert service.count() == 3
    assert all(task.successful and task.finished for task in tasks)
    assert [task["value"].data for task in tasks] == list(range(50))
    assert service.count() == 0


def test_threads_see_all_artifacts_of_a_task_or_none(mocker):
    artifacts = [dict(task_id="1", name=name) for name in ("_task_ok", "value")]

    def answer():
        for artifact in artifacts:
            yield artifact
            seen.append(siblings.pop("1"))  # As another thread would

    step, seen = mocker.Mock(path_components=[]), []
    step._metaflow.metadata.get_object.side_effect = [answer(), []]
    siblings = core._ArtifactsOfStep(step, 2)
    siblings._ask_alone = 0
    seen.append(siblings.pop("1"))
    assert seen == [[], [], artifacts]


def test_one_of_many_tasks_asks_alone(service):
    tasks = tasks_of(service, *[ended(value=number) for number in range(50)])
    assert tasks[7].data.value == 7
    assert service.requests == [STEP + "/tasks/7/artifacts"]


def test_wide_steps_are_not_asked_for_at_once(service):
    tasks = tasks_of(service, *[ended() for _ in range(1001)])
    assert all(task.successful for task in tasks)
    assert service.count() == 1001


def test_data_is_as_it_was(service):
    (task,) = tasks_of(service, ended(value=1))
    service.earlier = {"value": 0, "earlier": 0}
    for _ in range(2):
        assert set(vars(task.data)["_artifacts"]) == {"value"}
        assert "value" in task.data and "_task_ok" not in task.data
        assert "value" in task and "_task_ok" in task and "other" not in task
        assert task.artifacts.value.pathspec == "Flow/1/work/0/value"
        assert task["value"].data == 1 and task["earlier"].data == 0


@pytest.mark.parametrize("first", [{}, {"value": 0}, ended(ok=False, value=0)])
def test_a_task_that_has_not_ended_well_is_asked_again(service, first):
    tasks = tasks_of(service, ended(value=1), ended(value=1), first)
    assert [task.successful for task in tasks] == [True, True, False]
    assert not tasks[2].finished and "later" not in tasks[2].data
    service.tasks["work"][2] = ended(value=2, later=3)
    service.count()
    assert tasks[2].finished and tasks[2].successful and tasks[2].data.later == 3
    assert service.count() == 1


@pytest.mark.parametrize("status", [404, 413, 429, 500])
def test_a_service_that_cannot_list_a_step(service, status):
    service.refused[STEP + "/artifacts"] = status
    tasks = tasks_of(service, *[ended(value=number) for number in range(3)])
    assert [task.data.value for task in tasks] == [0, 1, 2]
    assert service.count() == 4


@pytest.mark.parametrize("status", [429, 500])
def test_the_error_of_the_service_is_raised(service, status):
    tasks = tasks_of(service, ended(), ended())
    for path in ("/artifacts", "/tasks/0/artifacts", "/tasks/1/artifacts"):
        service.refused[STEP + path] = status
    for task in tasks:
        with pytest.raises(ServiceException, match="code %d" % status):
            task.successful
    service.refused.clear()
    assert all(task.successful for task in tasks)


@pytest.mark.parametrize(
    "provider, attempt", [(LocalMetadataProvider, None), (ServiceMetadataProvider, 0)]
)
def test_other_providers_and_attempts_are_asked_as_before(mocker, provider, attempt):
    mocker.patch.object(core, "current_metadata", provider)
    mocker.patch.object(core, "current_namespace", None)
    get = mocker.patch.object(provider, "get_object")
    get.return_value = dict(COMMON, task_id="2")
    task = Task("Flow/1/work/2", attempt=attempt)
    get.return_value = None
    assert not task.successful and not list(task)
    path = (attempt, "Flow", "1", "work", "2")
    one = mocker.call("artifact", "self", None, *path, "_success")
    assert get.mock_calls[1:] == [one, mocker.call("task", "artifact", {}, *path)]


def state(run):
    return run.successful, run.finished, run.finished_at is not None


def test_a_run_keeps_its_end_task_when_that_has_ended_well(service):
    service.tasks["_parameters"] = [{}]
    run = Run("Flow/1")
    assert state(run) == (False, False, False) and run.data is None
    service.tasks["end"] = [{}]
    assert state(run) == (False, False, False)
    service.tasks["end"] = [ended(value=1)]
    run = Run("Flow/1")
    service.count()
    assert state(run) == (True, True, True) and run.data.value == 1
    assert service.count() == 6


def test_tags_of_the_end_task_are_those_of_the_run(mocker, service):
    service.tasks = {"_parameters": [{}], "end": [ended()]}
    run = Run("Flow/1")
    assert run.successful
    mutate = "mutate_user_tags_for_run"
    mocker.patch.object(ServiceMetadataProvider, mutate, return_value=["new"])
    mocker.patch.dict(COMMON, tags=["new"])
    run.add_tag("new")
    assert run.end_task.tags == {"new"}


def test_task_ok_is_registered_last(mocker, tmp_path):
    metadata = mocker.Mock()
    store = FlowDataStore(
        "Flow",
        MetaflowEnvironment(None),
        metadata=metadata,
        storage_impl=LocalStorage,
        ds_root=str(tmp_path),
    ).get_task_datastore("1", "work", "2", attempt=0, mode="w")
    store.init_task()
    store.save_artifacts([("x", 1), ("_task_ok", True), ("a", False), ("B", 3)])
    store.done()
    (call,) = metadata.register_data_artifacts.call_args_list
    artifacts = call[0][-1]
    assert [each.name for each in artifacts] == ["x", "a", "B", "_task_ok"]
    assert [each.sha in core._TRUE for each in artifacts] == [False] * 3 + [True]
