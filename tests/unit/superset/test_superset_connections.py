"""Connections of charts: by role, and whichever of a rotating password's files lets in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from tests.superset_settings import LEAST
from workloads.kit.contracts import env
from workloads.superset import connections
from workloads.superset.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.read({**LEAST, env.READER_PASSWORD_FILE: str(tmp_path / "reader")})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a server lets in: `password`, and how it was last asked."""
    known: dict[str, Any] = {"password": "now", "asked": []}

    def connect(**asked: Any) -> str:
        known["asked"].append(asked)
        if asked["password"] != known["password"]:
            raise psycopg2.OperationalError(f"refused for {asked['user']}")
        return "connected"

    monkeypatch.setattr(psycopg2, "connect", connect)
    return known


@pytest.mark.parametrize("accepted", ["now", "next", "before"])
def test_a_role_is_let_in_while_its_password_changes_over(
    settings: Settings, server: dict[str, Any], accepted: str
) -> None:
    file = settings.reader.password_file
    file.write_text("now\n")
    file.with_name("reader.next").write_text("next\n")
    file.with_name("reader.previous").write_text("before\n")
    server["password"] = accepted
    assert connections.connect(settings, settings.reader, "carbon") == "connected"


def test_what_no_password_opens_is_said_without_one(settings: Settings, server: dict[str, Any]) -> None:
    settings.reader.password_file.write_text("wrong")
    with pytest.raises(psycopg2.OperationalError, match=r"^refused for reader$"):
        connections.connect(settings, settings.reader, "carbon")


def test_a_charts_connection_reads_only_and_is_told_where_its_database_is(
    settings: Settings, server: dict[str, Any]
) -> None:
    settings.reader.password_file.write_text("now")
    uri = make_url("postgresql+psycopg2:///metrics_db")
    same, parameters = connections.of_charts(settings, uri, {"poolclass": None}, "ann", None, None)
    assert (same, parameters["creator"]()) == (uri, "connected")
    [asked] = server["asked"]
    assert (asked["host"], asked["dbname"], asked["user"]) == ("postgres", "metrics_db", "reader")
    assert "default_transaction_read_only=on" in asked["options"]
    assert "statement_timeout=60s" in asked["options"]


def test_a_connection_to_another_kind_of_server_is_left_as_it_is(settings: Settings) -> None:
    uri, parameters = make_url("sqlite://"), {"poolclass": None}
    assert connections.of_charts(settings, uri, parameters) == (uri, parameters)
