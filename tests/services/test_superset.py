"""Dashboards as people see them: a real Superset on a real PostgreSQL, with rows in every table."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from tests.dashboards import HOURS, TENANTS, seed
from tests.issuer import CLIENT, Issuer, issuer
from tests.services.access import add_key, entitle
from tests.services.browser import chromium
from tests.services.clients import MigratedDatabase
from tests.services.servers import Postgres, free_ports
from tests.services.superset import Person
from tests.services.test_data_api import settings as data_api_settings
from tools import charting
from tools.embedded.superset import Superset
from workloads.data_api.app import create_app
from workloads.data_api.store import Store
from workloads.kit.contracts import env, tables
from workloads.kit.contracts.dashboards import identity
from workloads.kit.contracts.platform import ROLES
from workloads.migrations import database as migrations
from workloads.migrations.settings import DatabaseSettings
from workloads.superset.dashboards import SHARED, defined
from workloads.superset.dashboards.bundle import documents
from workloads.superset.dashboards.model import Dashboard

pytestmark = pytest.mark.thorough

PICTURES = os.environ.get("DASHBOARD_PICTURES")
"""Directory in which each dashboard is to be left as a picture, for people to look at."""
HUB = "https://hub.example.org"
ALL = defined(list(TENANTS))
_LONG = 180_000
"""Milliseconds that a busy machine may take to draw."""


@dataclass
class Stand:
    """A Superset that is prepared and serves, and who may look."""

    server: Superset
    admin: Person
    people: dict[str, str]
    postgres: Postgres
    passwords: Path
    hub_port: int
    known: dict[str, Person] = field(default_factory=dict[str, Person])

    def person(self, name: str) -> Person:
        """Logged in once: who does so too often is slowed."""
        if name not in self.known:
            self.known[name] = Person.by_password(self.server.url, name, self.people[name])
        return self.known[name]


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Of this module's own, since its charts read databases by their real names."""
    directory = tmp_path_factory.mktemp("superset")
    passwords = directory / "passwords"
    passwords.mkdir()
    for role in ROLES:
        (passwords / role).write_text(secrets.token_urlsafe(16))
    own = directory / "postgres"
    own.mkdir()
    postgres = Postgres(own)
    try:
        _migrate(postgres, passwords)
        seed(postgres)
        [hub_port] = free_ports(1)
        variables = {env.EMBEDDERS: json.dumps([HUB, f"http://127.0.0.1:{hub_port}"])}
        server = Superset(directory, postgres.port, passwords, tenants=list(TENANTS), variables=variables)
        server.prepare()
        server.start()
        try:
            admin = Person.by_password(server.url, "admin", server.admin_password)
            people = {name: secrets.token_urlsafe(12) for name in ("ann", "of-acme", "of-globex", "nobody")}
            admin.add("ann", people["ann"], "Analysts")
            admin.add("of-acme", people["of-acme"], "Tenant acme")
            admin.add("of-globex", people["of-globex"], "Tenant globex")
            admin.add("nobody", people["nobody"], "Gamma", "Alpha")
            yield Stand(server, admin, people, postgres, passwords, hub_port)
        finally:
            server.stop()
    finally:
        postgres.stop()


