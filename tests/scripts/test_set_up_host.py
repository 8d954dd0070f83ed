"""The script that sets up a host: what it would do, and that it does it."""

import shutil
import subprocess

import pytest

from mfbench.foundation.paths import ROOT

SCRIPT = ROOT / "scripts" / "set_up_host.sh"
# These commands would change the system; here they note that they were called.
CHANGING = ("apt-get", "systemctl", "runuser", "python3")
NOTE = """#!/bin/sh
echo "${0##*/} $*" >>"$CALLED"
[ "$2" != venv ] || install -D "$0" "$3/bin/pip"
"""


@pytest.fixture
def host(tmp_path):
    """A function that runs the script on a host of six CPUs, below another root."""
    commands = {name: NOTE for name in CHANGING} | {"nproc": "#!/bin/sh\necho 6\n"}
    for name, text in commands.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    # Only these are the system's own.
    for name in ("sh", "sed", "tr", "seq", "sort", "grep", "paste", "dirname", "install"):
        (tmp_path / name).symlink_to(shutil.which(name))

    def run(*arguments):
        variables = {"DESTDIR": str(tmp_path / "root"), "CALLED": str(tmp_path / "called")}
        return subprocess.run(
            ["sh", SCRIPT, *arguments],
            env=variables | {"PATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    run.root, run.called = tmp_path / "root", tmp_path / "called"
    run.units = run.root / "etc" / "systemd" / "system"
    return run


def test_a_dry_run_prints_the_steps_and_a_run_does_them_however_often(host):
    arguments = ["--cpus", "3,1-2", "--machine", "quiet", "nobody"]
    planned = host("--dry-run", *arguments)
    assert planned.returncode == 0, planned.stderr
    assert not host.root.exists() and not host.called.exists()
    steps = [line for line in planned.stdout.splitlines() if line.startswith("+ ")]
    for _ in range(2):
        done = host(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == steps
        called = host.called.read_text()
        assert f"runuser -u nobody -- make -C {ROOT} setup\n" in called
        assert called.endswith("systemctl enable --now metaflow-benchmarks.timer\n")
        service = (host.units / "metaflow-benchmarks.service").read_text()
        assert f"User=nobody\nWorkingDirectory={ROOT}\n" in service
        assert "pyperf system tune --affinity=1,2,3\n" in service
        assert "make update MACHINE=quiet\n" in service
        assert "AllowedCPUs=1,2,3\n" in (host.units / "metaflowbenchmarks.slice").read_text()
        others = (host.units / "user.slice.d" / "metaflow-benchmarks.conf").read_text()
        assert others == "[Slice]\nAllowedCPUs=0,4,5\n"


@pytest.mark.parametrize("cpus", ["0-5", "3-2", "2,8-9", "1-2-3", "x", "1\nx"])
def test_wrong_cpus_are_refused(host, cpus):
    finished = host("--cpus", cpus, "nobody")
    assert finished.returncode == 3 and "name some of this machine's CPUs" in finished.stderr
    assert not host.called.exists()


@pytest.mark.parametrize("arguments", [[], ["--cpus"], ["nobody", "daemon"], ["--force", "nobody"]])
def test_wrong_arguments_are_answered_by_the_usage(host, arguments):
    finished = host(*arguments)
    assert finished.returncode == 3 and "set_up_host.sh [--dry-run]" in finished.stderr
    assert not host.called.exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_takes_the_units(host):
    assert host("--cpus", "2-3", "nobody").returncode == 0
    units = [*host.units.glob("metaflow*"), *host.units.glob("*.d/*.conf")]
    checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert "Unknown" not in checked.stderr and "Failed to parse" not in checked.stderr
