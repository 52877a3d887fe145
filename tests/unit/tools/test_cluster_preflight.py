import socket
import sys
from pathlib import Path

import pytest

from tools.cluster import cgroups, preflight
from tools.cluster.instance import Instance, ports
from tools.errors import MissingPrerequisite

HYBRID = """\
24 18 0:20 / /sys rw,nosuid - sysfs sysfs rw
30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance("one", tmp_path / "one")


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing missing, whatever this one is."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(preflight, "available_memory", lambda: 8 << 30)
    monkeypatch.setattr(preflight, "DISK_GIB", 0)
    monkeypatch.setattr(preflight, "filesystems", lambda: {"overlay"})
    monkeypatch.setattr(preflight, "missing_controllers", lambda roots: set[str]())


@pytest.mark.usefixtures("roomy")
def test_machine_with_everything_passes_untouched(instance: Instance) -> None:
    preflight.check(instance)
    assert not instance.dir.exists()


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize(
    ("what", "value", "words"),
    [
        ("sys.platform", "darwin", ("darwin", "KUBE_CONTEXT")),
        ("os.geteuid", lambda: 1000, ("1000", "root")),
        (
            "tools.cluster.preflight.available_memory",
            lambda: 7 << 30,
            ("7.0 GiB of memory", "8 GiB are needed"),
        ),
        ("tools.cluster.preflight.DISK_GIB", 1 << 30, ("of disk", "CARBON_STATE")),
        ("tools.cluster.preflight.filesystems", lambda: {"ext4"}, ("overlayfs", "modprobe overlay")),
        ("tools.cluster.preflight.missing_controllers", lambda roots: {"pids"}, ("pids", "/sys/fs/cgroup")),
    ],
    ids=["system", "user", "memory", "disk", "overlay", "cgroups"],
)
def test_what_is_missing_is_named_with_its_remedy(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, what: str, value: object, words: tuple[str, str]
) -> None:
    monkeypatch.setattr(what, value)
    with pytest.raises(MissingPrerequisite) as missing:
        preflight.check(instance)
    assert missing.value.exit_code == 3
    assert missing.value.remedy
    for word in words:
        assert word in f"{missing.value.message} {missing.value.remedy}"
    assert not instance.dir.exists()


@pytest.mark.usefixtures("roomy")
def test_taken_port_is_named(instance: Instance) -> None:
    taken = ports(instance).service(3)
    with socket.create_server(("127.0.0.1", taken)), pytest.raises(MissingPrerequisite, match=str(taken)):
        preflight.check(instance)
    preflight.check(instance)


@pytest.mark.usefixtures("roomy")
def test_state_that_an_instance_would_hide_is_refused() -> None:
    with pytest.raises(MissingPrerequisite, match="/run/state/one"):
        preflight.check(Instance("one", Path("/run/state/one")))


def test_hierarchies_are_the_mounted_ones(tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(HYBRID)
    found = cgroups.hierarchies(mountinfo)
    assert found == [Path("/sys/fs/cgroup/cpu,cpuacct"), Path("/sys/fs/cgroup/unified")]
    assert preflight.missing_controllers(found) == preflight.V1_CONTROLLERS - {"cpu", "cpuacct"}


def test_version_2_names_the_controllers_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids\n")
    assert preflight.missing_controllers([tmp_path]) == {"cpuset"}


def test_version_2_controllers_are_handed_down(tmp_path: Path) -> None:
    # The kernel makes these files with a directory; here they are there before.
    for directory in (tmp_path, tmp_path / "one"):
        directory.mkdir(exist_ok=True)
        (directory / "cgroup.controllers").write_text("cpuset cpu io memory hugetlb pids\n")
        (directory / "cgroup.subtree_control").write_text("cpu\n")
    cgroups.create("one", [tmp_path])
    for directory in (tmp_path, tmp_path / "one"):
        assert (directory / "cgroup.subtree_control").read_text() == "+cpuset +io +memory +pids"
    assert (tmp_path / "one" / cgroups.SYSTEM).is_dir()


def test_version_1_cpuset_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "cpuset.sched_load_balance").touch()
    (tmp_path / "cpuset.cpus").write_text("0-3\n")
    (tmp_path / "cpuset.mems").write_text("0\n")
    cgroups.create("one", [tmp_path])
    assert (tmp_path / "one" / cgroups.SYSTEM / "cpuset.cpus").read_text() == "0-3\n"
    assert (tmp_path / "one" / "cpuset.mems").read_text() == "0\n"


@pytest.mark.parametrize(("setting", "one"), [("cpu.shares", 1024), ("cpu.weight", 100)])
def test_a_busy_machine_gives_the_node_more_than_one_process(tmp_path: Path, setting: str, one: int) -> None:
    for directory in ("one", f"one/{cgroups.SYSTEM}"):
        (tmp_path / directory).mkdir(exist_ok=True)
        (tmp_path / directory / setting).write_text(str(one))
    cgroups.create("one", [tmp_path])
    assert int((tmp_path / "one" / setting).read_text()) == cgroups.WEIGHT * one
    assert int((tmp_path / "one" / cgroups.SYSTEM / setting).read_text()) == cgroups.SYSTEM_WEIGHT * one
