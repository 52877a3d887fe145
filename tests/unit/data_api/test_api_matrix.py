"""Every route, with every product, scope, credential and market: each cell is expected, and met.

The routes are the application's own: one that is added has to declare what it needs, or its cells fail.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast, get_args

import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI

from tests.unit.data_api.conftest import KEY, KEY_ID, SECRET, SETTINGS, MemoryStore, StaticRegister
from workloads.data_api import identity
from workloads.data_api.app import create_app
from workloads.data_api.guard import OPEN, Guard, Need, need
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.entitlements import SCOPES, Product, Role

PRODUCTS: Final = get_args(Product)
ROLES: Final = get_args(Role)
MARKETS: Final = ((), ("power",), ("*",))
LET_IN: Final = frozenset({200, 404, 422})
"""What a route itself says, of a question without parameters: it was asked."""
_JOBS: Final = ("ask_download_job", "list_download_jobs", "download_job", "delete_download_job")
NOT_HERE: Final[Mapping[str, int]] = dict.fromkeys(("stream", *_JOBS), 503)
"""What a route says besides that has no Kafka here, or no place for files."""


class WatchedStore(MemoryStore):
    """Knows for which tenant it was asked: row security gets no other word of who asks."""

    def __init__(self) -> None:
        super().__init__()
        self.tenants: set[str] = set()

    def rows(self, query: object, values: Mapping[str, Any]) -> list[Row]:
        self.tenants.add(identity.tenant())
        return super().rows(query, values)


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


def routes(app: OpenAPI) -> Iterator[tuple[str, str, str]]:
    """endpoint, method and a path of each route."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            yield rule.endpoint, method, re.sub(r"<[^>]+>", "x", rule.rule)


def expected(wanted: Need, products: tuple[str, ...], role: Role) -> frozenset[int]:
    if wanted.product not in products or wanted.scope not in SCOPES[role]:
        return frozenset({403})
    return LET_IN


def test_every_route_is_met_by_every_product_role_and_market(
    app: OpenAPI, register: StaticRegister, store: WatchedStore
) -> None:
    client = app.test_client()
    combined = [c for n in range(len(PRODUCTS) + 1) for c in itertools.combinations(PRODUCTS, n)]
    whole = register.entitlements["pilot-one"]
    key = register.keys[KEY_ID]
    cells = 0
    for products, role, markets in itertools.product(combined, ROLES, MARKETS):
        register.entitlements = {
            "pilot-one": whole.model_copy(update={"products": products, "markets": markets})
        }
        register.keys = {KEY_ID: type(key)(**{**_fields(key), "scopes": SCOPES[role]})}
        for endpoint, method, path in routes(app):
            if endpoint in OPEN:
                continue
            wanted = need(app, endpoint)
            assert wanted is not None, f"{method} {path} declares no need"
            answer = client.open(path, method=method, buffered=True)
            let_in = expected(wanted, products, role)
            met = answer.status_code in let_in or (
                let_in is LET_IN and answer.status_code == NOT_HERE.get(endpoint)
            )
            assert met, (path, products, role, answer.text)
            if answer.status_code == 403:
                assert wanted.product in answer.text or wanted.scope in answer.text
            cells += 1
    assert cells >= 5 * len(combined) * len(ROLES) * len(MARKETS)
    # A market never opens or closes a route: it decides what of it is seen, by the tenant that is named.
    assert store.tenants <= {"pilot-one"}


def _fields(key: Any) -> dict[str, Any]:
    return {name: getattr(key, name) for name in key.__slots__}


def credentials() -> dict[str, str | None]:
    return {
        "nothing": None,
        "another scheme": "Basic dXNlcjpwYXNz",
        "no credential": "Bearer",
        "no key": "Bearer x",
        "a key cut short": f"Bearer {KEY[:-1]}",
        "a key and more": f"Bearer {KEY}0",
        "an unknown key": f"Bearer ck_{'f' * 12}_{SECRET}",
        "a wrong secret": f"Bearer ck_{KEY_ID}_{'6' * 64}",
        "in capitals": f"Bearer {KEY.upper()}",
        "a token, without an issuer": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
        "two": f"Bearer {KEY}, Bearer {KEY}",
        "bytes": "Bearer \u00ff\u00fe",
    }


