"""The routes over a gateway that is told what to answer: who may withdraw, what a stale one says."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from workloads.api_integration import app
from workloads.api_integration.cache import Entry
from workloads.api_integration.gateway import Answer
from workloads.api_integration.withdrawal import Withdrawn

TOKEN = "the-operators-own"


class _Gateway:
    """Gives what it was told last."""

    def __init__(self) -> None:
        self.why = ""

    def ask(self, *_: object) -> Answer:
        now = time.time()
        entry = Entry(
            status=200,
            body=b'{"a":1}',
            etag=None,
            last_modified=None,
            received_at=now - 9,
            confirmed_at=now - 9,
            fresh_until=now - 4,
            stale_until=now + 99,
        )
        return Answer(entry, "stale", self.why)


class _Settings:
    def __init__(self, file: Path) -> None:
        self.operator_token_file = file


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n", encoding="utf-8")
    return file


@pytest.fixture
def gateway() -> _Gateway:
    return _Gateway()


@pytest.fixture
def client(token: Path, gateway: _Gateway, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(app, "withdraw", lambda *_, **__: Withdrawn(there=True, error=None))
    given: Any = (_Settings(token), gateway, None)
    return app.create_app(*given).test_client()


def _withdraw(client: FlaskClient, authorization: str | None) -> tuple[int, dict[str, Any]]:
    headers = {"X-Caller": "desk"} | ({"Authorization": authorization} if authorization is not None else {})
    answer = client.delete("/v1/tags/all?reason=wrong", headers=headers)
    return answer.status_code, msgspec.json.decode(answer.data)


def test_the_operators_token_withdraws(client: FlaskClient) -> None:
    assert _withdraw(client, f"Bearer {TOKEN}")[0] == 200


@pytest.mark.parametrize(
    "shown", [None, "", "Bearer", "Bearer ", "Bearer x", TOKEN, f"Basic {TOKEN}", "Bearer ü"]
)
def test_anything_else_does_not(client: FlaskClient, shown: str | None) -> None:
    status, problem = _withdraw(client, shown)
    assert (status, problem["field"]) == (401, "Authorization")


@pytest.mark.parametrize("held", ["", "\n", None])
@pytest.mark.parametrize("shown", [None, "", "Bearer ", f"Bearer {TOKEN}"])
def test_without_a_token_of_its_own_nobody_withdraws(
    client: FlaskClient, token: Path, held: str | None, shown: str | None
) -> None:
    if held is None:
        token.unlink()
    else:
        token.write_text(held, encoding="utf-8")
    status, problem = _withdraw(client, shown)
    assert (status, problem["field"]) == (
        503 if (shown or "").startswith("Bearer ") else 401,
        "Authorization",
    )


@pytest.mark.parametrize(
    "why", ["answered 503: Wartung läuft, später 维护", "a\r\nSet-Cookie: x", "\x00\x7f", "ü" * 500]
)
def test_a_stale_answer_is_given_whatever_the_provider_said(
    client: FlaskClient, gateway: _Gateway, why: str
) -> None:
    gateway.why = why
    answer = client.get("/v1/weather/forecast?latitude=1&longitude=2")
    assert (answer.status_code, answer.data) == (200, b'{"a":1}')
    assert re.fullmatch(r"[\x20-\x7e]{1,200}", answer.headers["X-Stale-Because"])
