"""What a reviewer is told of a changed graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tools import paths
from tools.gate import snapshot
from tools.gate.model import Resource, StackPreview
from tools.gate.snapshot import Change, Entry

BOX = "carbon:storage:Postgres::postgres"
CLAIM = "carbon:storage:Postgres$kubernetes:core/v1:PersistentVolumeClaim::postgres"
SERVICE = "carbon:storage:Postgres$kubernetes:core/v1:Service::postgres"
PROVIDER = "pulumi:providers:kubernetes::cluster"


def _graph(*entries: Entry) -> dict[str, Entry]:
    return {entry.urn: entry for entry in entries}


GRAPH = _graph(
    Entry(BOX),
    Entry(
        CLAIM,
        parent=BOX,
        protect=True,
        provider=PROVIDER,
        replaced_by={"metadata.name": "postgres", "spec.storageClassName": "gp3"},
    ),
    Entry(SERVICE, parent=BOX, provider=PROVIDER, dependencies=(CLAIM,)),
)


def _kinds(found: list[Change]) -> list[tuple[str, str]]:
    return [(change.kind, change.title) for change in found]


def _with(**changes: Entry) -> dict[str, Entry]:
    return GRAPH | {entry.urn: entry for entry in changes.values()}


def test_the_same_graph_has_no_difference() -> None:
    assert snapshot.differences(GRAPH, dict(GRAPH)) == []


def test_a_resource_that_is_gone_has_vanished() -> None:
    after = {urn: entry for urn, entry in GRAPH.items() if urn != SERVICE}
    (change,) = snapshot.differences(GRAPH, after)
    assert (change.kind, change.component) == ("vanished", "Postgres postgres")
    assert "no alias" in change.details[0]


def test_a_renamed_resource_with_an_alias_has_moved() -> None:
    renamed = Entry(f"{SERVICE}-rw", parent=BOX, provider=PROVIDER, aliases=(SERVICE,))
    after = {urn: entry for urn, entry in GRAPH.items() if urn != SERVICE} | {renamed.urn: renamed}
    assert _kinds(snapshot.differences(GRAPH, after)) == [("moved", "Service postgres")]


def test_a_renamed_resource_without_an_alias_is_one_that_vanished_and_a_new_one() -> None:
    renamed = Entry(f"{SERVICE}-rw", parent=BOX, provider=PROVIDER)
    after = {urn: entry for urn, entry in GRAPH.items() if urn != SERVICE} | {renamed.urn: renamed}
    assert sorted(_kinds(snapshot.differences(GRAPH, after))) == [
        ("added", "Service postgres-rw"),
        ("vanished", "Service postgres"),
    ]


def test_moving_does_not_hide_a_dropped_protection() -> None:
    renamed = replace(GRAPH[CLAIM], urn=f"{CLAIM}-data", aliases=(CLAIM,), protect=False)
    after = {urn: entry for urn, entry in GRAPH.items() if urn != CLAIM} | {renamed.urn: renamed}
    assert {change.kind for change in snapshot.differences(GRAPH, after)} >= {"moved", "unprotected"}


def test_a_dropped_protection_is_named() -> None:
    after = _with(claim=replace(GRAPH[CLAIM], protect=False))
    assert _kinds(snapshot.differences(GRAPH, after)) == [("unprotected", "PersistentVolumeClaim postgres")]


def test_data_that_would_be_replaced_is_named_with_its_reason() -> None:
    values = {"metadata.name": "postgres", "spec.storageClassName": "gp2"}
    (change,) = snapshot.differences(GRAPH, _with(claim=replace(GRAPH[CLAIM], replaced_by=values)))
    assert change.kind == "replaced"
    assert change.details == ("spec.storageClassName: 'gp3' → 'gp2'",)


def test_other_changes_are_told_field_by_field() -> None:
    after = _with(service=replace(GRAPH[SERVICE], parent="", dependencies=(BOX,), aliases=(CLAIM,)))
    (change,) = snapshot.differences(GRAPH, after)
    assert change.kind == "changed"
    assert set(change.details) == {
        "parent: Postgres postgres → (stack)",
        "depends on: + Postgres postgres",
        "depends on: - PersistentVolumeClaim postgres",
        "alias: + PersistentVolumeClaim postgres",
    }


def test_a_new_protection_is_a_change_that_loses_nothing() -> None:
    (change,) = snapshot.differences(GRAPH, _with(service=replace(GRAPH[SERVICE], protect=True)))
    assert (change.kind, change.details) == ("changed", ("protect: false → true",))


def test_a_file_reads_back_and_has_a_line_a_resource(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "stacks").mkdir()
    assert snapshot.read("prod") is None
    snapshot.write("prod", GRAPH)
    assert snapshot.read("prod") == GRAPH
    lines = snapshot.file("prod").read_text().splitlines()
    assert len(lines) == len(GRAPH) + 2
    assert [line.rstrip(",") for line in lines if "Service" in line] == [
        f'{{"urn": "{SERVICE}", "parent": "{BOX}", "dependencies": ["{CLAIM}"], "provider": "{PROVIDER}"}}'
    ]


def test_a_preview_is_taken_without_its_stacks_name() -> None:
    head = "urn:pulumi:prod::carbon-platform::"
    claim = Resource(
        urn=head + CLAIM,
        type="kubernetes:core/v1:PersistentVolumeClaim",
        name="postgres",
        custom=True,
        parent=head + BOX,
        protect=True,
        provider=head + PROVIDER,
        inputs={"metadata": {"name": "postgres"}, "spec": {"storageClassName": "gp3", "volumeMode": "Block"}},
    )
    service = Resource(
        urn=head + SERVICE,
        type="kubernetes:core/v1:Service",
        name="postgres",
        custom=True,
        inputs={"spec": {}},
    )
    taken = snapshot.take(StackPreview("prod", (claim, service)))
    assert taken[CLAIM] == GRAPH[CLAIM]
    assert taken[SERVICE].replaced_by == {}
