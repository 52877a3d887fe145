"""API keys on a real database and broker: shown once, listed without secrets, rotated, revoked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.services.access import entitle
from tests.services.clients import KafkaClient, MigratedDatabase
from workloads.data_api import keys, manage_keys
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.topics import PLATFORM_AUDIT

ROLE = DATA_API.role or ""
WHY = ("--by=ada", "--reason=a test")


@pytest.fixture
def audit(kafka: KafkaClient) -> Iterator[KafkaClient]:
    kafka.create(PLATFORM_AUDIT, 1)
    yield kafka
    kafka.admin.delete_topics([PLATFORM_AUDIT])[PLATFORM_AUDIT].result(30)


class Run:
    """`manage_keys` as a pod of data-api runs it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.said = ""

    def __call__(self, *args: str, code: int = 0) -> Any:
        self._capsys.readouterr()
        assert manage_keys.main(list(args)) == code
        out, self.said = self._capsys.readouterr()
        return json.loads(out.strip().splitlines()[-1]) if code == 0 else None


@pytest.fixture
def run(
    database: MigratedDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    for name, value in database.env(ROLE).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("KAFKA_BOOTSTRAP", raising=False)
    entitle(database, pilot_one={}, pilot_two={})
    return Run(capsys)


def events(database: MigratedDatabase) -> list[tuple[Any, ...]]:
    return database.query("SELECT action, subject, actor, reason FROM access_events ORDER BY at")


def test_a_key_is_shown_once_and_kept_as_a_digest(database: MigratedDatabase, run: Run) -> None:
    made = run("create", "--tenant=pilot-one", "--name=desk", "--scope=read", "--days=30", *WHY)
    parsed = keys.parse(made["key"])
    assert parsed is not None
    assert parsed[0] == made["id"]
    rows = database.query("SELECT * FROM api_keys")
    assert parsed[1] not in repr(rows)
    (listed,) = run("list", "--tenant=pilot-one")
    assert made["key"] not in json.dumps(listed)
    assert (listed["id"], listed["name"], listed["state"]) == (made["id"], "desk", "valid")
    assert run("list", "--tenant=pilot-two") == []
    assert events(database) == [("key.create", f"pilot-one/{made['id']}", "ada", "a test")]


def test_a_rotated_key_holds_on_for_the_overlap_and_no_longer(database: MigratedDatabase, run: Run) -> None:
    old = run("create", "--tenant=pilot-one", "--name=desk", "--scope=write", "--days=30", *WHY)
    new = run("rotate", "--tenant=pilot-one", f"--id={old['id']}", "--overlap-hours=2", *WHY)
    assert (new["name"], new["scopes"]) == ("desk", ["write"])
    assert new["key"] != old["key"]
    states = {key["id"]: key for key in run("list", "--tenant=pilot-one")}
    assert {key["state"] for key in states.values()} == {"valid"}
    ends = datetime.fromisoformat(states[old["id"]]["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=1.9) < ends <= timedelta(hours=2)
    assert states[new["id"]]["replaces"] == old["id"]
    # Without overlap it ends at once, and an ended one has no successor.
    run("rotate", "--tenant=pilot-one", f"--id={new['id']}", "--overlap-hours=0", *WHY)
    run("rotate", "--tenant=pilot-one", f"--id={new['id']}", *WHY, code=2)


def test_a_revoked_key_is_over_and_another_tenants_is_none(database: MigratedDatabase, run: Run) -> None:
    made = run("create", "--tenant=pilot-one", "--name=desk", *WHY)
    run("revoke", "--tenant=pilot-two", f"--id={made['id']}", *WHY, code=2)
    run("revoke", "--tenant=pilot-one", f"--id={made['id']}", *WHY)
    assert [key["state"] for key in run("list", "--tenant=pilot-one")] == ["revoked"]
    run("revoke", "--tenant=pilot-one", f"--id={made['id']}", *WHY, code=2)


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("create", "--tenant=nobody", "--name=x"), "pilot-one, pilot-two"),
        (("create", "--tenant=pilot-one", "--name= "), "name"),
        (("create", "--tenant=pilot-one", "--name=a\x1b[2J"), "name"),
        (("create", "--tenant=pilot-one", "--name=x", "--scope=all"), "read, write, admin"),
        (("create", "--tenant=pilot-one", "--name=x", "--days=0"), "days"),
        (("create", "--tenant=pilot-one", "--name=x", "--days=nan"), "days"),
        (("create", "--tenant=pilot-one", "--name=x", "--days=100000"), "730"),
        (("rotate", "--tenant=pilot-one", "--id=x", "--overlap-hours=-1"), "overlap"),
        (("rotate", "--tenant=pilot-one", "--id=' OR 1=1"), "no valid key"),
        # The record says who and why, or nothing happens.
        (("create", "--tenant=pilot-one", "--name=x", "--by= "), "by ' ': say who you are"),
        (("create", "--tenant=pilot-one", "--name=x", f"--by={'a' * 201}"), "up to 200"),
        (("create", "--tenant=pilot-one", "--name=x", "--by=\udcff"), "printable"),
        (("create", "--tenant=pilot-one", "--name=x", "--reason=a\x1b[2J"), "reason"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    database: MigratedDatabase, run: Run, args: tuple[str, ...], named: str
) -> None:
    run(args[0], *WHY, *args[1:], code=2)
    assert named in run.said
    assert database.query("SELECT * FROM api_keys") == []
    assert events(database) == []


def test_a_change_is_recorded_on_the_topic_of_audits(
    audit: KafkaClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP", audit.bootstrap)
    made = run("create", "--tenant=pilot-one", "--name=desk", *WHY)
    (record,) = audit.read(PLATFORM_AUDIT)
    event = msgspec.json.decode(record.value, type=AuditEvent)
    assert (event.action, event.subject, event.actor) == ("key.create", f"pilot-one/{made['id']}", "ada")
    assert made["key"] not in record.value.decode()


@pytest.mark.thorough
def test_what_cannot_be_recorded_does_not_happen_but_for_a_revocation(
    database: MigratedDatabase, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run("create", "--tenant=pilot-one", "--name=desk", *WHY)
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("KAFKA_WAIT_SECONDS", "0.2")
    run("create", "--tenant=pilot-one", "--name=other", *WHY, code=1)
    assert "nothing was changed" in run.said
    assert len(run("list", "--tenant=pilot-one")) == 1
    run("revoke", "--tenant=pilot-one", f"--id={made['id']}", *WHY)
    assert [action for action, *_ in events(database)] == ["key.create", "key.revoke"]
