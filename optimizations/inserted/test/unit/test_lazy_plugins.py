import json
import os
import pickle
import subprocess
import sys
import threading

import pytest

import metaflow
import metaflow.plugins
from metaflow import retry
from metaflow.extension_support.plugins import get_plugin_name


def run(script, **env):
    return subprocess.run(
        [sys.executable, "-c", script],
        env=dict(os.environ, **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


@pytest.mark.parametrize("use", ["retry", "retry(times=2)"])
def test_decorator_loads_its_own_class_only(use):
    script = """
import sys, metaflow
loaded = [n for n in sys.modules if n.endswith("_decorator")]
@metaflow.%s
@metaflow.step
def start(self):
    pass
print([type(d).__name__ for d in start.decorators])
print("metaflow.plugins.retry_decorator" in loaded)
print("metaflow.plugins.retry_decorator" in sys.modules)
print("metaflow.plugins.catch_decorator" in sys.modules)
"""
    assert run(script % use).stdout.split("\n")[:4] == [
        "['RetryDecorator']",
        "False",
        "True",
        "False",
    ]


@pytest.mark.parametrize("name", sorted(metaflow.plugins._PLUGIN_LISTS))
def test_lists_are_plain_and_made_once(name):
    plugins = getattr(metaflow.plugins, name)
    assert type(plugins) is (dict if "SIDECAR" in name else list)
    assert plugins and getattr(metaflow.plugins, name) is plugins
    assert name in dir(metaflow.plugins)
    if isinstance(plugins, list):
        category = metaflow.plugins._PLUGIN_LISTS[name]
        names = [get_plugin_name(category, plugin) for plugin in plugins]
        assert len(set(names)) == len(names)


def test_sidecars_include_those_of_logging_and_monitoring():
    sidecars = metaflow.plugins.SIDECARS
    assert set(sidecars) >= set(metaflow.plugins.LOGGING_SIDECARS)
    assert set(sidecars) >= set(metaflow.plugins.MONITOR_SIDECARS)


def test_every_decorator_is_an_attribute_of_metaflow():
    plugins = metaflow.plugins
    for decorator in plugins.STEP_DECORATORS + plugins.FLOW_DECORATORS:
        assert decorator.name in dir(metaflow) and decorator.name in metaflow.__all__
        assert getattr(metaflow, decorator.name).args == (decorator,)


def test_lists_can_be_replaced_before_they_are_made():
    script = """
import metaflow.plugins
metaflow.plugins.DATASTORES = ["mine"]
from metaflow.plugins import DATASTORES
print(DATASTORES)
"""
    assert run(script).stdout == "['mine']\n"


def test_threads_see_one_list(mocker):
    mocker.patch.dict(vars(metaflow.plugins))
    vars(metaflow.plugins).pop("STEP_DECORATORS", None)
    ready, seen = threading.Barrier(8), []

    def look():
        ready.wait()
        seen.append(metaflow.plugins.STEP_DECORATORS)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8 and all(each is seen[0] for each in seen)


def test_enabled_plugin_that_does_not_exist_fails_the_import(tmp_path):
    config = {"METAFLOW_ENABLED_STEP_DECORATOR": ["retry", "nonesuch"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    failed = run("import metaflow", METAFLOW_HOME=str(tmp_path))
    assert failed.returncode != 0
    assert "requested step_decorator plugin 'nonesuch'" in failed.stderr


def test_decorator_of_an_extension_goes_before_a_module(tmp_path):
    plugins = tmp_path / "metaflow_extensions" / "ours" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "mfextinit_ours.py").write_text(
        'STEP_DECORATORS_DESC = [("debug", ".ours.DebugDecorator")]\n'
    )
    (plugins / "ours.py").write_text(
        "from metaflow.decorators import StepDecorator\n\n\n"
        'class DebugDecorator(StepDecorator):\n    name = "debug"\n'
    )
    script = "import metaflow; print(metaflow.debug.args[0].name)"
    path = os.pathsep.join([str(tmp_path)] + sys.path)
    assert run(script, PYTHONPATH=path).stdout == "debug\n"


def test_decorator_is_made_once_and_can_be_pickled():
    assert metaflow.retry is retry
    assert pickle.loads(pickle.dumps(retry)).args == retry.args