@pytest.mark.parametrize("what", sorted(credentials()))
def test_every_route_but_the_open_ones_is_closed_without_a_valid_credential(
    app: OpenAPI, store: WatchedStore, what: str
) -> None:
    client = FlaskClient(app, app.response_class)
    given = credentials()[what]
    for endpoint, method, path in routes(app):
        if endpoint == "hub.enter":  # it asks for a credential itself
            continue
        answer = client.open(path, method=method, headers={} if given is None else {"Authorization": given})
        assert (answer.status_code == 401) == (endpoint not in OPEN), (path, answer.status_code)
    assert store.tenants == set()


def test_a_tenant_cannot_be_told_from_one_that_there_is_not(app: OpenAPI) -> None:
    def answer(credential: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        got = app.test_client().get(
            "/v1/prices?symbol=A", headers={"Authorization": f"Bearer {credential}", "X-Request-Id": "same"}
        )
        return got.status_code, got.get_json(), dict(got.headers)

    answers = [
        answer(f"ck_{'f' * 12}_{SECRET}"),
        answer(f"ck_{KEY_ID}_{'6' * 64}"),
        answer(f"ck_{'0' * 12}_{'0' * 64}"),
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 401


def test_a_secret_is_compared_as_long_for_a_key_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from workloads.data_api import keys

    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("workloads.data_api.keys.hmac.compare_digest", compare)
    assert keys.proven(StaticRegister().keys[KEY_ID], SECRET)
    assert not keys.proven(StaticRegister().keys[KEY_ID], "6" * 64)
    assert not keys.proven(None, SECRET)
    assert compared == [(32, 32)] * 3


@pytest.mark.parametrize(
    "url",
    [
        f"/v1/prices?symbol=A&access_token={KEY}",
        f"/v1/prices?symbol={KEY}",
        f"/v1/prices?{KEY}=1",
        f"/v1/{KEY}",
        f"/api/docs?key={KEY}",
        "/v1/prices?symbol=A&token=abc",
        "/v1/prices?symbol=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWl0",
    ],
)
def test_no_credential_in_an_address_is_taken_or_given_back(app: OpenAPI, url: str) -> None:
    answer = app.test_client().get(url)
    assert answer.status_code == 400
    assert "Authorization" in answer.get_json()["remedy"]
    assert SECRET not in answer.text
    assert "eyJ" not in answer.text


def test_an_expired_and_a_revoked_key_are_told_to_their_holder_alone(
    app: OpenAPI, register: StaticRegister
) -> None:
    key = register.keys[KEY_ID]
    past = datetime(2020, 1, 1, tzinfo=UTC)
    for changed, word in (({"expires_at": past}, "expired"), ({"revoked_at": past}, "revoked")):
        register.keys = {KEY_ID: type(key)(**{**_fields(key), **changed})}
        assert word in app.test_client().get("/v1/prices?symbol=A").get_json()["detail"]
        wrong = {"Authorization": f"Bearer ck_{KEY_ID}_{'6' * 64}"}
        assert word not in app.test_client().get("/v1/prices?symbol=A", headers=wrong).text


def test_one_request_leaves_nobody_behind_for_the_next(app: OpenAPI, store: WatchedStore) -> None:
    app.test_client().get("/v1/prices?symbol=A")
    assert identity.tenant() == identity.NOBODY
    with pytest.raises(identity.NobodyAsks):
        identity.asking()


def test_a_guard_is_there_without_being_asked_for(store: WatchedStore) -> None:
    """Who makes the application in the plain way gets one that lets nobody in."""
    app = create_app(SETTINGS, cast("Store", store))
    assert FlaskClient(app, app.response_class).get("/v1/prices?symbol=A").status_code in (401, 503)
    assert Guard is type(app.extensions["guard"])
