"""What benchmarks measure on the series: which code reads what, and what is remembered."""

import os
import subprocess
import textwrap

import pytest

from mfbench.foundation.paths import ROOT
from tests.optimizations.optimized_releases import NEWEST, VERSIONS

pytestmark = pytest.mark.slow
START = """
    from pathlib import Path
    from benchmarks import artifacts, rival
    from benchmarks.payloads import make_payload, same
    folder = Path("store").resolve()
    made = {"metrics": make_payload("metrics-52KB"), "floats": make_payload("float64-800KB")}
"""
SAVE = START + "    artifacts.save(made.items(), folder)\n"
LOAD = START + "    print(same(artifacts.load(list(made), folder), made))\n"
SAVE_AS_RIVAL, LOAD_AS_RIVAL = (
    script.replace("folder)", "folder, rival.Lz4Store)") for script in (SAVE, LOAD)
)


@pytest.fixture
def measured(series, release_python, tmp_path):
    """Run a script as the benchmarks run: codecs installed, one side of a release on the path."""

    def run(version, side, script):
        finished = subprocess.run(
            [release_python(NEWEST), "-c", textwrap.dedent(script)],
            env=os.environ | {"PYTHONPATH": f"{series.root(version, side)}{os.pathsep}{ROOT}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run


@pytest.mark.parametrize("version", VERSIONS)
def test_no_release_reads_what_the_rival_writes(measured, version):
    measured(NEWEST, "before", SAVE_AS_RIVAL)
    assert measured(NEWEST, "before", LOAD_AS_RIVAL) == "True\n"
    script = LOAD.replace("    print(", "    try:\n        print(")
    said = measured(version, "before", script + "    except Exception as error: print(error)\n")
    assert said.startswith("Unknown encoding version 2 for ")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_reads_what_the_optimised_one_writes(measured, version):
    measured(NEWEST, "after", SAVE)
    assert measured(version, "before", LOAD) == "True\n"


@pytest.mark.parametrize(("side", "save"), [("before", SAVE), ("after", SAVE_AS_RIVAL)])
def test_the_rival_reads_its_own_and_what_was_written_before_it(measured, side, save):
    measured(NEWEST, side, save)
    assert measured(NEWEST, side, LOAD_AS_RIVAL) == "True\n"


SEARCH = """
    import importlib.metadata, os, sys
    from benchmarks import extensions
    case = extensions.{name}()
    case.setup(20, 1)
    # No folder can be searched, only remembered. What is none (python311.zip) holds nothing.
    def refuse(path=sys.path):
        if any(map(os.path.isdir, path)):
            raise TypeError
        return []
    importlib.metadata.distributions = refuse
    try:
        case.time_discover(20, 1)
    except TypeError:
        print("searched")
    else:
        print("remembered")
        case.teardown(20, 1)
"""


@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [
        ("Discovery", "after", "remembered"),
        ("Discovery", "before", "searched"),
        ("FirstDiscovery", "after", "searched"),
    ],
)
def test_a_search_is_remembered_where_that_is_measured(measured, name, side, expected):
    assert measured(NEWEST, side, SEARCH.format(name=name)) == f"{expected}\n"


def test_keys_of_blake3_are_measured_where_the_setting_is_on(measured):
    code = """
        from pathlib import Path
        from benchmarks import artifacts
        case = artifacts.SaveWithBlake3Keys()
        case.setup("random-5MB")
        case.time_save("random-5MB")
        print({len(path.stem.split("_")[0]) for path in Path().rglob("data/*/*")})
    """
    assert measured(NEWEST, "after", code) == "{64}\n"
