"""Sessions of people who signed in: whose they are, until when, and that nobody else can make one."""

from __future__ import annotations

import base64
import io
import json
import time
from email.message import Message
from http.client import RemoteDisconnected
from typing import Any
from urllib.error import HTTPError

import pytest

from workloads.data_api.identity import Principal
from workloads.data_api.issuer import Issuer
from workloads.data_api.people import People
from workloads.data_api.problems import Refused
from workloads.data_api.settings import DataApiSettings, OidcSettings
from workloads.kit.contracts.entitlements import Entitlement

ENTITLEMENT = Entitlement(
    products=("hub",),
    markets=("*",),
    history_days=None,
    delay_minutes=0,
    rows_per_month=None,
    requests_per_minute=60,
)
ADA = Principal(
    tenant="pilot-one", key="user-0a1b", scopes=frozenset({"read", "write"}), entitlement=ENTITLEMENT
)


@pytest.mark.parametrize(("status", "raised"), [(400, ValueError), (502, Refused), (None, Refused)])
def test_an_issuer_that_fails_is_away_and_one_that_refuses_is_not(
    status: int | None, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer(OidcSettings(issuer="https://id.example.org", audience="data"))

    def sent(*_: Any) -> Any:
        if status is None:
            raise RemoteDisconnected("closed")
        raise HTTPError("https://id.example.org/token", status, "no", Message(), io.BytesIO(b"why"))

    monkeypatch.setattr(issuer, "endpoint", lambda _: "https://id.example.org/token")
    monkeypatch.setattr(issuer, "_sent", sent)
    with pytest.raises(raised) as told:
        issuer.exchanged({})
    if raised is Refused:
        assert told.value.status == 503  # type: ignore[attr-defined]


def test_a_session_says_who_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    people, now = People(lambda: ["secret"], 600), time.time()
    cookie = people.cookie(ADA)
    person = people.read(cookie)
    assert person is not None
    assert (person.tenant, person.key, person.scopes) == ("pilot-one", "user-0a1b", ("read", "write"))
    monkeypatch.setattr(time, "time", lambda: now + 598)
    assert people.read(cookie)
    monkeypatch.setattr(time, "time", lambda: now + 602)
    assert people.read(cookie) is None


def test_what_was_not_signed_here_is_nobodys() -> None:
    people = People(lambda: ["secret"], 600)
    body, signature = people.cookie(ADA).removeprefix("p.").split(".")
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body))
    for changed in ({"tenant": "pilot-two"}, {"scopes": ["admin"]}, {"until": said["until"] + 9999}):
        other = base64.urlsafe_b64encode(json.dumps(said | changed).encode()).decode()
        assert people.read(f"p.{other}.{signature}") is None
    for wrong in ("", "p.", "p..", f"p.{body}", f"p.{body}.", f"{body}.{signature}", f"p.{body}.\u00ff"):
        assert people.read(wrong) is None
    assert People(lambda: ["another"], 600).read(people.cookie(ADA)) is None


def test_while_the_password_is_rotated_sessions_go_on() -> None:
    secrets = ["before"]
    people = People(lambda: secrets, 600)
    cookie = people.cookie(ADA)
    secrets[:] = ["now", "before"]
    assert people.read(cookie)
    secrets[:] = ["now", "next"]
    assert people.read(cookie) is None


def issuer(**changed: Any) -> OidcSettings:
    given = {"issuer": "https://id.example.org/realms/desk", "audience": "prices"}
    return OidcSettings.model_validate(given | changed)


def test_within_the_cluster_it_is_asked_over_http_and_nowhere_else() -> None:
    inside = issuer(inside="http://keycloak.carbon.svc:8085/realms/desk")
    assert inside.at == "http://keycloak.carbon.svc:8085/realms/desk"
    assert inside.checked("http://keycloak.carbon.svc:8085/certs")
    for elsewhere in ("http://keycloak.carbon.svc:9000/certs", "http://id.example.org/certs"):
        with pytest.raises(ValueError, match="is not https"):
            inside.checked(elsewhere)
        with pytest.raises(ValueError, match="is not https"):
            issuer().checked(elsewhere)


def test_who_signs_in_is_led_back_to_an_address_that_is_set() -> None:
    with pytest.raises(ValueError, match="client_id is given and hub is not"):
        issuer(client_id="hub")
    signing = issuer(client_id="hub", hub="https://hub.example.org")
    with pytest.raises(ValueError, match="needs postgres_password_file"):
        DataApiSettings(postgres_host="unused", postgres_user="unused", oidc=signing)
    with pytest.raises(ValueError, match="dashboards_key_file"):
        DataApiSettings(postgres_host="unused", postgres_user="unused", dashboards="https://d.example.org")
    with pytest.raises(ValueError, match="pattern"):
        DataApiSettings(
            postgres_host="u", postgres_user="u", dashboards="https://d.example.org; script-src *"
        )
