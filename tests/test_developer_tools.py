"""What metaflow does for developers, before and after the series: its lint and its stubs."""

import os
import subprocess
import sys

import pytest
import uv

from tests.optimized_releases import NEWEST

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
    import hashlib, pathlib, re, shutil
    import metaflow
    from metaflow.cmd.develop.stub_generator import StubGenerator

    folder = pathlib.Path("stubs")
    StubGenerator(str(folder), include_generated_for=True).write_out()
    for path in sorted(folder.rglob("*.pyi")):
        lines = path.read_text().splitlines()
        lines = [line for line in lines if not re.search("Generated on|MF version", line)]
        print(path, len(lines), hashlib.sha256("\\n".join(lines).encode()).hexdigest())
    shutil.rmtree(folder)
"""


def test_the_stubs_are_the_same(python):
    before, after = (python(NEWEST, side, STUBS).splitlines() for side in ("before", "after"))
    assert len(before) > 100
    assert after == before
