"""Lazy modules: to everyone who looks, and to every thread, the module itself."""

import importlib
import inspect
import pickle
import subprocess
import sys
import textwrap
import threading
import types
from unittest import mock

import pytest

from optimizations.inserted.metaflow.lazy_loading import lazy_module
from tests.optimizations.threads import run_threads


def test_a_lazy_module_is_executed_when_something_of_it_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "somewhere.py").write_text("import sys; sys.executed.append(1)\nx = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "executed", [], raising=False)
    monkeypatch.delitem(sys.modules, "somewhere", raising=False)
    module = lazy_module("somewhere")
    assert not sys.executed
    assert "x" in vars(module) and sys.executed == [1]
    assert lazy_module("somewhere") is module


def test_an_import_finds_the_lazy_module(tmp_path):
    (tmp_path / "somewhere.py").write_text("x = 1\n")
    script = (
        "from optimizations.inserted.metaflow.lazy_loading import lazy_module\n"
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "module = lazy_module('somewhere')\n"
        "from somewhere import x\n"
        "import somewhere\n"
        "print(x, somewhere is module, type(module).__name__)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert finished.stdout == "1 True module\n"


@pytest.fixture
def somewhere(tmp_path, monkeypatch):
    """Write modules that nothing else knows; they are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "told", {}, raising=False)

    def write(**sources):
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
            # So that it is taken away in the end.
            monkeypatch.setitem(sys.modules, name, None)
            del sys.modules[name]

    return write


def test_threads_see_all_of_a_lazy_module(somewhere):
    somewhere(somewhere="import time; first = 1; time.sleep(0.3); last = 2\n")
    module = lazy_module("somewhere")
    ready, seen = threading.Barrier(4), []

    def look():
        ready.wait()
        seen.append((getattr(module, "first", None), getattr(module, "last", None)))

    run_threads(look, look, look, look)
    assert seen == [(1, 2)] * 4


def test_threads_that_wait_for_each_others_modules_go_on(somewhere):
    somewhere(
        somewhere="""
            import sys
            early = 1
            sys.told["executing"].set()
            sys.told["importing"].wait(30)
            import elsewhere
            """,
        elsewhere="""
            import sys
            sys.told["importing"].set()
            sys.told["executing"].wait(30)
            import time
            time.sleep(0.2)
            from somewhere import early
            """,
    )
    sys.told.update(executing=threading.Event(), importing=threading.Event())
    module = lazy_module("somewhere")

    def execute():
        assert module.elsewhere.early == 1

    run_threads(execute, lambda: importlib.import_module("elsewhere"))
    assert sys.modules["elsewhere"].early == 1
    assert type(module) is types.ModuleType


def test_a_lazy_module_may_ask_for_itself(somewhere):
    somewhere(somewhere="early = 1\nimport somewhere\nfrom somewhere import early as again\n")
    module = lazy_module("somewhere")
    assert module.again == 1 and module.somewhere is module


def test_a_lazy_module_that_fails_is_tried_again(somewhere):
    somewhere(somewhere="import sys\nif not sys.told: 1 / 0\nlast = 2\n")
    module = lazy_module("somewhere")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            module.last  # noqa: B018
    with pytest.raises(ZeroDivisionError):
        from somewhere import last
    sys.told["better"] = True
    from somewhere import last

    assert module.last == last == 2


USES = {
    "set": lambda module: (setattr(module, "x", 5), module.x),
    "deleted": lambda module: (delattr(module, "x"), hasattr(module, "x")),
    "named": lambda module: "f" in dir(module) and "x" in vars(module),
    "kind": lambda module: isinstance(module, types.ModuleType),
    "source": lambda module: (inspect.getsource(module), inspect.getsource(module.f)),
    "pickled": lambda module: pickle.loads(pickle.dumps(module.f)) is module.f,
    "reloaded": lambda module: (importlib.reload(module) is module, module.x),
    "missing": lambda module: (module.made_up, hasattr(module, "nonesuch")),
    "patched": lambda module: _patched_module(module),
    "loader": lambda module: (type(module.__loader__), module.__spec__.origin, module.__file__),
}


def _patched_module(module):
    with mock.patch("somewhere.x", 7):
        inside = module.f()
    return inside, module.f()


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_lazy_module_is_the_module_to_every_first_use(somewhere, use):
    source = """
        x = 1
        def f():
            return x
        def __getattr__(name):
            if name == "made_up":
                return 3
            raise AttributeError(name)
        """
    somewhere(somewhere=source)
    expected = use(importlib.import_module("somewhere"))
    del sys.modules["somewhere"]
    assert use(lazy_module("somewhere")) == expected