def _migrate(postgres: Postgres, passwords: Path) -> None:
    migrations.upgrade(
        DatabaseSettings(
            postgres_host="127.0.0.1",
            postgres_port=postgres.port,
            postgres_user="postgres",
            postgres_password_file=postgres.password_file,
            secrets_dir=passwords,
        )
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def test_every_chart_of_every_dashboard_finds_figures(stand: Stand) -> None:
    numbers = stand.admin.numbers("chart")
    empty: list[str] = []
    for name, number in numbers.items():
        rows = stand.admin.data(number)
        if not any(value is not None for row in rows for value in row.values()):
            empty.append(name)
    assert empty == []
    assert {chart.name for one in ALL for chart in one.charts} == set(numbers)


def test_figures_are_those_of_the_rows(stand: Stand) -> None:
    numbers, admin = stand.admin.numbers("chart"), stand.admin
    every = sum(TENANTS.values()) * HOURS
    assert admin.data(numbers["Requests of tenants"]) == [{"requests": every}]
    by_day = admin.data(numbers["Requests by day"])
    assert sum(row["requests"] for row in by_day) == every
    assert {row["tenant"] for row in by_day if "tenant" in row} <= set(TENANTS)
    # 100 customers came with a twelfth each of what exp(-1/4) leaves after a month.
    [after] = admin.data(numbers["Retention after a month"])
    assert after["retention after a month"] == pytest.approx(0.7788, abs=0.01)
    # Of 60 events, one each two minutes, those of the last sixty minutes: not those of the hours they are in.
    assert admin.data(numbers["Events in the last hour"])[0]["events"] in (29, 30)
    [cheap] = admin.data(numbers["Checks that match"])
    assert cheap["share that matches"] == pytest.approx(11 / 21)
    [cached] = admin.data(numbers["Answered by the cache"])
    assert cached["answered by the cache"] == pytest.approx(1 / 3)


def test_an_analyst_sees_all_shared_dashboards_and_no_tenants(stand: Stand) -> None:
    ann = stand.person("ann")
    assert set(ann.numbers("dashboard")) == {one.slug for one in SHARED}
    assert ann.data(ann.numbers("chart")["Requests of tenants"])


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_sees_its_own_dashboard_and_its_own_rows_alone(stand: Stand, tenant: str) -> None:
    person = stand.person(f"of-{tenant}")
    assert set(person.numbers("dashboard")) == {f"tenant-{tenant}"}
    numbers = person.numbers("chart")
    assert person.data(numbers["Requests"]) == [{"requests": TENANTS[tenant] * HOURS}]
    assert person.data(numbers["Log-ins"]) == [{"log-ins": TENANTS[tenant] * HOURS}]
    assert not person.may_read(stand.admin.numbers("chart")["Requests of tenants"])


def test_who_has_no_tenants_role_gets_no_rows_of_tenants(stand: Stand) -> None:
    """Alpha may read every dataset; rows of tenants are those of the roles that are let in."""
    nobody = stand.person("nobody")
    numbers = stand.admin.numbers("chart")
    assert nobody.data(numbers["Requests"]) == [{"requests": 0}]
    assert nobody.data(numbers["Requests of tenants"])


def _guest(stand: Stand, clause: str | None) -> httpx.Response:
    page = identity("dashboard", "tenant-acme")
    rules = [] if clause is None else [{"clause": clause}]
    asked = {"user": {"username": "guest"}, "resources": [{"type": "dashboard", "id": page}], "rls": rules}
    return stand.admin.client.post("/api/v1/security/guest_token/", json=asked)


def test_a_guest_sees_the_rows_that_its_token_names(stand: Stand) -> None:
    answer = _guest(stand, "tenant = 'globex'")
    assert answer.is_success, answer.text
    numbers, page = stand.admin.numbers("chart"), stand.admin.numbers("dashboard")["tenant-acme"]
    saved = json.loads(stand.admin.get(f"chart/{numbers['Requests']}")["result"]["query_context"])
    saved["form_data"] |= {"dashboardId": page, "slice_id": numbers["Requests"]}
    guest = httpx.Client(base_url=stand.server.url, headers={"X-GuestToken": answer.json()["token"]})
    got = guest.post("/api/v1/chart/data", json=saved)
    assert got.is_success, got.text
    assert got.json()["result"][0]["data"] == [{"requests": TENANTS["globex"] * HOURS}]


@pytest.mark.parametrize("clause", [None, " "])
def test_a_guests_token_without_rows_is_refused(stand: Stand, clause: str | None) -> None:
    assert _guest(stand, clause).status_code == 400


@pytest.fixture
def hub(stand: Stand) -> Iterator[str]:
    """Address of a hub that shows each tenant its dashboard."""
    database = MigratedDatabase(stand.postgres, stand.passwords, tables.DATABASE)
    entitle(database, **{name: {} for name in TENANTS})
    told = {"dashboards": stand.server.url, "dashboards_key_file": stand.server.guest_key}
    configured = data_api_settings(database, access_seconds=0, charting=charting.directory(), **told)
    store = Store(configured)
    server = make_server("127.0.0.1", stand.hub_port, create_app(configured, store), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{stand.hub_port}/hub/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        store.close()


def test_the_hub_shows_a_tenant_its_own_dashboard_and_rows(stand: Stand, browser: Browser, hub: str) -> None:
    database = MigratedDatabase(stand.postgres, stand.passwords, tables.DATABASE)
    page = browser.new_page(base_url=hub, viewport={"width": 1400, "height": 1500})
    page.set_default_timeout(_LONG)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
    page.goto("login")
    page.get_by_label("API key").fill(add_key(database, "acme"))
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Use").click()
    frame = page.frame_locator("#dashboard")
    requests = frame.locator(".header-line").first
    expect(requests).to_have_text(f"{TENANTS['acme'] * HOURS:,}", timeout=_LONG)
    expect(frame.locator("[data-test='chart-grid-component']")).to_have_count(7, timeout=_LONG)
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "hub-use.png")
    assert [one for one in wrong if "frame" in one] == []
    # What a guest's token does not name is refused.
    token = page.request.post("guest", headers={"Sec-Fetch-Site": "same-origin"}).json()["token"]
    guest = httpx.Client(base_url=stand.server.url, headers={"X-GuestToken": token})
    numbers = stand.admin.numbers("dashboard")
    assert guest.get(f"/api/v1/dashboard/{numbers['tenant-globex']}").status_code in (403, 404)
    assert guest.get(f"/api/v1/dashboard/{numbers['tenant-acme']}").status_code == 200


def test_pages_may_be_shown_by_the_hub_and_nobody_else(stand: Stand) -> None:
    policy = httpx.get(f"{stand.server.url}/login/").headers["Content-Security-Policy"]
    assert re.search(
        rf"frame-ancestors 'self' {re.escape(HUB)} http://127.0.0.1:{stand.hub_port}(;|$)", policy
    )
    assert "unsafe-eval" not in policy
    assert "scarf" not in policy


def test_what_is_exported_is_what_is_defined(stand: Stand) -> None:
    by_uuid = {
        document["uuid"]: document for document in stand.admin.exported().values() if "uuid" in document
    }
    for name, defined_ in documents(ALL).items():
        if name == "metadata.yaml":
            continue
        back = by_uuid[defined_["uuid"]]
        assert _differences(defined_, back) == [], name


def _differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Where what was defined came back as something else; what Superset adds by itself does not count."""
    match wanted:
        case dict():
            return [
                line
                for key, inner in wanted.items()
                # An import gives numbers of its own; an export leaves out what a chart's stand in.
                if key not in ("chartId", "query_context", "is_managed_externally", "datasource", "extra")
                for line in _differences(inner, (found or {}).get(key), f"{path}/{key}")
            ]
        case list() if all(isinstance(one, dict) for one in wanted):
            keyed = [_key(one) for one in wanted]
            others = {_key(one): one for one in found or []}
            return [
                line
                for key, one in zip(keyed, wanted, strict=True)
                for line in _differences(one, others.get(key), f"{path}/{key}")
            ]
        case str():
            return [] if wanted.strip() == str(found).strip() else [f"{path}: {wanted!r} is {found!r}"]
        case _:
            return [] if wanted == found or (not wanted and not found) else [f"{path}: {wanted} is {found}"]


def _key(one: dict[str, Any]) -> str:
    names = ("column_name", "metric_name", "id", "datasetUuid", "subject")
    return next((str(one[name]) for name in names if name in one), "")


def test_prepared_again_nothing_changes_but_what_is_no_longer_defined_goes(stand: Stand) -> None:
    admin = stand.admin
    before = {what: admin.numbers(what) for what in ("dashboard", "chart", "dataset")}
    exported = admin.exported()
    [dataset] = [n for name, n in before["dataset"].items() if name == "customer_use"]
    mine = {"datasource_id": dataset, "datasource_type": "table", "viz_type": "table", "params": "{}"}
    admin.post("chart/", {**mine, "slice_name": "A person's own"})
    admin.post("chart/", {**mine, "slice_name": "Of an earlier version", "is_managed_externally": True})
    admin.client.put(
        f"/api/v1/chart/{before['chart']['Events by hour']}", json={"slice_name": "Changed by hand"}
    )
    stand.server.prepare()
    after = {what: admin.numbers(what) for what in ("dashboard", "chart", "dataset")}
    assert after["chart"].pop("A person's own")
    assert after == before
    changed = {n: one for n, one in admin.exported().items() if n != "metadata.yaml"}
    assert changed == {n: one for n, one in exported.items() if n != "metadata.yaml"}


_ANOTHERS = "count(*)::text || query_to_xml('select tenant_id from features.api_usage', true, true, '')::text"
"""An expression that runs a query of its own, beside the condition on rows."""


def _free(expression: str) -> dict[str, Any]:
    return {"expressionType": "SQL", "sqlExpression": expression, "label": "n"}


@pytest.mark.parametrize(
    "query",
    [
        {"metrics": [_free(_ANOTHERS)]},
        {"metrics": [_free("count(*)")]},
        {"metrics": ["requests"], "columns": [_free("version()")]},
        {"metrics": ["requests"], "columns": ["tenant"], "orderby": [[_free("pg_sleep(1)"), True]]},
        {
            "metrics": ["requests"],
            "columns": [
                {
                    "expressionType": "SIMPLE",
                    "aggregate": "SUM",
                    "column": {"column_name": "rows"},
                    "sqlExpression": "version()",
                    "label": "x",
                }
            ],
        },
        {"metrics": ["requests"], "columns": ["tenant"], "extras": {"where": "pg_sleep(1) IS NOT NULL"}},
        {"metrics": ["requests"], "columns": ["tenant"], "extras": {"having": "pg_sleep(1) IS NOT NULL"}},
        {"metrics": ["requests"], "filters": [{"col": _free("version()"), "op": "==", "val": "x"}]},
        {
            "metrics": ["requests"],
            "columns": ["product"],
            "series_columns": ["product"],
            "series_limit": 1,
            "series_limit_metric": _free("count(*)"),
        },
    ],
)
def test_who_sees_some_rows_asks_for_names_alone(stand: Stand, query: dict[str, Any]) -> None:
    numbers = stand.admin.numbers("dataset")
    source = {"id": numbers["own_requests"], "type": "table"}
    asked = {"datasource": source, "queries": [{"columns": [], **query}], "result_format": "json"}
    token = _guest(stand, "tenant = 'globex'").json()["token"]
    guest = httpx.Client(base_url=stand.server.url, headers={"X-GuestToken": token})
    for client in (stand.person("of-globex").client, guest):
        refused = client.post("/api/v1/chart/data", json=asked)
        assert refused.status_code == 403, refused.text
    asked["queries"] = [{"columns": ["tenant"], "metrics": ["requests"]}]
    told = stand.person("of-globex").post("chart/data", asked)["result"][0]["data"]
    assert [row["tenant"] for row in told] == ["globex"]


def test_no_expression_runs_a_query_of_its_own(stand: Stand) -> None:
    """Whoever asks: the function is nobody's."""
    numbers = stand.admin.numbers("dataset")
    source = {"id": numbers["own_requests"], "type": "table"}
    asked = {"datasource": source, "queries": [{"columns": [], "metrics": [_free(_ANOTHERS)]}]}
    answer = stand.admin.client.post("/api/v1/chart/data", json=asked)
    assert answer.status_code == 400, answer.text
    assert "permission denied for function query_to_xml" in answer.text
    asked["queries"][0]["metrics"] = [
        _free("ts_rewrite('a'::tsquery, 'select ''b''::tsquery, ''c''::tsquery')")
    ]
    answer = stand.admin.client.post("/api/v1/chart/data", json=asked)
    assert "permission denied for function ts_rewrite" in answer.text


def test_who_guesses_passwords_is_slowed(stand: Stand) -> None:
    # Of an address of its own, so that nobody else is.
    with httpx.Client(
        base_url=stand.server.url, transport=httpx.HTTPTransport(local_address="127.0.0.9")
    ) as client:
        wrong = {"username": "ann", "password": "wrong", "provider": "db"}
        answers = [client.post("/api/v1/security/login", json=wrong).status_code for _ in range(60)]
        assert set(answers) == {401, 429}
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login/").text)
        assert found is not None
        form = {**wrong, "csrf_token": found[1]}
        forms = [client.post("/login/", data=form).status_code for _ in range(60)]
        assert set(forms) == {302, 429}


@contextmanager
def _channel(answers: list[int]) -> Iterator[tuple[str, list[str]]]:
    """What takes messages, with these statuses in turn and then 200; yields its address and what came."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append(json.loads(body)["text"])
            self.send_response(answers.pop(0) if answers else 200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/services/T0/very-secret-part", came
        finally:
            server.shutdown()


def _report(stand: Stand, directory: Path, webhook: str, **more: Any) -> subprocess.CompletedProcess[str]:
    (directory / "webhook").write_text(webhook)
    wanted = {"dashboards": ["customers-live", "markets-costs"], "host": "127.0.0.1", **more}
    variables = {env.REPORT: json.dumps(wanted), env.REPORT_WEBHOOK_FILE: str(directory / "webhook")}
    done = stand.server.report(variables)
    assert "very-secret-part" not in done.stdout + done.stderr
    return done


def test_a_report_says_what_the_dashboards_show(stand: Stand, tmp_path: Path) -> None:
    numbers = stand.admin.numbers("chart")
    # The hour moves on while the report is made.
    [before] = stand.admin.data(numbers["Events in the last hour"])
    with _channel([503]) as (address, came):
        done = _report(stand, tmp_path, address, address="https://dashboards.example.org/")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(came) == 2, "what was not taken is sent again"
    lines = came[-1].splitlines()
    titles = {one.slug: one.title for one in ALL}
    link = "https://dashboards.example.org/superset/dashboard/markets-costs/"
    assert f"*<{link}|{titles['markets-costs']}>*" in lines
    [shown] = stand.admin.data(numbers["Requests of tenants"])
    assert f"• Requests of tenants: {shown['requests']:,}" in lines
    [shown] = stand.admin.data(numbers["Answered by the cache"])
    assert f"• Answered by the cache: {shown['answered by the cache']:.1%}" in lines
    [after] = stand.admin.data(numbers["Events in the last hour"])
    [told] = [line.rpartition(" ")[2] for line in lines if line.startswith("• Events in the last hour:")]
    assert before["events"] >= int(told.replace(",", "")) >= after["events"] > 0
    figures = [line for line in lines if line.startswith("•")]
    large = [c for one in ALL if one.slug in ("customers-live", "markets-costs") for c in one.charts]
    assert len(figures) == sum(chart.kind == "big_number_total" for chart in large)
    assert not [line for line in figures if "not to be had" in line]


def test_a_report_that_is_not_taken_has_failed_and_one_that_makes_no_sense_is_not_sent(
    stand: Stand, tmp_path: Path
) -> None:
    with _channel([403]) as (address, came):
        assert _report(stand, tmp_path, address).returncode == 1
        unknown = _report(stand, tmp_path, address, dashboards=["nowhere"])
        assert unknown.returncode == 2
        assert "there is no dashboard nowhere: there are customers-alerts" in unknown.stderr
        elsewhere = _report(stand, tmp_path, address, host="hooks.slack.com")
        assert elsewhere.returncode == 2
        assert "is no address at hooks.slack.com" in elsewhere.stderr
    assert len(came) == 1


def _logged_in(browser: Browser, stand: Stand, name: str, password: str) -> Page:
    page = browser.new_page(viewport={"width": 1400, "height": 1500})
    page.set_default_timeout(_LONG)
    page.goto(f"{stand.server.url}/login/")
    page.locator("[data-test='username-input']").fill(name)
    page.locator("[data-test='password-input']").fill(password)
    page.locator("[data-test='login-button']").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def test_each_dashboard_draws_its_charts_in_a_browser(stand: Stand, browser: Browser) -> None:
    page = _logged_in(browser, stand, "admin", stand.server.admin_password)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", lambda got: errors.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    foreign: set[str] = set()
    page.on("requestfinished", lambda request: foreign.add(_host(request.url)))
    for one in ALL:
        _drawn(page, stand, one)
        if PICTURES:
            page.mouse.wheel(0, -5000)
            page.screenshot(path=Path(PICTURES) / f"{one.slug}.png", full_page=True)
    assert errors == []
    # What Superset's makers would count is in its pages; the policy of what pages may load stops it.
    assert foreign - {""} == {_host(stand.server.url)}


def _host(url: str) -> str:
    """Host and port; nothing of what a page has in itself."""
    return urlsplit(url).netloc


def _drawn(page: Page, stand: Stand, one: Dashboard) -> None:
    page.goto(f"{stand.server.url}/superset/dashboard/{one.slug}/?standalone=1&expand_filters=0")
    charts = page.locator("[data-test='chart-grid-component']")
    expect(charts, one.slug).to_have_count(len(one.charts), timeout=_LONG)
    for n, chart in enumerate(one.charts):
        box = charts.nth(n)
        box.scroll_into_view_if_needed()
        drawn = box.locator("canvas, table tbody tr, .header-line")
        expect(drawn.first, f"{one.slug}: {chart.name}").to_be_visible(timeout=_LONG)
        if chart.kind == "big_number_total":
            expect(box.locator(".header-line")).to_have_text(re.compile(r"\d"), timeout=_LONG)
    expect(page.get_by_text(re.compile("Unexpected error|No results|Data error"))).to_have_count(0)


def _comes(stand: Stand) -> httpx.Client:
    """Who follows the log-in to its end."""
    client = httpx.Client(base_url=stand.server.url, follow_redirects=True, timeout=120)
    client.get("/login/platform")
    return client


@pytest.fixture(scope="module")
def at_issuer(stand: Stand) -> Iterator[Issuer]:
    """The issuer at which people log in, from here to the end of the module."""
    with issuer() as told:
        roles = {"analyst": ["Analysts"], "of-acme": ["Tenant acme"], "operator": ["Admin"]}
        oidc = {"issuer": told.url, "client_id": CLIENT, "roles": roles, "second_factors": ["otp"]}
        stand.server.stop()
        stand.server.start(**{env.OIDC: json.dumps(oidc)})
        yield told


def test_people_log_in_at_an_issuer_and_have_the_roles_that_it_says(stand: Stand, at_issuer: Issuer) -> None:
    at_issuer.person = {"sub": "1", "preferred_username": "erin", "roles": ["of-acme"]}
    seen = _comes(stand).get("/api/v1/dashboard/").json()["result"]
    assert [one["slug"] for one in seen] == ["tenant-acme"]
    # What the issuer says of the day is what holds.
    at_issuer.person["roles"] = ["analyst"]
    seen = _comes(stand).get("/api/v1/dashboard/").json()["result"]
    assert {one["slug"] for one in seen} == {one.slug for one in SHARED}
    # Who is to be Admin signs in with a second factor.
    at_issuer.person["roles"] = ["operator"]
    assert _comes(stand).get("/api/v1/security/users/").status_code in (401, 403)
    at_issuer.person["amr"] = ["pwd", "otp"]
    assert _comes(stand).get("/api/v1/security/users/").status_code == 200
    at_issuer.audience = "somebody-else"
    assert _comes(stand).get("/api/v1/me/").status_code == 401


def test_where_there_is_an_issuer_no_password_lets_in(stand: Stand, at_issuer: Issuer) -> None:
    before = len(at_issuer.asked)
    with pytest.raises(AssertionError, match="security/login: 400"):
        Person.by_password(stand.server.url, "admin", stand.server.admin_password)
    assert len(at_issuer.asked) == before
