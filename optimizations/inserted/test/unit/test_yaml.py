from metaflow.plugins.cards.card_modules.json_viewer import YAMLViewer
from metaflow.plugins.kubernetes.kubernetes_jobsets import KubernetesArgoJobSet
from metaflow.plugins.parsers import yaml_parser


def test_yaml_configuration():
    assert yaml_parser("a: [1, two, null]") == {"a": [1, "two", None]}


def test_yaml_in_a_card():
    assert YAMLViewer({"a": 1}).render()["yaml_string"] == "a: 1\n"
    assert YAMLViewer('{"a": [1]}').render()["yaml_string"] == "a:\n- 1\n"


def test_yaml_of_a_jobset(mocker):
    sdk = mocker.Mock()
    workers = "{{=asInt(inputs.parameters.workerCount)}}"
    sdk.ApiClient().sanitize_for_serialization.return_value = {"replicas": workers}
    jobset = KubernetesArgoJobSet(sdk, name="name", namespace="namespace")
    mocker.patch.object(jobset.control, "dump")
    mocker.patch.object(jobset.worker, "dump")
    assert jobset.dump() == "replicas: %s\n" % workers
