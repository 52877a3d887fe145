"""Signing in: a real Keycloak with the committed realm, the real hub, a real browser."""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
import threading
import time
from base64 import b32decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from tests.services.access import entitle
from tests.services.browser import chromium, inaccessible
from tests.services.clients import MigratedDatabase
from tests.services.test_data_api import settings
from tools import charting
from tools.embedded.keycloak import Keycloak
from tools.embedded.process import free_ports
from workloads.data_api.app import create_app
from workloads.data_api.settings import OidcSettings
from workloads.data_api.store import Store
from workloads.kit.contracts.people import (
    AUDIENCE,
    HUB_CLIENT,
    PATH,
    SECOND_FACTORS,
    Person,
    Program,
    RealmFacts,
)

pytestmark = pytest.mark.thorough

_LONG = 120_000
"""Milliseconds that a busy machine may take to show a page."""

PEOPLE = {
    "trader-one": Person(tenant="pilot-one", roles=["viewer"]),
    "trader-two": Person(tenant="pilot-two", roles=["viewer"]),
    "stranger": Person(tenant="pilot-nine", roles=["viewer"]),
    "chief-one": Person(tenant="pilot-one", roles=["admin"]),
}
PROGRAMS = {
    "robot-one": Program(tenant="pilot-one", roles=["developer"]),
    "robot-nine": Program(tenant="pilot-nine", roles=["viewer"]),
}


@pytest.fixture(scope="module")
def port() -> int:
    """At which the hub answers: the realm has to know it beforehand."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def facts(port: int) -> RealmFacts:
    return RealmFacts(
        hub=f"http://127.0.0.1:{port}",
        # One is no tenant of data-api.
        tenants=["pilot-nine", "pilot-one", "pilot-two"],
        people=PEOPLE,
        programs=PROGRAMS,
    )


@pytest.fixture(scope="module")
def keycloak(
    migrated: MigratedDatabase, facts: RealmFacts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Keycloak]:
    directory = tmp_path_factory.mktemp("keycloak")
    server = Keycloak(directory, migrated.server.port, migrated.secrets_dir)
    server.start()
    try:
        server.prepare(facts)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def hub(database: MigratedDatabase, keycloak: Keycloak, port: int) -> Iterator[str]:
    """Address of a hub that lets people in who sign in at Keycloak."""
    entitle(database, pilot_one={}, pilot_two={"products": ("hub",)})
    oidc = OidcSettings.model_validate(
        {
            "issuer": keycloak.issuer,
            # As pods do: at another address than the one that tokens name.
            "inside": keycloak.inside + PATH,
            "audience": AUDIENCE,
            "client_id": HUB_CLIENT,
            "hub": f"http://127.0.0.1:{port}",
            "mfa_amr": SECOND_FACTORS,
            "rest_seconds": 0,
        }
    )
    configured = settings(database, charting=charting.directory(), access_seconds=0, oidc=oidc)
    store = Store(configured)
    server = make_server("127.0.0.1", port, create_app(configured, store), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/hub/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        store.close()


@pytest.fixture
def page(browser: Browser, hub: str) -> Iterator[Page]:
    context = browser.new_context(base_url=hub, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(_LONG)
    yield page
    context.close()


def sign_in(page: Page, keycloak: Keycloak, name: str) -> None:
    """From the hub's log-in through the issuer's, to wherever that leads."""
    page.goto("board")
    page.get_by_role("link", name="Sign in", exact=True).click()
    give(page, name, keycloak.first_password(name))


def give(page: Page, name: str, password: str) -> None:
    page.locator("#password").wait_for()
    # Who signs in again is known by name.
    if page.locator("#username").is_visible():
        page.locator("#username").fill(name)
    page.locator("#password").fill(password)
    page.locator("#kc-login").click()


def otp(secret: str, at: float) -> str:
    """A code of six digits (RFC 6238)."""
    key = b32decode(secret.replace(" ", "").upper() + "=" * (-len(secret.replace(" ", "")) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    [number] = struct.unpack(">I", digest[digest[-1] & 15 :][:4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def _cookies(page: Page) -> dict[str, dict[str, Any]]:
    """Those of the hub's own place, by name."""
    found: list[dict[str, Any]] = [dict(one) for one in page.context.cookies()]
    return {one["name"]: one for one in found if one["path"] == "/"}


def test_a_person_signs_in_and_sees_the_page_that_was_wanted(page: Page, keycloak: Keycloak) -> None:
    page.goto("status")
    assert inaccessible(page) == []
    page.get_by_role("link", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile("code_challenge_method=S256"))
    give(page, "trader-one", keycloak.first_password("trader-one"))
    page.wait_for_url("**/hub/status?")
    expect(page.locator("footer")).to_contain_text("pilot-one")
    page.wait_for_selector("body[data-ready]")
    cookies = _cookies(page)
    assert cookies["hub"]["httpOnly"]
    assert cookies["hub"]["sameSite"] == "Strict"
    page.get_by_role("button", name="Log out").click()
    page.goto("board")
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()


