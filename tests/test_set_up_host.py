"""The script that sets up a host: a dry run changes nothing, a second run neither."""

import shutil
import subprocess

import pytest

from scripts.paths import ROOT

SCRIPT = ROOT / "scripts" / "set_up_host.sh"


NOTE = """#!/bin/sh
name=${0##*/}
case "$name $*" in
"systemctl is-enabled"*) [ -e "$ENABLED/$3" ]; exit ;;
"systemctl show"*) exit 0 ;;
"systemctl enable --now"*) : >"$ENABLED/$3" ;;
"python3 -c"*) exit "${TOO_OLD:-0}" ;;
"python3 -m venv"*) mkdir -p "$3/bin" && : >"$3/bin/pyperf" && chmod +x "$3/bin/pyperf" ;;
"dpkg-query"*) grep -qx "$4" "$INSTALLED" && echo install ok installed; exit ;;
"apt-get install"*) [ -z "$BROKEN" ] || { echo one; echo E: no such package; exit 100; } >&2
    echo "$4" >>"$INSTALLED" ;;
esac
echo "$name $*" >>"$CALLED"
"""
# What the script calls, and must be the system's own; the rest is none of this machine's business.
TOOLS = "chmod touch sh sed cat tr seq grep sort paste dirname mkdir mv id tail"


@pytest.fixture
def host(tmp_path):
    """A root of one's own, and commands that only note that they were called."""
    called, commands, installed = (tmp_path / name for name in ("called", "bin", "installed"))
    commands.mkdir()
    (tmp_path / "enabled").mkdir()
    installed.write_text("git\nmake\nnpm\n")
    for name in ("apt-get", "systemctl", "python3", "dpkg-query"):
        (commands / name).write_text(NOTE)
        (commands / name).chmod(0o755)
    for name in TOOLS.split():
        (commands / name).symlink_to(shutil.which(name))
    (commands / "nproc").write_text("#!/bin/sh\necho 6\n")
    (commands / "nproc").chmod(0o755)
    root = tmp_path / "root"
    pip = root / "opt" / "metaflow-benchmarks" / "bin" / "pip"

    def run(*arguments, **variables):
        # As root by sudo, whoever runs the tests.
        environment = {
            "METAFLOW_BENCHMARKS_HOST_ROOT": str(root),
            "PATH": str(commands),
            "CALLED": str(called),
            "ENABLED": str(tmp_path / "enabled"),
            "INSTALLED": str(installed),
            "SUDO_USER": "nobody",
        }
        if "--dry-run" not in arguments and arguments[:1] != ("no-such-person-here",):
            pip.parent.mkdir(parents=True, exist_ok=True)
            pip.write_text(NOTE)
            pip.chmod(0o755)
        return subprocess.run(
            ["sh", SCRIPT, *arguments],
            env=environment | variables,
            capture_output=True,
            text=True,
        )

    run.root, run.called, run.commands, run.enabled = root, called, commands, tmp_path / "enabled"
    run.units = root / "etc" / "systemd" / "system"
    return run


def files(root):
    return {str(path.relative_to(root)) for path in (root / "etc").rglob("*") if path.is_file()}


def test_a_dry_run_prints_and_changes_nothing(host):
    said = host("--dry-run", "--cpus", "2-3,5")
    assert said.returncode == 0, said.stderr
    assert "would write /etc/systemd/system/metaflow-benchmarks.timer:" in said.stdout
    assert "pyperf system tune --affinity=2,3,5" in said.stdout
    # Every change that a run makes is told.
    told = sum(line.startswith("would ") for line in said.stdout.splitlines())
    done = host("--cpus", "2-3,5").stdout.splitlines()
    assert told == sum(line.startswith(("running: ", "writing ")) for line in done)


