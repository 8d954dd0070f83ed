"""Benchmarks on the series: who reads the rival's blobs and ours, and what a search remembers."""

import os
import subprocess
import textwrap

import pytest

from scripts.paths import ROOT
from tests.optimized_releases import NEWEST, VERSIONS

PAYLOADS = ("metrics-52KB", "float64-800KB")
START = f"""
    from pathlib import Path
    from benchmarks import artifacts, rival
    from benchmarks.common import make_payload, same
    folder = Path("store").resolve()
    made = [(name.replace("-", "_"), make_payload(name)) for name in {PAYLOADS!r}]
    names = [name for name, _ in made]
"""
SAVE = START + "    artifacts.save(made, folder)\n"
SAVE_WITH_RIVAL = START + "    artifacts.save(made, folder, rival.Lz4Store)\n"
LOAD = START + "    print(same(artifacts.load(names, folder), dict(made)))\n"
LOAD_WITH_RIVAL = LOAD.replace("names, folder", "names, folder, rival.Lz4Store")
REFUSED = """
    try:
        artifacts.load(names, folder)
    except Exception as error:
        print(type(error).__name__, error)
"""


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
def test_no_release_reads_what_the_rival_writes(measured, tmp_path, version):
    measured(NEWEST, "before", SAVE_WITH_RIVAL)
    described = {path.read_text() for path in tmp_path.glob("store/*/data/*/*_meta")}
    assert described == {'{"cas_raw": false, "cas_version": 2}'}
    assert measured(NEWEST, "before", LOAD_WITH_RIVAL) == "True\n"
    said = measured(version, "before", START + REFUSED)
    assert said.startswith("DataException Unknown encoding version 2 for ")
    assert "you need to update Metaflow" in said


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_reads_what_the_optimised_one_writes(measured, version):
    measured(NEWEST, "after", SAVE)
    assert measured(version, "before", LOAD) == "True\n"


def test_the_rival_reads_what_was_written_before_it(measured):
    measured(NEWEST, "before", SAVE)
    assert measured(NEWEST, "before", LOAD_WITH_RIVAL) == "True\n"


def test_the_rival_runs_on_the_optimised_release_too(measured):
    measured(NEWEST, "after", SAVE_WITH_RIVAL)
    assert measured(NEWEST, "after", LOAD_WITH_RIVAL) == "True\n"


SEARCH = """
    import importlib.metadata
    from benchmarks import extensions
    case = extensions.{name}()
    case.setup(20, 1)
    # Without it, what is installed can't be looked through, only remembered.
    importlib.metadata.distributions = None
    try:
        case.time_discover(20, 1)
    except TypeError:
        print("looked through")
    else:
        print("remembered")
    case.teardown(20, 1)
"""


@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [
        ("Discovery", "after", "remembered"),
        ("Discovery", "before", "looked through"),
        ("FirstDiscovery", "after", "looked through"),
    ],
)
def test_a_search_is_remembered_where_that_is_measured(measured, name, side, expected):
    assert measured(NEWEST, side, SEARCH.format(name=name)) == f"{expected}\n"


def test_a_search_that_nothing_can_remember_is_not_measured(measured, tmp_path):
    (tmp_path / "changing").mkdir()
    code = """
        import os, sys, time
        from benchmarks import extensions
        extensions.SETTLING_SECONDS = 0.1
        os.utime("changing", (time.time() + 3600,) * 2)
        sys.path.append("changing")
        try:
            extensions.Discovery().setup(0, 1)
        except RuntimeError as error:
            print(error)
    """
    assert "keeps changing" in measured(NEWEST, "after", code)


def test_keys_of_blake3_are_measured_where_the_setting_is_on(measured):
    code = """
        from benchmarks import artifacts, datastores, hashing
        case = artifacts.SaveWithBlake3Keys()
        case.setup("random-5MB")
        case.time_save("random-5MB")
        case.teardown("random-5MB")
        hashing.ContentKeyWithBlake3().setup("metrics-52KB")
        try:
            datastores.require_blake3_key("0" * 40)
        except RuntimeError as error:
            print(error)
    """
    assert "no key of BLAKE3" in measured(NEWEST, "after", code)