def test_each_sees_its_own_tenants_products(page: Page, keycloak: Keycloak) -> None:
    sign_in(page, keycloak, "trader-two")
    page.wait_for_url("**/hub/board?")
    expect(page.locator("footer")).to_contain_text("pilot-two")
    page.goto("downloads")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not among your products")


def test_who_is_of_no_tenant_that_is_one_is_refused(page: Page, keycloak: Keycloak) -> None:
    sign_in(page, keycloak, "stranger")
    expect(page.locator("#wrong")).to_have_text("The token is of no tenant that is one.")
    assert "hub" not in _cookies(page)


def test_an_administrator_is_let_in_with_a_second_factor_and_not_without(
    page: Page, keycloak: Keycloak
) -> None:
    sign_in(page, keycloak, "chief-one")
    # Keycloak asks for a second factor to be set up; the password alone is what this sign-in was made with.
    page.get_by_role("link", name="Unable to scan?").click()
    secret = page.locator("#kc-totp-secret-key").inner_text()
    page.locator("#totp").fill(otp(secret, time.time()))
    page.locator("#saveTOTPBtn").click()
    expect(page.locator("#wrong")).to_have_text("Administrators sign in with a second factor.")
    assert "hub" not in _cookies(page)
    page.locator("#again").click()
    give(page, "chief-one", keycloak.first_password("chief-one"))
    # A code is taken once.
    page.locator("#otp").fill(otp(secret, time.time() + 30))
    page.locator("#kc-login").click()
    page.wait_for_url("**/hub/board*")
    expect(page.locator("footer")).to_contain_text("pilot-one")


@dataclass(frozen=True)
class Answer:
    """What a program gets from data-api with its token."""

    token: dict[str, Any]
    status: int
    problem: dict[str, Any]


def ask(keycloak: Keycloak, hub: str, program: str) -> Answer:
    form = {
        "grant_type": "client_credentials",
        "client_id": program,
        "client_secret": keycloak.first_password(program),
    }
    token = httpx.post(f"{keycloak.issuer}/protocol/openid-connect/token", data=form, timeout=60).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    answer = httpx.get(hub.replace("/hub/", "/v1/markets"), headers=headers, timeout=60)
    return Answer(token, answer.status_code, answer.json())


def test_a_program_gets_answers_with_its_own_token(hub: str, keycloak: Keycloak) -> None:
    answer = ask(keycloak, hub, "robot-one")
    assert answer.status == 200, answer.problem
    refused = ask(keycloak, hub, "robot-nine")
    assert refused.status == 401
    assert "of no tenant" in refused.problem["detail"]


def test_an_answer_that_was_not_asked_for_here_lets_nobody_in(hub: str, page: Page) -> None:
    page.goto("signed-in?code=somebody-elses&state=made-up")
    expect(page.locator("#wrong")).to_contain_text("not begun in this browser")
    assert "hub" not in _cookies(page)


def test_run_again_the_job_changes_nothing_and_follows_what_is_declared(
    keycloak: Keycloak, facts: RealmFacts
) -> None:
    assert '"changes": 0' in keycloak.prepare(facts)
    fewer = facts.model_copy(update={"people": {"trader-one": PEOPLE["trader-one"]}})
    assert '"changes": 3' in keycloak.prepare(fewer)
    keycloak.prepare(facts)
    assert '"changes": 0' in keycloak.prepare(facts)


def test_secrets_are_in_no_log(keycloak: Keycloak) -> None:
    logs = [one.read_text() for one in keycloak.directory.glob("*.log")]
    assert logs
    for name in (*PEOPLE, *PROGRAMS):
        assert not [log for log in logs if keycloak.first_password(name) in log]
    for file in keycloak.secret_files:
        assert not [log for log in logs if file.read_text() in log]


def test_while_the_issuer_is_away_those_who_are_in_go_on_and_others_are_told(
    page: Page, browser: Browser, hub: str, keycloak: Keycloak
) -> None:
    sign_in(page, keycloak, "trader-one")
    page.wait_for_url("**/hub/board?")
    keycloak.stop()
    try:
        page.goto("status")
        page.wait_for_selector("body[data-ready]")
        other = browser.new_context(base_url=hub).new_page()
        other.goto("board")
        other.get_by_role("link", name="Sign in", exact=True).click()
        expect(other.locator("#wrong")).to_contain_text("The identity provider does not answer")
        expect(other.get_by_label("API key")).to_be_visible()
        other.context.close()
    finally:
        keycloak.start()