def test_a_dry_run_changes_nothing(host):
    said = host("--dry-run", "--cpus", "2-3,5")
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
    assert f"WorkingDirectory={ROOT}" in service and "User=nobody\n" in service
    assert "make update MACHINE=quiet\n" in service
    isolated = (host.root / units / "metaflowbenchmarks.slice").read_text()
    assert "AllowedCPUs=2,3,5\n" in isolated
    others = (host.root / units / "user.slice.d/metaflow-benchmarks.conf").read_text()
    assert others == "[Slice]\nAllowedCPUs=0,1,4\n"
    called = host.called.read_text()
    assert "systemctl daemon-reload" in called
    for package in ("python3-venv", "valgrind", "chromium"):
        assert f"apt-get install -qq -y {package}\n" in called
    for unit in ("metaflow-benchmarks-tune.service", "metaflow-benchmarks.timer"):
        assert f"systemctl enable --now {unit}\n" in called
    host.called.unlink()
    assert host("--cpus", "2-3,5", "--machine", "quiet").stdout == "nothing to do\n"
    assert not host.called.exists()


def test_what_is_not_said_again_stays(host):
    assert host("--cpus", "3,1", "--machine", "quiet", "daemon").returncode == 0
    assert host().stdout == "nothing to do\n"
    changed = host("--machine", "other").stdout
    assert "writing /etc/systemd/system/metaflow-benchmarks.service" in changed
    service = (host.units / "metaflow-benchmarks.service").read_text()
    assert "User=daemon\n" in service and "MACHINE=other\n" in service
    assert "AllowedCPUs=1,3\n" in (host.units / "metaflowbenchmarks.slice").read_text()


def test_ubuntu_has_no_package_of_chromium(host):
    release = host.root / "etc" / "os-release"
    release.parent.mkdir(parents=True)
    release.write_text('NAME="Ubuntu"\nID=ubuntu\n')
    assert host().returncode == 0
    assert "chromium" not in host.called.read_text()
    assert host().stdout == "nothing to do\n"


def test_a_run_that_was_stopped_is_completed(host):
    (host.commands / "systemctl").rename(host.commands / "kept")
    (host.commands / "systemctl").write_text(NOTE.replace('echo "$name', "exit 1 #"))
    (host.commands / "systemctl").chmod(0o755)
    stopped = host()
    assert stopped.returncode == 3
    assert "error: systemctl daemon-reload failed" in stopped.stderr
    (host.commands / "kept").rename(host.commands / "systemctl")
    assert "running: systemctl enable --now metaflow-benchmarks.timer" in host().stdout


def test_a_timer_that_somebody_disabled_stays_so(host):
    assert host().returncode == 0
    (host.enabled / "metaflow-benchmarks.timer").unlink()
    host.called.unlink()
    said = host().stdout
    assert "metaflow-benchmarks.timer was disabled by somebody, and stays so" in said
    assert not host.called.exists()


def test_what_apt_refuses_is_said_in_a_line(host):
    said = host(BROKEN="yes")
    assert said.returncode == 3
    assert said.stderr == (
        "error: apt-get install -qq -y python3-venv failed (E: no such package); "
        "mend it and run again\n"
    )


@pytest.mark.parametrize("tool", ["apt-get", "systemctl"])
def test_another_system_is_refused_before_anything_is_done(host, tool):
    (host.commands / tool).unlink()
    said = host()
    assert said.returncode == 3
    assert said.stderr.startswith(f"error: there is no {tool}; ") and not host.called.exists()


def test_a_python_that_is_too_old_or_too_new_is_refused(host):
    said = host(TOO_OLD="1")
    assert said.returncode == 3 and "is not of 3.10 to 3.13" in said.stderr


def test_from_a_root_shell_the_user_is_to_be_named(host):
    said = host(SUDO_USER="root")
    assert said.returncode == 3 and "name the USER to measure as" in said.stderr
    assert host("root", SUDO_USER="root").returncode == 0


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--cpus", "all"], "is no list of CPUs"),
        (["--cpus"], "--cpus needs a list"),
        (["--cpus", "1\nfoo"], "is no list of CPUs"),
        (["0"], "USER 0 is a number"),
        (["+0"], "USER +0 is a number"),
        (["nobody", "daemon"], "one USER, not two: nobody daemon"),
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
    assert host("--cpus", "2-3").returncode == 0
    units = [path for path in host.units.iterdir() if path.is_file()]
    units += list(host.units.glob("*.d/*.conf"))
    checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert "Unknown" not in checked.stderr and "Failed to parse" not in checked.stderr
