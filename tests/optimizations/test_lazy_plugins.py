"""Cards and plugins loaded late: what a user finds in metaflow is what was there before."""

import json

import pytest

from tests.optimizations.optimized_releases import NEWEST, both

NAMES = """
    import json, sys, types
    import {module} as looked_at

    def kind(value):
        if isinstance(value, types.ModuleType):
            return "module"
        if callable(value) and not isinstance(value, type):
            return "function"
        return type(value).__name__

    public = [name for name in dir(looked_at) if not name.startswith("_")]
    print(json.dumps({{name: kind(getattr(looked_at, name)) for name in public}}))
"""
# Loaded by plugins alone; an import statement finds them as before.
MODULES = {"event_logger", "monitor", "sidecar"}


@pytest.mark.parametrize("module", ["metaflow", "metaflow.plugins"])
def test_every_name_is_there_as_before_but_for_the_price(python, module):
    before, after = (
        json.loads(python(NEWEST, side, NAMES.format(module=module)))
        for side in ("before", "after")
    )
    lost = {name for name in before if name not in after}
    submodules = {name for name in lost if before[name] == "module"}
    cards = {name for name in lost if name.endswith(("Card", "CARDS", "CardJSON", "Card2"))}
    if module == "metaflow":
        assert lost <= MODULES
    else:
        assert lost == submodules | cards
    assert {name: after[name] for name in before if name not in lost} == {
        name: kind for name, kind in before.items() if name not in lost
    }
    imported = "\n".join(
        f"import {module}.{name}; print({module}.{name}.__name__)"
        for name in sorted(submodules - {"sys"})
    )
    both(python, NEWEST, imported)


def test_the_lists_hold_the_same_plugins(python):
    script = """
        import metaflow.plugins as plugins
        for name in sorted(name for name in dir(plugins) if name.isupper()):
            value = getattr(plugins, name)
            if name != "MF_EXTERNAL_CARDS" and not name.startswith("_"):
                print(name, type(value).__name__, sorted(map(str, value)))
        """
    assert both(python, NEWEST, script).count("_DECORATORS list") == 3


def test_star_import_and_help_name_the_same(python):
    script = f"""
        import pydoc
        import metaflow
        from metaflow import *
        print(sorted(set(globals()) - {MODULES!r}))
        print("Markdown" in pydoc.render_doc(metaflow.cards), "Markdown" in vars(metaflow.cards))
        """
    assert "'cards'" in both(python, NEWEST, script)


def test_what_is_appended_to_a_list_is_found(python):
    script = """
        from unittest import mock
        import metaflow.plugins as plugins
        class Mine:
            TYPE = name = type = "mine"
        plugins.CARDS.append(Mine)
        from metaflow.plugins.cards.component_serializer import get_card_class
        print(get_card_class("mine").__name__, get_card_class("blank").__name__)
        with mock.patch.dict(plugins.SIDECARS, mine=Mine):
            print(sorted(plugins.SIDECARS))
        print(sorted(plugins.SIDECARS))
        with mock.patch("metaflow.plugins.STEP_DECORATORS", [Mine]):
            print([each.name for each in plugins.STEP_DECORATORS])
        print(len(plugins.STEP_DECORATORS))
        """
    both(python, NEWEST, script)


def test_threads_that_load_plugins_at_the_same_moment_find_the_same(python):
    script = """
        import threading
        import metaflow
        from metaflow import plugins
        ready, seen = threading.Barrier(6), []
        def look():
            ready.wait()
            @metaflow.catch
            @metaflow.retry(times=2)
            @metaflow.step
            def start(self):
                pass
            kinds = [type(each).__name__ for each in start.decorators]
            sizes = [len(plugins.STEP_DECORATORS), len(plugins.SIDECARS), len(plugins.CARDS)]
            seen.append((kinds, sizes, metaflow.cards.Markdown.__name__))
        threads = [threading.Thread(target=look, daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        print(len(seen), all(each == seen[0] for each in seen), seen[0])
        """
    assert both(python, NEWEST, script).startswith("6 True")


def test_an_extension_that_reads_a_list_while_metaflow_is_imported(python, tmp_path):
    package = tmp_path / "metaflow_extensions" / "mine"
    for folder in ("toplevel", "plugins"):
        (package / folder).mkdir(parents=True)
    (package / "toplevel" / "mfextinit_mine.py").write_text('toplevel = "mine_toplevel"\n')
    (package / "toplevel" / "mine_toplevel.py").write_text(
        "from metaflow import cards\n"
        "from metaflow.plugins import CARDS, STEP_DECORATORS\n"
        "__mf_extensions__ = 'mine'\n__version__ = '1'\n"
        "seen = sorted(each.name for each in STEP_DECORATORS), len(CARDS), cards.__name__\n"
    )
    (package / "plugins" / "mfextinit_mine.py").write_text(
        'STEP_DECORATORS_DESC = [("mine", ".mine_decorator.Mine")]\n'
    )
    (package / "plugins" / "mine_decorator.py").write_text(
        "from metaflow.decorators import StepDecorator\n"
        "class Mine(StepDecorator):\n    name = 'mine'\n    defaults = {'name': None}\n"
    )
    script = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import metaflow
        print(metaflow.seen)
        @metaflow.mine(name="a name")
        @metaflow.step
        def start(self):
            pass
        print(start.decorators[0].name, start.decorators[0].attributes)
        """
    assert "mine {'name': 'a name'}" in both(python, NEWEST, script)
