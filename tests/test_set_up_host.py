"""The script that sets up a host: a dry run changes nothing, a second run neither."""

import os
import shutil
import subprocess

import pytest

from scripts.paths import ROOT

SCRIPT = ROOT / "scripts" / "set_up_host.sh"


NOTE = """#!/bin/sh
name=${0##*/}
case "$name $*" in
"systemctl is-enabled"*) [ -e "$ENABLED" ] && exit 0 || exit 1 ;;
"systemctl show"*) exit 0 ;;
"systemctl enable --now metaflow-benchmarks.timer") : >"$ENABLED" ;;
"python3 -m venv"*) mkdir -p "$3/bin" && : >"$3/bin/pyperf" && chmod +x "$3/bin/pyperf" ;;
esac
echo "$name $*" >>"$CALLED"
"""


@pytest.fixture
def host(tmp_path):
    """A root of one's own, and commands that only note that they were called."""
    called = tmp_path / "called"
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("apt-get", "systemctl", "python3", "dpkg-query"):
        (commands / name).write_text(NOTE)
        (commands / name).chmod(0o755)
    (commands / "dpkg-query").write_text("#!/bin/sh\necho install ok installed\n")
    (commands / "nproc").write_text("#!/bin/sh\necho 6\n")
    (commands / "nproc").chmod(0o755)
    pip = tmp_path / "root" / "opt" / "metaflow-benchmarks" / "bin" / "pip"

    def run(*arguments):
        environment = os.environ | {
            "METAFLOW_BENCHMARKS_HOST_ROOT": str(tmp_path / "root"),
            "PATH": f"{commands}:{os.environ['PATH']}",
            "CALLED": str(called),
            "ENABLED": str(tmp_path / "enabled"),
        }
        if "--dry-run" not in arguments and arguments[:1] != ("no-such-person-here",):
            pip.parent.mkdir(parents=True, exist_ok=True)
            pip.write_text(NOTE)
            pip.chmod(0o755)
        return subprocess.run(
            ["sh", SCRIPT, *arguments], env=environment, capture_output=True, text=True
        )

    run.root, run.called = tmp_path / "root", called
    return run


def files(root):
    return {str(path.relative_to(root)) for path in (root / "etc").rglob("*") if path.is_file()}


def test_a_dry_run_prints_and_changes_nothing(host):
    said = host("--dry-run", "--cpus", "2-3,5")
    assert said.returncode == 0, said.stderr
    assert "would write /etc/systemd/system/metaflow-benchmarks.timer:" in said.stdout
    assert "pyperf system tune" in said.stdout
    assert said.stdout.endswith("changes; nothing was done\n")
    assert not host.root.exists() and not host.called.exists()


def test_a_second_run_has_nothing_to_do(host):
    first = host("--cpus", "2-3,5", "--machine", "quiet")
    assert first.returncode == 0, first.stderr
    units = "etc/systemd/system"
    assert files(host.root) == {
        f"{units}/init.scope.d/metaflow-benchmarks.conf",
        f"{units}/metaflow-benchmarks-tune.service",
        f"{units}/metaflow-benchmarks.service",
        f"{units}/metaflow-benchmarks.timer",
        f"{units}/metaflowbenchmarks.slice",
        f"{units}/system.slice.d/metaflow-benchmarks.conf",
        f"{units}/user.slice.d/metaflow-benchmarks.conf",
    }
    service = (host.root / units / "metaflow-benchmarks.service").read_text()
    assert f"WorkingDirectory={ROOT}" in service and "make update MACHINE=quiet\n" in service
    isolated = (host.root / units / "metaflowbenchmarks.slice").read_text()
    assert "AllowedCPUs=2-3,5\n" in isolated
    others = (host.root / units / "user.slice.d/metaflow-benchmarks.conf").read_text()
    assert others == "[Slice]\nAllowedCPUs=0,1,4\n"
    assert "systemctl daemon-reload" in host.called.read_text()
    host.called.unlink()
    assert host("--cpus", "2-3,5", "--machine", "quiet").stdout == "nothing to do\n"
    assert not host.called.exists()


def test_a_run_that_was_stopped_is_completed(host):
    assert host().returncode == 0
    (host.called.parent / "enabled").unlink()
    assert "running: systemctl enable --now metaflow-benchmarks.timer" in host().stdout


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--cpus", "all"], "is no list of CPUs"),
        (["--cpus"], "--cpus needs a list"),
        (["--cpus", ","], "is no list of CPUs"),
        (["--cpus", "1-2-3"], "is no list of CPUs"),
        (["--cpus", "3-2"], "3-2 is not among the CPUs of this machine, 0-5"),
        (["--cpus", "2,8-9"], "8-9 is not among the CPUs of this machine, 0-5"),
        (["--cpus", "0-5"], "leaves no CPU for anything else"),
        (["--machine", "a b"], "is no name"),
        (["--force"], "unknown option --force"),
        (["no-such-person-here"], "there is no user no-such-person-here"),
    ],
)
def test_bad_arguments_end_in_a_line(host, arguments, said):
    finished = host(*arguments)
    assert finished.returncode == 3
    assert said in finished.stderr and finished.stderr.count("\n") == 1
    assert not (host.root / "etc").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_takes_the_units(host):
    assert host().returncode == 0
    units = list((host.root / "etc/systemd/system").iterdir())
    checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert "Unknown" not in checked.stderr and "Failed to parse" not in checked.stderr
