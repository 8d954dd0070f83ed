"""What the doctor says of this machine, and of machines made of the files that it reads."""

import json

import pytest
from click.testing import CliRunner

from mfbench.explain import doctor

CPU = "sys/devices/system/cpu"
HUGE_PAGES = "sys/kernel/mm/transparent_hugepage/enabled"
# What two machines have in these files: one as it comes, and one that is tuned.
FILES = {
    "proc/loadavg": ("3.50 1.00 0.50 2/101 17167", "0.02 1.00 0.50 2/101 17167"),
    f"{CPU}/cpu0/cpufreq/scaling_governor": ("powersave", "performance"),
    f"{CPU}/cpu1/cpufreq/scaling_governor": ("performance", "performance"),
    f"{CPU}/cpufreq/boost": ("1", "0"),
    f"etc/systemd/system/{doctor.SLICE}": ("[Slice]\nAllowedCPUs=2,3",) * 2,
    "proc/self/cgroup": ("0::/user.slice/session-1.scope", f"0::/{doctor.SLICE}/run-r1.service"),
    HUGE_PAGES: ("[always] madvise never", "always [madvise] never"),
    "sys/bus/virtio/drivers/virtio_balloon/virtio0/features": ("01100101", "01100001"),
    "proc/cpuinfo": ("flags\t\t: fpu hypervisor vme", "flags\t\t: fpu vme"),
    "sys/fs/cgroup/cpu.max": ("150000 100000", "max 100000"),
}


@pytest.fixture
def examined(tmp_path, monkeypatch):
    """A function: the checks of a machine with these files, by name; valgrind is missing."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def examine(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{text}\n")
        found = doctor.run_checks(tmp_path)
        order = [each.disturbs for each in found]
        assert order == sorted(order, key=[True, None, False].index)
        assert all(bool(each.remedy) == (each.disturbs is True) for each in found)
        return {each.name: each for each in found}

    return examine


def test_a_machine_as_it_comes_is_disturbed_by_everything(examined):
    found = examined({name: texts[0] for name, texts in FILES.items()})
    assert all(each.disturbs for each in found.values())
    assert found["load"].found.startswith("3.50 busy processes")
    assert "CPUs 2,3 belong to" in found["reserved CPUs"].found
    assert found["huge pages"].remedy.endswith(f"echo madvise | sudo tee /{HUGE_PAGES}")
    assert "1.5 CPUs" in found["CPU limit"].found


def test_a_tuned_machine_is_fine(examined, tmp_path):
    (tmp_path / "valgrind").touch(mode=0o755)
    found = examined({name: texts[1] for name, texts in FILES.items()})
    assert all(each.disturbs is False for each in found.values())


def test_without_files_little_is_known(examined):
    found = examined({})
    known = {name for name, each in found.items() if each.disturbs is not None}
    assert known == {"reserved CPUs", "CPU limit", "valgrind"}


def test_the_command_tells_of_this_machine():
    text = CliRunner().invoke(doctor.command, [])
    assert text.exit_code == 0
    assert "of 9 disturb " in text.output
    made = CliRunner().invoke(doctor.command, ["--format", "json"])
    names = [each["name"] for each in json.loads(made.output)]
    assert len(names) == 9 and all(f" {name:15} " in text.output for name in names)
