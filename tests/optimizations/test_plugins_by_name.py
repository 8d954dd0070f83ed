"""A command loads the plugins that it uses: the same choices and the same classes as before."""

import pytest

from optimizations.edits import DoesNotApply
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of

HELLO = """
import runpy, sys
from pathlib import Path

Path("hello.py").write_text('''
from metaflow import FlowSpec, step

class Hello(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Hello()
''')

def run(*arguments):
    sys.argv = ["hello.py", "--no-pylint", *arguments]
    try:
        runpy.run_path("hello.py", run_name="__main__")
    except SystemExit as end:
        print("status", end.code)
"""


@pytest.mark.parametrize(
    "name",
    [
        "metaflow.plugins.azure.azure_utils",
        "metaflow.plugins.pypi.conda_environment",
        "metaflow.plugins.storage_executor",
    ],
)
def test_a_command_does_not_load_what_it_does_not_use(python, name):
    script = f"{HELLO}\nrun('show')\nprint({name!r} in sys.modules)"
    assert python(NEWEST, "before", script).endswith("True\n")
    assert python(NEWEST, "after", script).endswith("False\n")


# What takes lists of plugins by name comes after what makes them lazy, in the same releases.
@pytest.mark.parametrize("version", VERSIONS)
def test_the_choices_are_those_of_before(python, version):
    script = """
        import sys
        from metaflow import cli
        names = ("metadata", "environment", "datastore")
        for option in cli.start.params:
            if option.name in names:
                print(option.name, type(option.type.choices).__name__, option.type.choices)
        """
    assert both(python, version, script).count("list") == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_the_found_plugin_is_the_one_of_the_list(python, version):
    script = """
        from metaflow.client.filecache import FileCache, FileCacheException
        from metaflow.plugins import DATASTORES
        found = {name: FileCache._get_datastore_storage_impl(name) for name in ("s3", "local")}
        print([found[each.TYPE] is each for each in DATASTORES if each.TYPE in found])

        class Another:
            TYPE = "another"

        def look_for(name):
            try:
                print(FileCache._get_datastore_storage_impl(name).__name__)
            except FileCacheException as problem:
                print(problem)

        look_for("another")
        DATASTORES.insert(0, Another)
        look_for("another")
        look_for("local")
        """
    assert both(python, version, script) == (
        "[True, True]\nDatastore another was not found\nAnother\nLocalStorage\n"
    )


def test_it_needs_the_names_of_lazy_plugins(series):
    with pytest.raises(DoesNotApply, match="plugin_names: not found"):
        applied("plugins_by_name", tree_of(series, NEWEST))
