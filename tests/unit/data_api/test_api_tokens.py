"""Access tokens: taken from the issuer that is set, for this audience, and from nobody else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError

from tests.unit.data_api.conftest import SETTINGS, MemoryStore, StaticRegister
from tests.unit.data_api.issuer import AUDIENCE, Issuer, new_key, running
from workloads.data_api.app import create_app
from workloads.data_api.guard import Guard, needs
from workloads.data_api.settings import OidcSettings
from workloads.data_api.store import Store
from workloads.data_api.tokens import Tokens

PRICES = "/v1/prices?symbol=DE-LU"
AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running() as issuer:
        yield issuer


def served(issuer: Issuer, store: MemoryStore, **changed: Any) -> OpenAPI:
    given = OidcSettings.model_validate({"issuer": issuer.url, "audience": AUDIENCE} | changed)
    app = create_app(SETTINGS, cast("Store", store), Guard(StaticRegister(), Tokens(given)))

    @app.get("/v1/manage", doc_ui=False)
    @needs("api", "admin")
    def manage() -> str:
        return "managed"

    return app


@pytest.fixture
def app(issuer: Issuer, store: MemoryStore) -> OpenAPI:
    return served(issuer, store)


def ask(app: OpenAPI, token: str, path: str = PRICES) -> Any:
    return app.test_client().get(path, headers={"Authorization": f"Bearer {token}"})


def test_a_token_of_the_issuer_opens_what_its_tenant_bought(app: OpenAPI, issuer: Issuer) -> None:
    assert ask(app, issuer.token()).status_code == 200
    assert ask(app, issuer.token(roles="viewer profile")).status_code == 200
    assert ask(app, issuer.token(aud=["other", AUDIENCE])).status_code == 200
    # Read once for all of them.
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


def _public(issuer: Issuer) -> bytes:
    return issuer.published["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _signed_with_the_public_key(issuer: Issuer) -> str:
    """The oldest trick: HMAC with what everybody has."""
    import hashlib
    import hmac

    def part(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    body = part({"alg": "HS256", "kid": "one", "typ": "JWT"}) + b"." + part(claims)
    mac = hmac.new(_public(issuer), body, hashlib.sha256).digest()
    return (body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def _unsigned(issuer: Issuer) -> str:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none", headers={"kid": "one"})


def _changed(issuer: Issuer) -> str:
    head, body, signature = issuer.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps(claims | {"tenant": "pilot-two"}).encode()).rstrip(b"=")
    return f"{head}.{other.decode()}.{signature}"


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda i: i.token(key=new_key()), id="another's key"),
        pytest.param(lambda i: i.token(kid="two", key=new_key()), id="a key that is not published"),
        pytest.param(lambda i: i.token(kid="odd", key=new_key()), id="a key of no known kind"),
        pytest.param(lambda i: i.token(aud="other"), id="for another audience"),
        pytest.param(lambda i: i.token(aud=None), id="for no audience"),
        pytest.param(lambda i: i.token(iss="https://example.com"), id="of another issuer"),
        pytest.param(lambda i: i.token(exp=None), id="for ever"),
        pytest.param(lambda i: i.token(exp=AGO), id="expired"),
        pytest.param(lambda i: i.token(nbf=datetime.now(UTC) + timedelta(hours=1)), id="not yet valid"),
        pytest.param(lambda i: i.token(sub=None), id="of nobody"),
        pytest.param(lambda i: i.token(tenant="no-such"), id="of no tenant that there is"),
        pytest.param(lambda i: i.token(tenant=None), id="of no tenant"),
        pytest.param(lambda i: i.token(tenant=["pilot-one"]), id="of a list of tenants"),
        pytest.param(lambda i: i.token(algorithm="RS512"), id="an algorithm that is not set"),
        pytest.param(_signed_with_the_public_key, id="HMAC with the public key"),
        pytest.param(_unsigned, id="unsigned"),
        pytest.param(_changed, id="changed"),
        pytest.param(lambda _: "a.b.c", id="no token"),
        pytest.param(lambda _: "x" * 9000, id="too long"),
    ],
)
def test_a_token_that_does_not_count_is_a_401(
    app: OpenAPI, issuer: Issuer, store: MemoryStore, made: Callable[[Issuer], str]
) -> None:
    token = made(issuer)
    answer = ask(app, token)
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert token not in answer.text
    assert store.asked == []


def test_a_token_without_a_role_opens_nothing(app: OpenAPI, issuer: Issuer) -> None:
    for roles in (None, [], ["superuser"], 7):
        assert ask(app, issuer.token(roles=roles)).status_code == 403


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"roles": ["admin"]}, 401),
        ({"roles": ["admin"], "amr": ["pwd"]}, 401),
        ({"roles": ["admin"], "amr": "otp"}, 401),
        ({"roles": ["admin"], "amr": ["pwd", "otp"]}, 200),
        ({"roles": ["admin"], "acr": "gold"}, 200),
        ({"roles": ["developer"], "amr": ["otp"]}, 403),
    ],
)
def test_an_administrator_has_signed_in_with_a_second_factor(
    issuer: Issuer, store: MemoryStore, claims: dict[str, Any], status: int
) -> None:
    app = served(issuer, store, mfa_acr=["gold"])
    answer = ask(app, issuer.token(**claims), "/v1/manage")
    assert answer.status_code == status
    if status == 401:
        assert "insufficient_user_authentication" in answer.headers["WWW-Authenticate"]
    # What others may do does not need one.
    assert ask(app, issuer.token(**claims)).status_code == 200


def test_claims_are_where_the_settings_say(issuer: Issuer, store: MemoryStore) -> None:
    app = served(issuer, store, tenant_claim="https://example.org/tenant", roles_claim="realm_access.roles")
    given = {"https://example.org/tenant": "pilot-one", "realm_access": {"roles": ["viewer"]}}
    assert ask(app, issuer.token(tenant=None, roles=None, **given)).status_code == 200
    assert ask(app, issuer.token()).status_code == 401


def test_a_new_key_is_found_and_a_flood_of_unknown_ones_is_none_at_the_issuer(
    issuer: Issuer, store: MemoryStore
) -> None:
    app = served(issuer, store, rest_seconds=0)
    assert ask(app, issuer.token()).status_code == 200
    issuer.published["two"] = new_key()
    assert ask(app, issuer.token(kid="two")).status_code == 200
    del issuer.published["one"]
    resting = served(issuer, store, rest_seconds=3600)
    for number in range(50):
        assert ask(resting, issuer.token(kid=f"n{number}", key=new_key_once)).status_code == 401
    assert issuer.asked.count("/keys") == 3


new_key_once = new_key()


def test_an_issuer_that_is_away_is_told_and_its_keys_hold(issuer: Issuer, store: MemoryStore) -> None:
    app = served(issuer, store, rest_seconds=0)
    issuer.away = True
    answer = ask(app, issuer.token())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    issuer.away = False
    assert ask(app, issuer.token()).status_code == 200
    issuer.away = True
    assert ask(app, issuer.token()).status_code == 200


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"algorithms": ["HS256"]}, "HS256"),
        ({"algorithms": ["none"]}, "none"),
        ({"algorithms": []}, "give some"),
        ({"issuer": "http://example.com"}, "https"),
        ({"keys_url": "file:///etc/passwd"}, "https"),
        ({"audience": ""}, "audience"),
    ],
)
def test_an_unsafe_issuer_cannot_be_set(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        OidcSettings.model_validate({"issuer": "https://id.example.org", "audience": "a"} | changed)
