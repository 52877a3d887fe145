import json
import socket
from pathlib import Path

import pytest

from tools.cluster.errors import Busy
from tools.cluster.instance import PORTS, Instance, ports
from tools.errors import UsageError


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARBON_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_name_comes_from_the_environment(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSTANCE", raising=False)
    assert Instance.named().name == "local"
    monkeypatch.setenv("INSTANCE", "ci")
    assert Instance.named().dir == state / "ci"


@pytest.mark.parametrize("name", ["Ci", "1st", "a b", "../x", "a" * 40])
def test_name_that_cannot_be_used_is_refused(state: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("INSTANCE", name)
    with pytest.raises(UsageError, match="INSTANCE=") as refused:
        Instance.named()
    assert name in refused.value.message
    assert not state.exists()


def test_same_name_under_another_state_directory_is_another_instance(tmp_path: Path) -> None:
    one, other = Instance("ci", tmp_path / "a" / "ci"), Instance("ci", tmp_path / "b" / "ci")
    assert one.cgroup != other.cgroup
    assert one.cgroup == Instance("ci", tmp_path / "a" / "ci").cgroup


def test_ports_are_kept_and_never_shared(state: Path) -> None:
    first, second = ports(Instance.named("one")), ports(Instance.named("two"))
    blocks = [range(each.base, each.base + PORTS) for each in (first, second)]
    assert not set(blocks[0]) & set(blocks[1])
    assert ports(Instance.named("one")) == first
    assert first.api not in {first.service(index) for index in range(PORTS - 1)}
    assert {first.service(index) for index in range(PORTS - 1)} < set(blocks[0])
    with pytest.raises(ValueError, match="outside"):
        first.service(PORTS - 1)


def test_block_with_a_listener_in_it_is_passed_over(state: Path) -> None:
    free = ports(Instance.named("probe"))
    (Instance.named("probe").node / "ports.json").unlink()
    with socket.create_server(("127.0.0.1", free.service(PORTS - 2))):
        assert ports(Instance.named("one")).base != free.base


def test_second_change_at_the_same_time_is_refused(state: Path) -> None:
    instance = Instance.named("one")
    with instance.lock():
        with pytest.raises(Busy, match="'one' is being changed"), instance.lock():
            pytest.fail("two held the lock")
        with Instance.named("two").lock():
            pass
    with instance.lock():
        pass


def test_port_record_survives(state: Path) -> None:
    chosen = ports(Instance.named("one"))
    assert json.loads((state / "one" / "node" / "ports.json").read_text()) == {"base": chosen.base}
