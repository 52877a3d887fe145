"""A machine that lacks programs hears of all at once, with one command; root on Debian is not stopped."""

import os

import pytest

from tests.unit.tools.conftest import Machine
from tools import golang, packages, prerequisites
from tools.cluster import namespaces, preflight
from tools.errors import MissingPrerequisite


@pytest.fixture(autouse=True)
def bare(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that could carry a node and has no program of its own but apt-get."""
    monkeypatch.setattr(namespaces, "init_pid", lambda _: None)
    monkeypatch.setattr(preflight, "problems", lambda _: iter(()))
    monkeypatch.setattr(packages, "PLACES", ())
    machine.program("apt-get", ":")
    return machine


def test_all_is_told_at_once_with_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(golang, "can_be_had", lambda: False)
    with pytest.raises(MissingPrerequisite) as raised:
        prerequisites.check(node=True)
    for program in ("java", "mvn", "git", "buildah", "containerd", "Go "):
        assert program in raised.value.message
    (command,) = (line for line in raised.value.remedy.split(": ") if line.startswith("sudo apt-get update"))
    wanted = {*packages.NODE.values(), *packages.IMAGES.values(), *packages.BUILD.values()}
    assert wanted <= set(command.split())


def test_without_a_node_only_what_is_fetched_with_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingPrerequisite) as raised:
        prerequisites.check(node=False)
    assert "mvn" in raised.value.message
    assert "containerd" not in raised.value.message


def test_root_on_debian_is_not_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    prerequisites.check(node=True)


def test_root_elsewhere_hears_the_names(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (machine.bin / "apt-get").unlink()
    with pytest.raises(MissingPrerequisite) as raised:
        prerequisites.check(node=True)
    assert "maven" in raised.value.remedy
