"""An API that wants a token of OAuth 2.0, against a real server on this machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from pydantic import ValidationError

from tests.unit.price_pipeline.api import Answer, Api
from workloads.kit import scrub
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.http_config import ClientCredentials as TokenConfig
from workloads.kit.contracts.sources.kinds import HttpSource as Config
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.sources import SourceError
from workloads.price_pipeline.sources.http import HttpSource
from workloads.price_pipeline.sources.oauth2 import ClientCredentials

SECRET = "s3cret/of the client"


class Guarded(Api):
    """Gives prices, a row a page and three of them, to who shows the token that it gave last."""

    def __init__(self) -> None:
        super().__init__()
        self.lasts: dict[str, Any] = {"expires_in": 3600}
        self.given = 0
        self.ends_after: set[int] = set()
        self.answer = self._answer

    @property
    def tokens_asked(self) -> list[tuple[dict[str, str], dict[str, str]]]:
        return [(form, headers) for path, form, headers in self.asked if path == "/token"]

    def _answer(self, path: str, query: dict[str, str]) -> Answer:
        if path == "/token":
            self.given += 1
            token = {"access_token": f"token-{self.given:06}", "token_type": "bearer", **self.lasts}
            return 200, {}, json.dumps(token)
        page = int(query["page"])
        shown = self.asked[-1][2].get("Authorization")
        if page in self.ends_after:
            self.ends_after.discard(page)
            return 401, {}, "expired"
        if shown != f"Bearer token-{self.given:06}":
            return 401, {}, "no token of mine"
        return 200, {}, json.dumps([{"d": f"2026-01-0{page}", "v": page}] if page <= 3 else [])


@pytest.fixture
def api() -> Iterator[Guarded]:
    server = Guarded()
    with stamina.set_testing(True, attempts=3, cap=True):
        yield server
    server.close()


@pytest.fixture
def source(api: Guarded, tmp_path: Path) -> Callable[..., HttpSource]:
    secret = tmp_path / "client-secret"
    secret.write_text(f"{SECRET}\n")

    def make(**changed: Any) -> HttpSource:
        credentials = {"token_url": f"{api.url}/token", "client_id": "me", "client_secret_file": secret}
        values: dict[str, Any] = {
            "kind": "http",
            "name": "api",
            "url": f"{api.url}/v1/prices",
            "market": "crude",
            "columns": {"event_time": "d", "prices": {"v": "WTI"}},
            "requests_per_second": 1000,
            "paging": {"kind": "page", "size": 1},
            "oauth2": credentials | changed,
        }
        return HttpSource(Config.model_validate(values))

    return make


def prices(source: HttpSource) -> list[float]:
    return [price.price for row in source.rows(None, None) if isinstance(price := check(row), Price)]


def test_one_token_does_for_all_pages(api: Guarded, source: Callable[..., HttpSource]) -> None:
    assert prices(source(scope="prices", parameters={"audience": "market"})) == [1, 2, 3]

    ((form, headers),) = api.tokens_asked
    assert form == {"grant_type": "client_credentials", "scope": "prices", "audience": "market"}
    pair = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
    assert pair == "me:s3cret%2Fof+the+client"


def test_the_client_may_be_told_in_the_body(api: Guarded, source: Callable[..., HttpSource]) -> None:
    assert prices(source(sent="body")) == [1, 2, 3]

    ((form, headers),) = api.tokens_asked
    assert (form["client_id"], form["client_secret"]) == ("me", SECRET)
    assert "Authorization" not in headers


def test_a_token_that_ended_before_its_time_is_asked_for_anew(
    api: Guarded, source: Callable[..., HttpSource]
) -> None:
    api.ends_after = {2}

    assert prices(source()) == [1, 2, 3]
    assert len(api.tokens_asked) == 2


def test_who_is_refused_with_a_new_token_is_refused(api: Guarded, source: Callable[..., HttpSource]) -> None:
    api.ends_after = {1}

    with pytest.raises(SourceError, match="/v1/prices answered 401 Unauthorized: expired"):
        prices(source())
    assert len(api.tokens_asked) == 1


@pytest.mark.parametrize(
    ("lasts", "asked"), [({"expires_in": 100}, 1), ({"expires_in": "60"}, 2), ({}, 1), ({"expires_in": 5}, 3)]
)
def test_a_token_is_asked_for_anew_before_it_ends(
    api: Guarded, source: Callable[..., HttpSource], tmp_path: Path, lasts: dict[str, Any], asked: int
) -> None:
    api.lasts = lasts
    now = 0.0
    config = TokenConfig(
        token_url=f"{api.url}/token", client_id="me", client_secret_file=tmp_path / "client-secret"
    )
    with httpx.Client(auth=ClientCredentials(config, lambda: now)) as client:
        for second in (0, 20, 40):
            now = second
            assert client.get(f"{api.url}/v1/prices", params={"page": 1}).status_code == 200

    assert len(api.tokens_asked) == asked


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            '{"error": "invalid_client"}',
            r"/token answered 400 Bad Request: {\"error\": \"invalid_client",
        ),
        (503, "later", "/token answered 503"),
        (302, "", "/token answered 302"),
        (200, "<html>", "/token gave no token"),
        (200, '{"token": "hunter2"}', "gave no token.*access_token"),
        (200, '{"access_token": "hunter2", "expires_in": "soon"}', "gave no token"),
        (200, '{"access_token": "hunter2", "token_type": "mac"}', "of type 'mac'"),
    ],
)
def test_a_server_that_gives_no_token_fails_the_source(
    api: Guarded, source: Callable[..., HttpSource], status: int, body: str, words: str
) -> None:
    api.answer = lambda _, __: (status, {}, body)

    with pytest.raises(SourceError, match=words) as raised:
        prices(source())
    assert "hunter2" not in str(raised.value)
    assert {path for path, _, _ in api.asked} == {"/token"}


def test_a_secret_that_cannot_be_read_is_named(source: Callable[..., HttpSource]) -> None:
    with pytest.raises(SourceError, match=r"oauth2\.client_secret_file /nowhere: No such file"):
        prices(source(client_secret_file="/nowhere"))


def test_neither_secret_nor_token_is_shown_from_then_on(
    api: Guarded, source: Callable[..., HttpSource]
) -> None:
    prices(source())

    ((_, headers),) = api.tokens_asked
    line = scrub.scrub(f"{SECRET} token-000001 {headers['Authorization']}")
    assert [part for part in (SECRET, "token-000001", headers["Authorization"]) if part in line] == []


@pytest.mark.parametrize(
    "more",
    [
        {"oauth2": {"token_url": "https://t.example?client_secret=hunter2"}},
        {"oauth2": {"token_url": "https://me:hunter2@t.example"}},
        {"oauth2": {"token_url": "https://t.example", "parameters": {"client_secret": "hunter2"}}},
        {
            "oauth2": {"token_url": "https://t.example"},
            "secret": {"file": "/k", "header": "authorization"},
        },
    ],
)
def test_a_secret_in_clear_and_two_authorizations_are_refused(more: dict[str, Any]) -> None:
    more["oauth2"] |= {"client_id": "me", "client_secret_file": "/s"}
    columns = {"event_time": "d", "prices": {"v": "WTI"}}
    values = {
        "kind": "http",
        "name": "api",
        "url": "https://p.example",
        "market": "crude",
        "columns": columns,
    }
    with pytest.raises(ValidationError) as raised:
        Config.model_validate(values | more)
    assert "hunter2" not in " ".join(error["msg"] for error in raised.value.errors())
