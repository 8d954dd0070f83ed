"""A command loads the plugins that it uses: the same choices and the same classes as before."""

import pytest

from tests.optimizations.optimized_releases import NEWEST, VERSIONS, both


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


def test_the_found_datastore_is_the_one_of_the_list(python):
    script = """
        from metaflow.client.filecache import FileCache, FileCacheException
        from metaflow.plugins import DATASTORES
        for each in sorted(DATASTORES, key=lambda each: each.TYPE):
            print(FileCache._get_datastore_storage_impl(each.TYPE) is each)
        try:
            FileCache._get_datastore_storage_impl("nonesuch")
        except FileCacheException as problem:
            print(problem)
        """
    assert both(python, NEWEST, script).endswith("Datastore nonesuch was not found\n")
