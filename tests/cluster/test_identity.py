"""Keycloak in a cluster: its realm is as declared, and a program's token opens data-api."""

from __future__ import annotations

import httpx
import pytest

from tools import access, people_cli
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.keycloak import KEYCLOAK
from workloads.kit.contracts.people import PATH, SIGNED_IN, RealmFacts, first_password

_SECONDS = 120


@pytest.fixture(scope="module")
def facts(platform: str) -> RealmFacts:
    return people_cli.declared()


@pytest.fixture(scope="module")
def issuer(platform: str) -> str:
    return access.where(access.by_name(KEYCLOAK.name)) + PATH


def test_it_names_itself_as_people_reach_it(issuer: str) -> None:
    described = httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=_SECONDS).json()
    assert described["issuer"] == issuer
    assert "S256" in described["code_challenge_methods_supported"]


def test_the_hub_leads_to_it_and_names_the_way_back(issuer: str) -> None:
    hub = access.where(access.by_name(DATA_API.name))
    answer = httpx.get(f"{hub}/hub/sign-in", timeout=_SECONDS)
    there = httpx.URL(answer.headers["Location"])
    assert str(there).startswith(f"{issuer}/")
    assert there.params["redirect_uri"] == hub + SIGNED_IN
    page = httpx.get(there, timeout=_SECONDS)
    assert page.status_code == 200
    assert 'id="kc-form-login"' in page.text


def test_a_programs_token_opens_what_its_tenant_has(issuer: str, facts: RealmFacts) -> None:
    api = access.where(access.by_name(DATA_API.name))
    for name in facts.programs:
        form = {"grant_type": "client_credentials", "client_id": name}
        secret = {"client_secret": first_password(people_cli.people_key(), name)}
        given = httpx.post(f"{issuer}/protocol/openid-connect/token", data=form | secret, timeout=_SECONDS)
        assert given.is_success, given.text
        bearer = {"Authorization": f"Bearer {given.json()['access_token']}"}
        answer = httpx.get(f"{api}/v1/markets", headers=bearer, timeout=_SECONDS)
        assert answer.status_code == 200, answer.text
