"""A session of the hub: who has one, for how long, and from where it may be used."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI

from tests.unit.data_api.conftest import KEY, KEY_ID, MemoryStore, StaticRegister, price
from workloads.data_api import keys, sessions

SITE = {"Sec-Fetch-Site": "same-origin"}
PRICES = "/v1/prices?symbol=DE-LU"


@pytest.fixture
def visitor(app: OpenAPI) -> FlaskClient:
    """A browser, which shows no key."""
    client = app.test_client()
    client.environ_base.pop("HTTP_AUTHORIZATION")
    return client


def enter(visitor: FlaskClient, key: str = KEY, **form: str) -> int:
    return visitor.post("/hub/login", data={"key": key, **form}, headers=SITE).status_code


def test_a_key_opens_the_pages_and_what_they_ask(visitor: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(0)]
    assert visitor.get("/hub/board").headers["Location"] == "/hub/login?next=/hub/board?"
    assert visitor.get(PRICES, headers=SITE).status_code == 401
    assert enter(visitor) == 302
    assert visitor.get("/hub/board").status_code == 200
    assert visitor.get(PRICES, headers=SITE).get_json()["items"][0]["symbol"] == "DE-LU"
    cookie = visitor.get_cookie(sessions.COOKIE)
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.secure) == (True, "Strict", False)
    assert KEY.rpartition("_")[2] not in cookie.value
    visitor.post("/hub/logout", headers=SITE)
    assert visitor.get(PRICES, headers=SITE).status_code == 401


def test_a_browser_keeps_it_to_https_elsewhere(visitor: FlaskClient) -> None:
    answer = visitor.post("/hub/login", data={"key": KEY}, headers=SITE, base_url="http://hub.example.com")
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("site", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}])
def test_no_other_site_acts_in_a_persons_name(visitor: FlaskClient, site: dict[str, str]) -> None:
    assert visitor.post("/hub/login", data={"key": KEY}, headers=site).status_code == 403
    assert enter(visitor) == 302
    assert visitor.get(PRICES, headers=site).status_code == 401


def test_nobody_is_led_elsewhere(visitor: FlaskClient) -> None:
    for path in (
        "https://elsewhere.example/",
        "//elsewhere.example",
        "/hub/\\\\elsewhere",
        "/v1/prices",
        "",
        "/hub/board\r\nX: 1",
        "/hub/\u00e4",
    ):
        answer = visitor.post("/hub/login", data={"key": KEY, "next": path}, headers=SITE)
        assert answer.headers["Location"] == "/hub/", path


def test_it_ends_with_its_time_and_with_its_key(
    visitor: FlaskClient, register: StaticRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = register.keys[KEY_ID]
    now = time.time()
    assert enter(visitor) == 302
    monkeypatch.setattr(time, "time", lambda: now + sessions.SECONDS - 2)
    assert visitor.get("/hub/board").status_code == 200
    monkeypatch.setattr(time, "time", lambda: now + sessions.SECONDS + 2)
    assert visitor.get("/hub/board").status_code == 302
    monkeypatch.undo()
    register.keys[KEY_ID] = replace(key, revoked_at=datetime.now(UTC))
    assert visitor.get("/hub/board").status_code == 302
    # A new secret is another key, even under the same id.
    register.keys[KEY_ID] = replace(key, digest=keys.digest("6" * 64))
    assert visitor.get("/hub/board").status_code == 302


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "x",
        f"{KEY_ID}.1.{'0' * 64}",
        f"{KEY_ID}.99999999999.{'0' * 64}",
        f"ffffffffffff.1.{'0' * 64}",
        "\0",
    ],
)
def test_a_cookie_that_nobody_signed_opens_nothing(visitor: FlaskClient, cookie: str) -> None:
    visitor.set_cookie(sessions.COOKIE, cookie)
    assert visitor.get("/hub/board").status_code == 302
    assert visitor.get(PRICES, headers=SITE).status_code == 401


def test_one_from_the_future_opens_nothing(visitor: FlaskClient, register: StaticRegister) -> None:
    visitor.set_cookie(sessions.COOKIE, sessions.value(register.keys[KEY_ID], int(time.time()) + 3600))
    assert visitor.get("/hub/board").status_code == 302


def test_the_hub_is_a_product(visitor: FlaskClient, register: StaticRegister) -> None:
    register.entitlements["pilot-one"] = register.entitlements["pilot-one"].model_copy(
        update={"products": ("api",)}
    )
    assert enter(visitor) == 302
    assert visitor.get("/hub/board").status_code == 403
    assert visitor.get(PRICES, headers=SITE).status_code == 403
    # With the product alone its pages may ask, and a program with the key may not.
    register.entitlements["pilot-one"] = register.entitlements["pilot-one"].model_copy(
        update={"products": ("hub",)}
    )
    assert visitor.get(PRICES, headers=SITE).status_code == 200
    answer = visitor.get(PRICES, headers={"Authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.get_json()["errors"][0]["value"]) == (403, "api")
    assert visitor.get("/hub/downloads").status_code == 403


def test_what_a_person_was_given_stays_with_no_browser(visitor: FlaskClient, store: MemoryStore) -> None:
    store.found = [price(0)]
    assert enter(visitor) == 302
    answer = visitor.get(f"{PRICES}&as_of=2020-01-01T00:00:00Z", headers=SITE)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in answer.headers["Vary"]
    assert visitor.post("/hub/logout", headers=SITE).headers["Clear-Site-Data"] == '"cache"'
