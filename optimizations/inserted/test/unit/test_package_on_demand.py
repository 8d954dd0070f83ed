import threading

import pytest

from metaflow import FlowSpec, retry, step
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.package import MetaflowPackage


class PlainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


class DecoratedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @retry
    @step
    def end(self):
        pass


@pytest.fixture
def make_package(mocker):
    made = mocker.patch.object(MetaflowPackage, "_make", return_value=b"packed")
    mocker.patch.object(MetaflowPackage, "_user_code_tuples", return_value=[])

    def make(flow_cls, environment_cls=MetaflowEnvironment, flow_datastore=None):
        flow = flow_cls(use_cli=False)
        environment = environment_cls(flow)
        package = MetaflowPackage(
            flow, environment, print, flow_datastore=flow_datastore
        )
        return package, made

    return make


def test_package_is_made_once_when_it_is_asked_for(make_package):
    package, made = make_package(PlainFlow)
    assert not package._create_thread.is_alive() and not made.called
    asking = [threading.Thread(target=package.package_url) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert package.blob == b"packed"
    assert made.call_count == 1


def test_package_of_a_flow_with_a_decorator_is_made_at_once(make_package):
    package, made = make_package(DecoratedFlow)
    package._create_thread.join()
    assert made.call_count == 1


def test_package_of_another_environment_is_made_at_once(make_package):
    class OtherEnvironment(MetaflowEnvironment):
        TYPE = "other"

    package, made = make_package(PlainFlow, OtherEnvironment)
    package._create_thread.join()
    assert made.call_count == 1


def test_package_to_upload_is_made_at_once(make_package, mocker):
    datastore = mocker.Mock()
    datastore.save_data.return_value = [("url", "sha")]
    package, made = make_package(PlainFlow, flow_datastore=datastore)
    package._create_thread.join()
    assert made.call_count == 1
    assert package.package_sha() == "sha"
