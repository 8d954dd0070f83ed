import pytest

from metaflow.metadata_provider import MetaDatum
from metaflow.metadata_provider.metadata import MetadataProvider
from metaflow.plugins.metadata_providers import service
from metaflow.plugins.metadata_providers.local import LocalMetadataProvider
from metaflow.plugins.metadata_providers.service import (
    ServiceException,
    ServiceMetadataProvider,
)
from metaflow.runtime import Worker

STEP = "/flows/Flow/runs/1/steps/work"
TASK = STEP + "/tasks/2"
SYSTEM = "user,runtime,script-name"


class Response:
    def __init__(self, status_code, answer):
        self.status_code, self.answer, self.text = status_code, answer, ""

    def json(self):
        return self.answer


class Session:
    """A metadata service; remembers its requests, and what they register."""

    def __init__(self):
        self.requests = []
        self.statuses = {}  # of a request, if it is not 200
        self.silent = False
        self.clock = 0

    def get(self, url, headers):
        return self.request("GET " + url, None)

    def post(self, url, headers, json, timeout=None):
        response = self.request("POST " + url, json)
        if self.silent:
            assert timeout is not None, "a silent service is waited for without end"
            self.clock += timeout
            raise OSError("timed out")
        return response

    def request(self, request, json):
        request = request.replace("http://service", "")
        if isinstance(json, list):
            request += " " + ",".join(each["field_name"] for each in json)
        self.requests.append(request)
        return Response(self.statuses.get(request, 200), {"task_id": 2})


@pytest.fixture
def session(mocker):
    session = Session()
    mocker.patch.object(ServiceMetadataProvider, "_session", session)
    mocker.patch.object(ServiceMetadataProvider, "_INFO", "http://service")
    return session


@pytest.fixture
def provider(mocker, session):
    mocker.patch.object(service, "SERVICE_URL", "http://service")
    register = mocker.patch("atexit.register")
    base, info = MetadataProvider, {"user": "me", "runtime": "dev"}
    mocker.patch.object(base, "_get_system_info_as_dict", return_value=info)
    mocker.patch.object(base, "_get_git_info_as_dict", return_value={})
    environment, flow = mocker.Mock(), mocker.Mock()
    environment.get_environment_info.return_value = {"script": "flow.py"}
    flow.name = "Flow"
    provider = ServiceMetadataProvider(environment, flow, None, None)
    provider.at_exit = register.call_args[0][0]
    return provider


def datum(field):
    return MetaDatum(field=field, value="", type=field, tags=[])


def test_a_step_is_created_once_and_its_tasks_in_a_request_each(provider, session):
    for _ in range(3):
        assert provider.new_task_id("1", "work") == 2
    assert session.requests == ["POST %s/step" % STEP] + ["POST %s/task" % STEP] * 3


def test_a_step_that_exists(provider, session):
    session.statuses["POST %s/step" % STEP] = 409
    assert provider.new_task_id("1", "work") == 2
    assert session.requests == ["POST %s/step" % STEP, "POST %s/task" % STEP]


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_step_that_cannot_be_created(provider, session, status):
    session.statuses["POST %s/step" % STEP] = status
    for _ in range(2):
        with pytest.raises(ServiceException, match="code %d" % status):
            provider.new_task_id("1", "work")
    assert session.requests == ["POST %s/step" % STEP] * 2


def test_a_task_sends_what_it_knows_together(provider, session):
    provider.register_task_id("1", "work", "2", 0)
    assert session.requests == []
    provider.register_metadata("1", "work", "2", [datum("attempt")])
    provider.register_metadata_later("1", "work", "2", [datum("attempt_ok")])
    provider.register_metadata("1", "work", "2", [datum("attempt-done")])
    provider.at_exit()
    assert session.requests == [
        "POST %s/metadata %s,attempt" % (TASK, SYSTEM),
        "POST %s/metadata attempt_ok,attempt-done" % TASK,
    ]


