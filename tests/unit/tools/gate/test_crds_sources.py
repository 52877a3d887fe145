"""Definitions of custom resources: where they come from, and that they are what they were."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.tools.conftest import Machine
from tools.errors import MissingPrerequisite, ToolError
from tools.gate import crds
from tools.gate.crds import Source

COMMITTED = Source("toys", "v1", ("toys.example",))
MODULE = Source("example.com/toys", "v1.2.3", ("toys.example",), "toys", "h1:right=", "config")


def definition(kind: str = "Robot", group: str = "toys.example") -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.lower()}s.{group}"},
        "spec": {"group": group, "names": {"kind": kind}, "conversion": {"strategy": "Webhook"}},
    }


@pytest.fixture
def data(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of committed definitions, the only source there is, on a machine with an empty cache."""
    toys = machine.home / "data" / "toys"
    toys.mkdir(parents=True)
    (toys / "robots.yaml").write_text(yaml.safe_dump_all([definition(), {"kind": "Other"}]))
    monkeypatch.setattr(crds, "DATA", toys.parent)
    monkeypatch.setattr(crds, "SOURCES", (COMMITTED,))
    return toys


def module(machine: Machine, checksum: str) -> None:
    """Put a `go` on PATH whose module cache has the module."""
    source = machine.home / "module" / "config"
    source.mkdir(parents=True)
    (source / "robots.yaml").write_text(yaml.safe_dump(definition()))
    answer = json.dumps({"Dir": str(source.parent), "Sum": checksum})
    asked = f"echo \"$*\" >> {machine.home}/asked; echo '{answer}'"
    machine.program("go", f'if [ "$1" = env ]; then echo go1.26.8; else {asked}; fi')


def test_only_what_is_asked_for_is_found_and_without_its_conversion(data: Path) -> None:
    assert data.is_dir()
    found = crds.find([("toys.example", "Robot"), ("toys.example", "Doll"), ("apps", "Deployment")])
    assert [d["metadata"]["name"] for d in found] == ["robots.toys.example"]
    assert "conversion" not in found[0]["spec"]


def test_a_changed_file_is_read_again(data: Path) -> None:
    before = crds.directory(COMMITTED)
    (data / "dolls.yaml").write_text(yaml.safe_dump(definition("Doll")))
    assert crds.directory(COMMITTED) != before
    assert len(crds.find([("toys.example", "Robot"), ("toys.example", "Doll")])) == 2


def test_a_module_is_fetched_once_at_its_version(machine: Machine) -> None:
    module(machine, "h1:right=")
    first = crds.directory(MODULE)
    assert [file.name for file in first.iterdir()] == ["toys.example_Robot.json"]
    assert crds.directory(MODULE) == first
    assert (machine.home / "asked").read_text() == "mod download -json example.com/toys@v1.2.3\n"


def test_a_module_with_another_sum_is_refused_and_nothing_of_it_is_kept(machine: Machine) -> None:
    module(machine, "h1:wrong=")
    with pytest.raises(ToolError, match=r"h1:wrong=.*h1:right= was expected"):
        crds.directory(MODULE)
    assert list((machine.cache / "crds").iterdir()) == []


def test_without_go_the_error_names_the_module(machine: Machine) -> None:
    assert machine.bin
    with pytest.raises(MissingPrerequisite, match=r"example\.com/toys"):
        crds.directory(MODULE)


def test_a_bare_equals_sign_is_a_string() -> None:
    text = "kind: CustomResourceDefinition\nenum: [=, '!=']\n"
    assert [d["enum"] for d in crds.definitions(text)] == [["=", "!="]]


def test_every_committed_definition_is_in_a_group_of_its_source() -> None:
    committed = {source.name: source for source in crds.SOURCES if not source.sum}
    assert set(committed) == {path.name for path in crds.DATA.iterdir() if path.is_dir()}
    for name, source in committed.items():
        files = list((crds.DATA / name).glob("*.yaml"))
        groups = {d["spec"]["group"] for file in files for d in crds.definitions(file.read_text())}
        assert groups == set(source.groups)


def test_no_group_has_two_sources() -> None:
    groups = [group for source in crds.SOURCES for group in source.groups]
    assert len(groups) == len(set(groups))


@pytest.mark.parametrize(
    ("version", "kind"), [("v1", ("", "Pod")), ("apps/v1", ("apps", "Pod")), ("", ("", "Pod"))]
)
def test_the_core_group_has_no_name(version: str, kind: crds.Kind) -> None:
    assert crds.kind_of({"apiVersion": version, "kind": "Pod"}) == kind
