import subprocess
import sys

import pytest

from metaflow.client.filecache import FileCache, FileCacheException
from metaflow.extension_support.plugins import resolve_plugin, resolve_plugins
from metaflow.plugins import DATASTORES, ENVIRONMENTS, METADATA_PROVIDERS


@pytest.mark.parametrize(
    "category, plugins",
    [
        ("datastore", DATASTORES),
        ("environment", ENVIRONMENTS),
        ("metadata_provider", METADATA_PROVIDERS),
    ],
)
def test_each_plugin_of_a_list_is_found_by_its_name(category, plugins):
    names = resolve_plugins(category, path_only=True)
    assert sorted(names) == sorted(plugin.TYPE for plugin in plugins)
    for plugin in plugins:
        assert resolve_plugin(category, plugin.TYPE) is plugin


def test_unknown_plugins_are_refused():
    assert resolve_plugin("datastore", "nonesuch") is None
    with pytest.raises(FileCacheException, match="nonesuch"):
        FileCache._get_datastore_storage_impl("nonesuch")


@pytest.mark.parametrize(
    "module",
    [
        "metaflow.plugins.datastores.azure_storage",
        "metaflow.plugins.datastores.s3_storage",
        "metaflow.plugins.pypi.conda_environment",
    ],
)
def test_command_line_does_not_load(module):
    script = "import metaflow.cli, sys; sys.exit(%r in sys.modules)" % module
    assert subprocess.call([sys.executable, "-c", script]) == 0