def test_a_task_with_a_name_is_registered_too(provider, session):
    session.statuses["GET %s/tasks/t-1" % STEP] = 404
    assert provider.register_task_id("1", "work", "t-1", 0)
    provider.at_exit()
    assert session.requests[2:] == [
        "POST %s/task" % STEP,
        "POST %s/metadata %s" % (TASK, SYSTEM),
    ]


def test_what_waits_is_sent_at_the_end(provider, session):
    provider.register_task_id("1", "work", "2", 0)
    provider.register_metadata_later("1", "work", "3", [datum("attempt_ok")])
    for _ in range(2):
        provider.at_exit()
    assert session.requests == [
        "POST %s/metadata %s" % (TASK, SYSTEM),
        "POST %s/tasks/3/metadata attempt_ok" % STEP,
    ]


def test_what_was_refused_is_not_sent_again(capsys, provider, session):
    request = "POST %s/metadata attempt_ok,attempt-done" % TASK
    session.statuses[request] = 500
    provider.register_metadata_later("1", "work", "2", [datum("attempt_ok")])
    with pytest.raises(ServiceException, match="code 500"):
        provider.register_metadata("1", "work", "2", [datum("attempt-done")])
    provider.at_exit()
    assert session.requests == [request]


def test_a_failure_at_the_end_is_told(capsys, provider, session):
    session.statuses["POST %s/metadata attempt_ok" % TASK] = 500
    provider.register_metadata_later("1", "work", "2", [datum("attempt_ok")])
    provider.at_exit()
    assert "could not be registered: code 500" in capsys.readouterr().err


def test_a_silent_service_is_waited_for_once_at_the_end(mocker, capsys, provider, session):
    session.silent = True
    mocker.patch.object(service.time, "time", lambda: session.clock)
    mocker.patch.object(service.time, "sleep")
    for task_id in ("2", "3"):
        provider.register_metadata_later("1", "work", task_id, [datum("attempt_ok")])
    provider.at_exit()
    assert session.requests == ["POST %s/metadata attempt_ok" % TASK]
    assert session.clock == 5
    told = capsys.readouterr().err
    assert "Metadata of task 1/work/2 could not be registered: timed out" in told
    assert "Metadata of task 1/work/3 could not be registered: no time is left" in told


@pytest.mark.parametrize("status", [503, None])
def test_at_the_end_it_is_tried_again(mocker, capsys, provider, session, status):
    request = "POST %s/metadata attempt_ok" % TASK
    session.statuses[request], session.silent = status, status is None

    def recover(seconds):
        session.statuses.clear()
        session.silent = False

    mocker.patch.object(service.time, "time", lambda: 0)
    mocker.patch.object(service.time, "sleep", recover)
    provider.register_metadata_later("1", "work", "2", [datum("attempt_ok")])
    provider.at_exit()
    assert session.requests == [request] * 2
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "returncode, has_begun, is_sent",
    [(0, True, False), (1, True, False), (-9, True, False), (-9, False, True)],
)
def test_the_scheduler_registers_tasks_that_did_not(
    mocker, provider, session, returncode, has_begun, is_sent
):
    task = mocker.Mock(run_id="1", step="work", metadata=provider)
    task.has_begun.return_value = has_begun
    task.task_id = str(provider.new_task_id("1", "work"))
    worker = mocker.Mock(task=task, _logs={})
    worker._proc.wait.return_value = returncode
    session.requests.clear()
    assert Worker.terminate(worker) == returncode
    provider.at_exit()
    expected = ["POST %s/metadata %s" % (TASK, SYSTEM)] if is_sent else []
    assert session.requests == expected


def test_other_providers_register_at_once(mocker):
    register = mocker.patch.object(LocalMetadataProvider, "register_metadata")
    provider = LocalMetadataProvider.__new__(LocalMetadataProvider)
    metadata = [datum("attempt_ok")]
    provider.register_metadata_later("1", "work", "2", metadata)
    register.assert_called_once_with("1", "work", "2", metadata)
    provider.discard_metadata("1", "work", "2")
