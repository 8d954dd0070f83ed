import json
import os
import sys
import time

import pytest

from metaflow import cli
from metaflow.pylint_wrapper import PyLintWarn

# What pylint and astroid are to metaflow; `answer.json` tells what they do.
LINT = """
import json, pathlib, sys, time, types
from astroid.manager import AstroidManager

here = pathlib.Path(__file__).parent.parent
calls = here / "calls"

def Run(args, reporter, exit):
    calls.write_text(calls.read_text() + "x")
    answer = json.loads((here / "answer.json").read_text())
    time.sleep(0.05)  # file times may be coarse
    exec(answer["does"])
    print(answer["prints"], end="")
    read = [types.SimpleNamespace(file=f, path=[f]) for f in answer["reads"]]
    AstroidManager.astroid_cache = dict(enumerate(read))
    linter = types.SimpleNamespace(_dynamic_plugins=set(answer["plugins"]))
    return types.SimpleNamespace(linter=linter, _rcfile=answer["rcfile"])
"""
MANAGER = "class AstroidManager:\n    astroid_cache = {}\n"


@pytest.fixture
def tools(tmp_path, monkeypatch, mocker):
    """Install a pylint of our own; return its folder."""
    tools = tmp_path / "tools"
    for name, module, text in (
        ("pylint", "lint", LINT),
        ("astroid", "manager", MANAGER),
    ):
        (tools / name).mkdir(parents=True)
        (tools / name / "__init__.py").write_text("from . import __pkginfo__\n")
        (tools / name / "__pkginfo__.py").write_text("version = 1\n")
        (tools / name / ("%s.py" % module)).write_text(text)
    mocker.patch.dict(sys.modules)
    monkeypatch.syspath_prepend(str(tools))
    (tools / "calls").write_text("")
    return tools


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Make a folder with a flow and a module that it imports."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "flow.py").write_text("import helpers\n")
    (project / "helpers.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.chdir(project)
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYLINTRC", raising=False)
    time.sleep(0.05)
    return project


@pytest.fixture
def check(tools, project, mocker):
    """Check the flow in a new process, as it were; return how often pylint ran."""
    mocker.patch.object(cli.lint.linter, "run_checks")
    mocker.patch.object(
        cli.inspect, "getfile", return_value=str(project / "flow.py")
    )
    files = [str(project / name) for name in ("flow.py", "helpers.py")]
    options = []

    def run(warnings=False, says="happy", **answer):
        nothing = dict(prints="", does="", reads=files, plugins=[], rcfile=None)
        answer = dict(nothing, **answer)
        (tools / "answer.json").write_text(json.dumps(answer))
        for name in list(sys.modules):
            if name.split(".")[0] in ("pylint", "astroid"):
                del sys.modules[name]
        echo, environment = mocker.Mock(), mocker.Mock()
        environment.pylint_config.return_value = options
        (tools / "calls").write_text("")
        cli._check(echo, None, None, environment, warnings=warnings)
        lines = [call[0][0] for call in echo.call_args_list]
        assert lines[2] == "Running pylint..." and says in lines[3]
        return len((tools / "calls").read_text())

    run.options = options
    return run


def test_a_good_verdict_is_kept_without_loading_pylint(check):
    assert check() == 1
    assert check() == 0
    assert "pylint" not in sys.modules
    assert check() == 0


def test_metaflow_home_may_be_in_the_project(check, project, monkeypatch):
    monkeypatch.setenv("METAFLOW_HOME", str(project / "home"))
    assert check() == 1
    assert check() == 0


@pytest.mark.parametrize(
    "name",
    ["flow.py", "helpers.py", "../tools/pylint/__pkginfo__.py"]
    + ["../tools/astroid/__pkginfo__.py"],
)
def test_changed_content_is_linted_again(check, project, name):
    check()
    path = project / name
    before = path.stat()
    path.write_text(path.read_text().replace("1", "2").replace("s", "z"))
    os.utime(str(path), ns=(before.st_atime_ns, before.st_mtime_ns))
    time.sleep(0.05)
    assert check() == 1
    assert check() == 0


@pytest.mark.parametrize(
    "name",
    ["new.py", "new", "pyproject.toml", "../setup.cfg", ".pylintrc", "__init__.py"],
)
def test_new_modules_and_configurations_are_seen(check, project, name):
    check()
    (project / name).write_text("")
    time.sleep(0.05)
    assert check() == 1
    assert check() == 0
    (project / name).unlink()
    time.sleep(0.05)
    assert check() == 1


def test_a_configuration_from_elsewhere_is_seen(check, tmp_path):
    rcfile = tmp_path / "settings"
    rcfile.write_text("[MAIN]")
    time.sleep(0.05)
    assert check(rcfile=str(rcfile)) == 1
    rcfile.write_text("")
    time.sleep(0.05)
    assert check(rcfile=str(rcfile)) == 1
    assert check(rcfile=str(rcfile)) == 0


def test_other_files_do_not_matter(check, project):
    check()
    (project / "results.csv").write_text("1")
    (project / ".metaflow").mkdir()
    (project / "__pycache__").mkdir()
    assert check() == 0


def test_options_environment_and_folder_matter(check, project, monkeypatch):
    check()
    assert check(warnings=True) == 1
    check.options.append("--disable=F0401")
    assert check() == 1
    monkeypatch.setenv("PYLINTRC", "pylintrc")
    assert check() == 1
    monkeypatch.chdir(project.parent)
    assert check() == 1
    monkeypatch.syspath_prepend(str(project.parent))
    assert check() == 1
    assert check() == 0


def test_a_bad_verdict_is_not_kept(check):
    for _ in range(2):
        with pytest.raises(PyLintWarn):
            check(prints="flow.py:1:0: E0602: Undefined variable 'x'")
    assert check() == 1


def test_a_crash_is_not_kept(check):
    for _ in range(2):
        assert check(does="raise ValueError('x')", says="couldn't analyze") == 1
    assert check() == 1


@pytest.mark.parametrize(
    "unknown",
    [
        dict(reads=[]),  # as with jobs=2
        dict(plugins=["a_plugin"]),
        dict(does="sys.path.append('elsewhere')"),
        dict(does="pathlib.Path('helpers.py').write_text('value = 2')"),
        dict(does="pathlib.Path('new.py').write_text('')"),
    ],
)
def test_what_is_not_known_is_not_kept(check, monkeypatch, unknown):
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert check(**unknown) == 1
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != "elsewhere"])
    time.sleep(0.05)
    assert check() == 1


@pytest.mark.parametrize("content", ["", "null", "[]", '["x", "y"]', '{"a": 1}'])
def test_a_damaged_verdict_is_linted_again(check, tmp_path, content):
    check()
    (verdict,) = (tmp_path / "home" / "pylint").iterdir()
    verdict.write_text(content)
    assert check() == 1
    assert check() == 0


def test_no_place_to_keep_it(check, tmp_path):
    (tmp_path / "home").write_text("a file")
    assert check() == 1
    assert check() == 1


def test_without_pylint_nothing_is_kept_or_said_to_be_good(check, tools):
    check()
    (tools / "pylint" / "__pkginfo__.py").unlink()
    (tools / "pylint" / "lint.py").write_text("raise ImportError")
    assert check(says="not found") == 0
