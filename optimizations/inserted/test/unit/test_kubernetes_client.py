import pytest

from metaflow.plugins.kubernetes.kube_utils import KubernetesException
from metaflow.plugins.kubernetes.kubernetes import Kubernetes
from metaflow.plugins.kubernetes.kubernetes_decorator import KubernetesDecorator


@pytest.fixture
def client(mocker):
    return mocker.patch(
        "metaflow.plugins.kubernetes.kubernetes_client.KubernetesClient"
    ).return_value


@pytest.fixture
def launcher(mocker):
    mocker.patch.object(Kubernetes, "_command", return_value=["true"])
    return Kubernetes(mocker.Mock(), mocker.Mock(), mocker.Mock())


def test_launcher_asks_the_client_for_a_job(client, launcher):
    launcher.create_job_object(*["x"] * 13)
    client.job.assert_called_once()


def test_launcher_asks_the_client_for_a_jobset(client, launcher):
    launcher.create_jobset(*["x"] * 13, step_cli="x", env={}, num_parallel=2)
    client.jobset.assert_called_once()


def test_decorator_refuses_a_local_datastore(mocker):
    local = mocker.Mock(TYPE="local")
    with pytest.raises(KubernetesException, match="--datastore=s3"):
        KubernetesDecorator().step_init(None, None, "start", [], None, local, None)
