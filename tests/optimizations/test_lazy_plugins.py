"""Imports deferred and plugins loaded late: nothing that a user can see has changed."""

import json
import textwrap

import pytest

from tests.optimizations.optimized_releases import NEWEST, both

# What `import metaflow` need not load, for most processes never use it.
UNUSED = (
    "asyncio",
    "importlib.metadata",
    "metaflow._vendor.yaml",
    "metaflow.plugins.argo.argo_workflows_decorator",
    "metaflow.plugins.aws.batch",
    "metaflow.plugins.azure",
    "metaflow.plugins.cards.card_modules.basic",
    "metaflow.plugins.kubernetes.kubernetes_client",
    "metaflow.plugins.kubernetes.kubernetes_decorator",
    "metaflow.plugins.pypi.conda_environment",
    "requests",
)


@pytest.mark.parametrize("name", UNUSED)
def test_import_metaflow_does_not_load(python, name):
    script = f"import sys, metaflow; print({name!r} in sys.modules)"
    assert python(NEWEST, "before", script) == "True\n"
    assert python(NEWEST, "after", script) == "False\n"


NAMES = """
    import json, sys, types
    import metaflow
    import {module} as looked_at

    def kind(value):
        if isinstance(value, types.ModuleType):
            return "module"
        if callable(value) and not isinstance(value, type):
            return "function"
        return type(value).__name__

    ignored = {{"lazy_loading", "LazyList", "LazyDict", "lazy_plugins", "annotations"}}
    names = {{name: kind(value) for name, value in vars(looked_at).items() if name not in ignored}}
    print(json.dumps(names))
"""


def test_every_name_of_metaflow_is_there_as_before(python):
    before, after = (
        json.loads(python(NEWEST, side, NAMES.format(module="metaflow")))
        for side in ("before", "after")
    )
    # Modules that are loaded when they are asked for.
    later = {name for name in before if name not in after}
    assert later == {"cli_args", "event_logger", "monitor", "sidecar"}
    assert {name: after[name] for name in before if name not in later} == {
        name: kind for name, kind in before.items() if name not in later
    }
    both(
        python,
        NEWEST,
        f"import metaflow; print([getattr(metaflow, x).__name__ for x in {sorted(later)}])",
    )


def test_every_name_of_the_plugins_can_be_read_as_before(python):
    before = json.loads(python(NEWEST, "before", NAMES.format(module="metaflow.plugins")))
    public = sorted(name for name in before if not name.startswith("_"))
    script = f"""
        import metaflow.plugins
        for name in {public!r}:
            value = getattr(metaflow.plugins, name)
            if isinstance(value, (list, dict)):
                kinds = [kind for kind in (list, dict) if isinstance(value, kind)]
                print(name, sorted(map(str, value)), kinds)
            else:
                print(name, getattr(value, "__qualname__", getattr(value, "__name__", "")))
        """
    assert python(NEWEST, "after", script) == python(NEWEST, "before", script)


def test_star_import_help_and_pickles_work_as_before(python):
    script = """
        import functools, inspect, io, pickle, pydoc
        from metaflow import *
        import metaflow
        print(isinstance(metaflow.retry, functools.partial), metaflow.retry.args[0].__name__)
        print(pickle.loads(pickle.dumps(metaflow.retry)).args == metaflow.retry.args)
        print(sorted(inspect.signature(metaflow.retry).parameters))
        print("Markdown" in pydoc.render_doc(metaflow.cards), "Markdown" in vars(metaflow.cards))
        print(sorted(name for name in globals() if name in ("retry", "cards", "S3", "conda_base")))
        print("project" in pydoc.render_doc(metaflow.project))
        """
    assert both(python, NEWEST, script).startswith("True RetryDecorator\nTrue\n")


def test_lists_of_plugins_can_be_extended_replaced_and_patched(python):
    script = """
        from unittest import mock
        import metaflow.plugins as plugins
        class Mine:
            TYPE = name = type = "mine"
        plugins.DATASTORES.append(Mine)
        print(sorted(each.TYPE for each in plugins.DATASTORES))
        plugins.CARDS.append(Mine)
        from metaflow.plugins.cards.component_serializer import get_card_class
        print(get_card_class("mine").__name__, get_card_class("blank").__name__)
        with mock.patch.dict(plugins.SIDECARS, mine=Mine):
            print(sorted(plugins.SIDECARS))
        print(sorted(plugins.SIDECARS))
        with mock.patch("metaflow.plugins.STEP_DECORATORS", [Mine]):
            print([each.name for each in plugins.STEP_DECORATORS])
        print(len(plugins.STEP_DECORATORS), len(plugins.ENVIRONMENTS + [Mine]))
        print(len([Mine] + plugins.ENVIRONMENTS))
        """
    both(python, NEWEST, script)


def test_a_plugin_that_does_not_exist_is_reported_at_import(python, tmp_path):
    (tmp_path / "home" / ".metaflowconfig").mkdir()
    settings = {"METAFLOW_ENABLED_STEP_DECORATOR": ["retry", "nonesuch"]}
    (tmp_path / "home" / ".metaflowconfig" / "config.json").write_text(json.dumps(settings))
    script = """
        try:
            import metaflow
        except ValueError as error:
            print(error)
        """
    assert "plugin 'nonesuch' but no such plugin is available" in both(python, NEWEST, script)


FLOW = """
    import sys
    from metaflow import FlowSpec, retry, step
    class Flow(FlowSpec):
        @retry(times=2)
        @step
        def start(self):
            self.next(self.end)
        @step
        def end(self):
            pass
    print([deco.name for deco in Flow.start.decorators])
    print("metaflow.plugins.retry_decorator" in sys.modules)
    print("metaflow.plugins.catch_decorator" in sys.modules)
"""


def test_only_the_used_decorator_is_loaded(python, tmp_path):
    # metaflow reads a flow's source, so there must be a file.
    (tmp_path / "flow.py").write_text(textwrap.dedent(FLOW))
    assert python(NEWEST, "before", "import flow") == "['retry']\nTrue\nTrue\n"
    assert python(NEWEST, "after", "import flow") == "['retry']\nTrue\nFalse\n"


def test_threads_use_decorators_and_lists_at_the_same_moment(python):
    script = """
        import threading
        import metaflow
        from metaflow import plugins
        ready, seen = threading.Barrier(6), []
        def look():
            ready.wait()
            decorators = [getattr(metaflow, name) for name in ("retry", "catch", "project")]
            kinds = [decorator.args[0].__name__ for decorator in decorators]
            sizes = [len(plugins.STEP_DECORATORS), len(plugins.SIDECARS), len(plugins.CARDS)]
            seen.append((kinds, sizes, None in plugins.SIDECARS, metaflow.cards.Markdown.__name__))
        threads = [threading.Thread(target=look, daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        print(len(seen), all(each == seen[0] for each in seen), seen[0])
        """
    assert both(python, NEWEST, script).startswith("6 True")
