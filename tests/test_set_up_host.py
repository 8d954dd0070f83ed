"""The script that sets up a host: a dry run changes nothing, a second run neither."""

import os
import shutil
import subprocess

import pytest

from scripts.paths import ROOT

SCRIPT = ROOT / "scripts" / "set_up_host.sh"


@pytest.fixture
def host(tmp_path):
    """A root of one's own, and commands that only note that they were called."""
    called = tmp_path / "called"
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("apt-get", "systemctl", "update-grub"):
        (commands / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{called}\n')
        (commands / name).chmod(0o755)

    def run(*arguments):
        environment = os.environ | {
            "METAFLOW_BENCHMARKS_HOST_ROOT": str(tmp_path / "root"),
            "PATH": f"{commands}:{os.environ['PATH']}",
        }
        return subprocess.run(
            ["sh", SCRIPT, *arguments], env=environment, capture_output=True, text=True
        )

    run.root, run.called = tmp_path / "root", called
    return run


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_dry_run_prints_and_changes_nothing(host):
    said = host("--dry-run", "--cpus", "2-3")
    assert said.returncode == 0, said.stderr
    assert "would write /etc/systemd/system/metaflow-benchmarks.timer:" in said.stdout
    assert "isolcpus=2-3" in said.stdout and "pyperf system tune" in said.stdout
    assert said.stdout.endswith("changes; nothing was done\n")
    assert not host.root.exists() and not host.called.exists()


def test_a_second_run_has_nothing_to_do(host):
    first = host("--cpus", "2-3")
    assert first.returncode == 0, first.stderr
    assert files(host.root) == {
        "etc/default/grub.d/metaflow-benchmarks.cfg",
        "etc/systemd/system/metaflow-benchmarks-tune.service",
        "etc/systemd/system/metaflow-benchmarks.service",
        "etc/systemd/system/metaflow-benchmarks.timer",
    }
    service = (host.root / "etc/systemd/system/metaflow-benchmarks.service").read_text()
    assert (
        f"WorkingDirectory={ROOT}" in service and "--cpu-list 2-3 /usr/bin/make update" in service
    )
    second = host("--cpus", "2-3")
    packages = [line for line in second.stdout.splitlines() if "apt-get" not in line]
    assert "writing" not in second.stdout
    assert packages == ["nothing to do"] or "running: apt-get" in second.stdout


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--cpus", "all"], "is no list of CPUs"),
        (["--cpus"], "--cpus needs a list"),
        (["--force"], "unknown option --force"),
        (["no-such-person-here"], "there is no user no-such-person-here"),
    ],
)
def test_bad_arguments_end_in_a_line(host, arguments, said):
    finished = host(*arguments)
    assert finished.returncode == 3
    assert said in finished.stderr and finished.stderr.count("\n") == 1
    assert not host.root.exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_takes_the_units(host):
    assert host().returncode == 0
    units = list((host.root / "etc/systemd/system").iterdir())
    checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert "Unknown" not in checked.stderr and "Failed to parse" not in checked.stderr
