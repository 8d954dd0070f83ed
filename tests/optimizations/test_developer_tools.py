"""Metaflow's tools for developers say the same before and after the series: lint and stubs."""

import json
import os
import subprocess
import sys

import pytest
import uv

from tests.optimizations.optimized_releases import NEWEST

pytestmark = pytest.mark.slow
FLOW = """
from metaflow import FlowSpec, card, retry, step


class Flow(FlowSpec):
    @card
    @retry(times=2)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        {last}


if __name__ == "__main__":
    Flow()
"""


@pytest.fixture(scope="session")
def pylint_python(tmp_path_factory):
    """The Python of an environment with pylint and what metaflow needs."""
    folder = tmp_path_factory.mktemp("pylint") / "environment"
    python = folder / "bin" / "python"
    command = [uv.find_uv_bin(), "venv", "--quiet", "-p", sys.executable, folder]
    subprocess.run(command, check=True)
    install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--python", str(python)]
    install += ["--constraint", "constraints.txt", "pylint", "requests", "boto3"]
    installed = subprocess.run(install, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"pylint cannot be installed: {installed.stderr.strip()[-200:]}")
    return python


@pytest.mark.parametrize(
    ("last", "complaint"), [("pass", ""), ("print(nonesuch)", "undefined-variable")]
)
def test_pylint_says_the_same_of_a_flow(series, pylint_python, tmp_path, last, complaint):
    (tmp_path / "flow.py").write_text(FLOW.format(last=last))
    said = {}
    for side in ("before", "after"):
        environment = os.environ | {
            "PYTHONPATH": str(series.root(NEWEST, side)),
            "HOME": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "",
            "METAFLOW_USER": "somebody",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path),
        }
        command = [pylint_python, "flow.py", "--pylint", "check"]
        finished = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        said[side] = (finished.returncode, finished.stdout, finished.stderr)
    assert said["after"] == said["before"]
    assert "Pylint is happy!" in str(said["after"]) or complaint
    assert complaint in str(said["after"])


STUBS = """
    import ast, json, pathlib, shutil
    import metaflow
    from metaflow.cmd.develop.stub_generator import StubGenerator

    folder = pathlib.Path("stubs")
    StubGenerator(str(folder), include_generated_for=True).write_out()
    described = {}
    for path in sorted(folder.rglob("*.pyi")):
        nodes = [
            node
            for node in ast.parse(path.read_text()).body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        ]
        for node in nodes:
            if node.name == "Current":
                # Decorators add to it, in the order in which they are loaded.
                node.body.sort(key=ast.unparse)
        text = "\\0".join(sorted(map(ast.unparse, nodes)))
        # The text of two prototypes names the function that makes decorators.
        text = text.replace("_import_plugin_decorators()", "_import_plugin_decorator()")
        # Two decorators add `trigger`: named in the order in which they are loaded.
        text = text.replace("@trigger_on_finish, or @trigger ", "@trigger, or @trigger_on_finish ")
        described[str(path.relative_to(folder))] = text.split("\\0")
    shutil.rmtree(folder)
    print(json.dumps(described))
"""
# The generator describes a module if another one names what is in it; functions import these now.
NOT_DESCRIBED = {
    "metadata_provider/heartbeat.pyi",
    "packaging_sys/distribution_support.pyi",
    "plugins/cards/component_serializer.pyi",
    "plugins/kubernetes/kubernetes.pyi",
}


# Optimisations add functions and methods to these.
EXTENDED = {"metadata_provider/metadata.pyi", "pylint_wrapper.pyi"}


def test_the_stubs_of_functions_and_classes_are_the_same(python):
    before, after = (json.loads(python(NEWEST, side, STUBS)) for side in ("before", "after"))
    assert len(before["__init__.pyi"]) > 20
    for path in EXTENDED:
        lines_before, lines_after = (
            set("\n".join(described.pop(path)).splitlines()) for described in (before, after)
        )
        assert lines_before < lines_after
    assert after == {path: before[path] for path in before if path not in NOT_DESCRIBED}
