"""What the doctor says of this machine, and of machines made of files that pyperf reads."""

import json
import os
import subprocess
import sys

import pytest

from scripts import doctor, host_checks
from scripts.paths import ROOT

# pyperf's own code, which has no option for where /sys and /proc are.
SHOW = """
import os.path, sys
root = sys.argv.pop(1)
from pyperf import _cpu_utils, _system
for module in (_cpu_utils, _system):
    module.sysfs_path = lambda path: os.path.join(root, "sys", path)
    module.proc_path = lambda path: os.path.join(root, "proc", path)
_system.ASLR.path = _system.proc_path("sys/kernel/randomize_va_space")
_system.PerfEvent.path = _system.proc_path("sys/kernel/perf_event_max_sample_rate")
_system.IRQAffinity.irq_path = _system.proc_path("irq")
_system.PowerSupply.path = _system.sysfs_path("class/power_supply")
sys.argv[1:] = ["system", "show"]
from pyperf.__main__ import main
main()
"""
ALL_NAMES = {
    *("load", "CPU governor", "turbo", "ASLR", "isolated CPUs", "RCU", "nohz_full"),
    *("perf events", "power supply", "huge pages", "free memory", "virtual machine"),
    *("container", "valgrind"),
}


def tool(*arguments, **variables):
    finished = subprocess.run(
        [sys.executable, "-m", "scripts.doctor", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def examined(root, facts=None):
    """Return the checks of a machine whose files are below `root`, by name."""
    command = [sys.executable, "-c", SHOW, str(root)]
    shown = subprocess.run(command, capture_output=True, text=True)
    assert "Traceback" not in shown.stderr
    found = doctor.checks(shown.stdout, facts or {}, root)
    order = [each.disturbs for each in found]
    assert order == sorted(order, key=[True, None, False].index)
    return {each.name: each for each in found}


def cpu_files(governor):
    frequencies = {"scaling_min_freq": "400000", "scaling_max_freq": "4700000"}
    return {
        f"sys/devices/system/cpu/cpu{number}/cpufreq/{name}": f"{value}\n"
        for number in range(os.cpu_count())
        for name, value in {
            **{"scaling_governor": governor, "scaling_driver": "intel_pstate"},
            **frequencies,
        }.items()
    }


LAPTOP = {
    **cpu_files("powersave"),
    "sys/devices/system/cpu/intel_pstate/no_turbo": "0\n",
    "sys/devices/system/cpu/isolated": "\n",
    "sys/devices/system/cpu/nohz_full": "1\n",
    "sys/class/power_supply/AC/type": "Mains\n",
    "sys/class/power_supply/AC/online": "0\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
    "sys/bus/virtio/drivers/virtio_balloon/virtio0/features": "01100101" + "0" * 56 + "\n",
    "proc/cmdline": "quiet\n",
    "proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vme\n",
    "proc/sys/kernel/randomize_va_space": "0\n",
    "proc/sys/kernel/perf_event_max_sample_rate": "100000\n",
}
TUNED = LAPTOP | {
    **cpu_files("performance"),
    "sys/devices/system/cpu/intel_pstate/no_turbo": "1\n",
    "sys/devices/system/cpu/isolated": "0\n",
    "sys/devices/system/cpu/nohz_full": "(null)\n",
    "sys/class/power_supply/AC/online": "1\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "sys/bus/virtio/drivers/virtio_balloon/virtio0/features": "01100001" + "0" * 56 + "\n",
    "proc/cmdline": "isolcpus=0 rcu_nocbs=0\n",
    "proc/sys/kernel/randomize_va_space": "2\n",
    "proc/sys/kernel/perf_event_max_sample_rate": "1\n",
}


def test_a_laptop_as_it_comes_is_disturbed_by_all_of_it(tmp_path):
    write(tmp_path, LAPTOP)
    found = examined(tmp_path, {"load_avg_1min": "3.50", "cpu_count": "8"})
    assert set(found) == ALL_NAMES
    fine = {"virtual machine", "container", "valgrind"}
    if os.cpu_count() == 1:
        fine |= {"isolated CPUs", "RCU"}
    for name in ALL_NAMES - fine:
        assert found[name].disturbs and found[name].remedy, name
    assert "powersave" in found["CPU governor"].found
    assert "unplugged" in found["power supply"].found
    assert "3.50" in found["load"].found
    assert "huge_pages" in found["huge pages"].found
    assert (found["virtual machine"].found, found["container"].found) == ("no", "no")


def test_cpus_set_apart_for_a_slice_are_for_what_is_in_it(tmp_path):
    slice_unit = {"etc/systemd/system/metaflowbenchmarks.slice": "[Slice]\nAllowedCPUs=2,3\n"}
    write(tmp_path, LAPTOP | slice_unit)
    write(tmp_path, {"proc/self/cgroup": "0::/user.slice/user-1000.slice/session-1.scope\n"})
    outside = examined(tmp_path)["isolated CPUs"]
    assert outside.disturbs and "not in it" in outside.found and "docs/host.md" in outside.remedy
    write(tmp_path, {"proc/self/cgroup": "0::/metaflowbenchmarks.slice/run-r1.service\n"})
    inside = examined(tmp_path)["isolated CPUs"]
    assert inside.disturbs is False and "CPUs 2,3 are set apart" in inside.found
    # Without CPUs the slice sets nothing apart.
    write(tmp_path, {"etc/systemd/system/metaflowbenchmarks.slice": "[Slice]\n"})
    assert "slice" not in examined(tmp_path)["isolated CPUs"].found


def test_a_tuned_machine_is_fine(tmp_path):
    write(tmp_path, TUNED)
    found = examined(tmp_path, {"load_avg_1min": "0.02", "cpu_count": "8"})
    for name in ALL_NAMES - {"valgrind"}:
        assert found[name].disturbs is False and not found[name].remedy, name


def test_where_no_file_can_be_read_nothing_is_known(tmp_path):
    found = examined(tmp_path)
    known = {"isolated CPUs", "RCU", "container", "valgrind"}
    for name in ALL_NAMES - known:
        assert found[name].disturbs is None, name
        assert found[name].found.startswith(host_checks.NOT_KNOWN)


def test_pyperf_that_says_nothing_is_no_failure(tmp_path):
    for shown in ("", "Traceback (most recent call last):\n", "Advices\n=======\n"):
        assert {each.name for each in doctor.checks(shown, {}, tmp_path)} == ALL_NAMES


def test_a_machine_of_a_cloud_is_a_container_in_a_virtual_machine(tmp_path):
    write(
        tmp_path,
        {
            "proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu hypervisor vme\n",
            "proc/stat": "cpu  600 0 200 150 0 0 0 50 0 0\ncpu0 600 0\n",
            "proc/1/cgroup": "0::/docker/0123\n",
            "sys/fs/cgroup/cpu.max": "150000 100000\n",
        },
    )
    found = examined(tmp_path)
    assert found["virtual machine"].disturbs and "5.00%" in found["virtual machine"].found
    assert found["container"].disturbs and "1.5 CPUs" in found["container"].found


def test_a_container_without_a_limit_does_not_disturb(tmp_path):
    write(tmp_path, {".dockerenv": "", "sys/fs/cgroup/cpu.max": "max 100000\n"})
    found = examined(tmp_path)["container"]
    assert found.disturbs is False and found.found.startswith("yes")


def test_valgrind_is_missed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = host_checks.valgrind()
    assert missing.disturbs and "apt-get install valgrind" in missing.remedy
    (tmp_path / "valgrind").touch(mode=0o755)
    assert host_checks.valgrind().disturbs is False


def test_this_machine_is_examined_in_text():
    said = tool()
    for name in ALL_NAMES:
        assert any(line[10:].startswith(name) for line in said.splitlines()), name
    assert f"of {len(ALL_NAMES)} disturb" in said


def test_this_machine_is_examined_in_json():
    found = json.loads(tool("--format", "json"))
    assert {each["name"] for each in found} == ALL_NAMES
    for each in found:
        assert set(each) == {"name", "found", "disturbs", "remedy"}
        assert bool(each["remedy"]) == (each["disturbs"] is True)


def test_the_load_of_this_machine_is_pyperfs():
    facts = doctor.metadata(doctor.ask_pyperf("collect_metadata"))
    assert host_checks.load(facts).disturbs is not None
    assert int(facts["cpu_count"]) == os.cpu_count()


@pytest.mark.parametrize("average", ["", "much", "nan"])
def test_a_load_that_is_no_number_is_not_known(average):
    assert host_checks.load({"load_avg_1min": average}).disturbs is None
