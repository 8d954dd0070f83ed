import json
import os
import subprocess
import sys

from metaflow.packaging_sys import MetaflowCodeContentV1Base
from metaflow.packaging_sys.distribution_support import modules_to_distributions

SCRIPT = """
import json, sys
from metaflow.extension_support import extension_info
print(json.dumps(extension_info()["installed"]))
"""


def test_search_for_extensions_reads_their_distributions(tmp_path):
    package = tmp_path / "metaflow_extensions" / "example" / "config"
    package.mkdir(parents=True)
    (package / "mfextinit_example.py").write_text("")
    distribution = tmp_path / "metaflow_example-1.2.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Name: metaflow-example\nVersion: 1.2\n")
    (distribution / "top_level.txt").write_text("metaflow_extensions\n")
    (distribution / "RECORD").write_text(
        "metaflow_extensions/example/config/mfextinit_example.py,,\n"
    )
    paths = [str(tmp_path), *filter(None, sys.path)]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))
    output = subprocess.check_output([sys.executable, "-c", SCRIPT], env=environment)
    installed = json.loads(output.decode().splitlines()[-1])
    assert installed["metaflow-example"]["dist_version"] == "1.2"


def test_modules_are_found_in_their_distributions():
    distribution = modules_to_distributions()["pytest_mock"][0]
    assert distribution.metadata["Name"] == "pytest-mock"


def test_packaged_distributions_are_found(mocker, tmp_path):
    packaged = tmp_path / "distributions.json"
    packaged.write_text(json.dumps({"example": {"METADATA": "Name: example\n"}}))
    mocker.patch.object(
        MetaflowCodeContentV1Base, "_get_otherfile_path", return_value=str(packaged)
    )
    finder = MetaflowCodeContentV1Base.get_distribution_finder_impl({})
    (distribution,) = finder.find_distributions()
    assert distribution.metadata["Name"] == "example"
