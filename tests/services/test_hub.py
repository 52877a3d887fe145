"""The hub as people use it: in a real browser, over a real server and feature store."""

from __future__ import annotations

import csv
import math
import os
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect
from werkzeug.serving import make_server

from tests.fixture_models import artifact, echoing
from tests.services.access import add_key, entitle
from tests.services.browser import chromium, inaccessible
from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_predictions, add_prices
from tests.services.test_data_api import add, settings
from tools import charting, graphiql
from workloads.data_api.app import create_app
from workloads.data_api.downloads.question import DownloadsQuery
from workloads.data_api.hub.pages import PAGES
from workloads.data_api.store import Store
from workloads.data_quality.alerts import alert, insert
from workloads.data_quality.rules.finding import Finding
from workloads.data_quality.watch import SeriesId
from workloads.kit.contracts.messages import AuditEvent
from workloads.kit.contracts.quality import QualityRule
from workloads.kit.contracts.topics import COMMODITY_PRICES

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.thorough

PICTURES = os.environ.get("HUB_PICTURES")
"""Directory in which the pages are to be left as pictures, for people to look at."""
# From Saturday 00:00 in Berlin, with the Sunday of 25 hours in October within.
START = datetime(2024, 10, 25, 22, tzinfo=UTC)
DAILY = echoing(5, 400)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def reviews() -> list[AuditEvent]:
    """What was recorded of what people said of alerts."""
    return []


@pytest.fixture
def hub(database: MigratedDatabase, reviews: list[AuditEvent]) -> Iterator[str]:
    """Address of the hub."""
    configured = settings(
        database, charting=charting.directory(), graphiql=graphiql.directory(), access_seconds=0
    )
    store = Store(configured)
    server = make_server("127.0.0.1", 0, create_app(configured, store, record=reviews.append), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}/hub/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        store.close()


@pytest.fixture
def market(database: MigratedDatabase) -> None:
    """Hourly power with a negative and a revised price, and a daily price with its predictions."""
    for hour in range(73):
        add(database, START + hour * HOUR, 40 + 30 * math.cos(hour / 4))
    add(database, START + 26 * HOUR, -12.34, published=START + 20 * HOUR)
    days = add_prices(database, "COAL", DAILY, start=datetime(2024, 1, 1, tzinfo=UTC), provenance="market")
    add_predictions(database, artifact("COAL"), 7, days[-60:], DAILY)
    with database.admin() as connection:
        moved = """{"load": 1.5, "wind-solar": -12.25, "prices of the day before": 0.25}"""
        connection.execute(
            "UPDATE features.ml_predictions SET moved_by = %s WHERE event_time = %s", (moved, days[-2])
        )


@pytest.fixture
def key(database: MigratedDatabase) -> str:
    """Of a tenant that gets everything."""
    entitle(database, pilot_one={}, pilot_two={"products": ("hub",)}, pilot_three={"products": ("api",)})
    return add_key(database, "pilot-one")


def enter(page: Page, key: str) -> None:
    page.goto("login")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Log in").click()


@pytest.fixture
def page(browser: Browser, hub: str, key: str) -> Iterator[Page]:
    """A page that fails the test where a script of it does, or where it asks anyone else for anything."""
    context = browser.new_context(
        base_url=hub, viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_wrong(said) else None)
    page.on(
        "request", lambda sent: None if sent.url.startswith((hub[:-5], "blob:")) else wrong.append(sent.url)
    )
    enter(page, key)
    yield page
    context.close()
    assert wrong == []


def _is_wrong(said: ConsoleMessage) -> bool:
    # An answer that a test makes is told by the page, which the test looks at.
    return said.type == "error" and not re.search(r"status of (503|422)", said.text)


def show(page: Page, where: str) -> None:
    page.goto(where)
    page.wait_for_selector("body[data-ready]")


@pytest.mark.usefixtures("market")
def test_the_board_shows_what_is_last_and_leads_to_it(page: Page) -> None:
    show(page, "board")
    coal = page.get_by_role("row").filter(has_text="COAL")
    expect(coal).to_contain_text(f"{DAILY[-1]:.2f}")
    expect(coal).to_contain_text(f"{abs(DAILY[-1] - DAILY[-2]):.2f}")
    page.keyboard.press("/")
    page.keyboard.type("power")
    expect(page.locator("#board tbody tr")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="DE-LU")).to_be_visible()


@pytest.mark.usefixtures("market")
def test_an_instrument_tells_the_two_hours_of_october_apart(page: Page) -> None:
    show(page, "instrument?symbol=DE-LU")
    # The table and the canvas, not the words that stand for a chart that did not come.
    assert page.locator("#chart canvas").count() == 1
    rows = page.locator("#rows tbody tr")
    expect(rows.filter(has_text=re.compile(r"27 Oct 2024.*02:00 CEST . 02:00"))).to_have_count(1)
    twice = rows.filter(has_text=re.compile(r"27 Oct 2024.*02:00 CET . 03:00"))
    expect(twice).to_have_count(1)
    expect(rows.filter(has_text="\N{MINUS SIGN}12.34")).to_contain_text("revised, negative")
    # The price that was revised is there when it is asked for.
    page.get_by_label("every revision").check()
    expect(rows.filter(has_text="superseded")).to_have_count(1)
    page.get_by_label("Times").select_option("UTC")
    expect(rows.filter(has_text=re.compile(r"27 Oct 2024.*01:00 UTC . 02:00"))).to_have_count(1)


@pytest.mark.usefixtures("market")
def test_a_withdrawn_price_is_shown_among_all_revisions_alone(database: MigratedDatabase, page: Page) -> None:
    add(database, START + 30 * HOUR, 77.75, published=START + 20 * HOUR)
    add(database, START + 30 * HOUR, 77.75, published=START + 21 * HOUR, withdrawn="platform")
    show(page, "instrument?symbol=DE-LU")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(72)
    expect(rows.filter(has_text="77.75")).to_have_count(0)
    page.get_by_label("every revision").check()
    expect(rows.filter(has_text="withdrawn by the platform")).to_have_count(1)
    expect(rows.locator("td.withdrawn")).to_have_text("77.75")


@pytest.mark.usefixtures("market")
def test_an_instrument_tells_what_moved_a_forecast_most(page: Page) -> None:
    show(page, "instrument?symbol=COAL")
    expect(
        page.locator("#rows tbody tr").filter(has_text="wind-solar \N{MINUS SIGN}12.25, load +1.50")
    ).to_have_count(1)


@pytest.mark.usefixtures("market")
def test_a_download_has_every_row_that_the_preview_promised(page: Page, tmp_path: Path) -> None:
    show(page, "downloads")
    page.get_by_label("Instrument").select_option(label="COAL · test · P1D")
    page.get_by_label("From").fill("2024-02-01")
    page.get_by_label("To, not included").fill("2024-03-01")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview tbody tr")).to_have_count(10)
    # 29 periods in these days; the file is the one place that knows how many have a price.
    expect(page.locator("#estimate")).to_contain_text("Up to some 29 rows, less than 1 MiB")
    # What is offered is what can be asked of an instrument.
    assert page.get_by_label("What").locator("option").all_text_contents() == ["prices", "predictions"]
    for what, column, wanted in (
        ("prices", "price", DAILY[31:60].tolist()),
        ("predictions", "symbol", None),
    ):
        page.get_by_label("What").select_option(label=what)
        # What was previewed is what is saved.
        expect(page.get_by_role("button", name="Download")).to_be_hidden()
        if wanted is None:
            page.get_by_label("To, not included").fill("2025-03-01")
        page.get_by_role("button", name="Preview").click()
        assert page.get_by_label("Revisions").is_enabled() == (wanted is not None)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        file = tmp_path / f"{column}.csv"
        download.value.save_as(file)
        with file.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        if wanted is None:
            assert {row["symbol"] for row in rows} == {"COAL"}
            assert len(rows) == 60
        else:
            assert [float(row[column]) for row in rows] == wanted


def test_days_of_a_download_are_the_markets(page: Page, database: MigratedDatabase, tmp_path: Path) -> None:
    """March of a series whose days begin at midnight in Berlin: summer time begins within."""
    zone = ZoneInfo("Europe/Berlin")
    days = [datetime(2024, 2, 28, tzinfo=zone) + timedelta(days=n) for n in range(36)]
    for n, day in enumerate(days):
        at, until = day.astimezone(UTC), (day + timedelta(days=1)).astimezone(UTC)
        add(database, at, n, length=until - at, resolution="P1D")
    add(database, datetime(2024, 3, 1, tzinfo=UTC), 0, symbol="UTC", resolution="P1D", length=24 * HOUR)
    show(page, "downloads")
    page.get_by_label("Instrument").select_option(label="UTC · auction · P1D")
    expect(page.locator("#days")).to_have_text("days of UTC")
    page.get_by_label("Instrument").select_option(label="DE-LU · auction · P1D")
    expect(page.locator("#days")).to_have_text("days of Europe/Berlin")
    expect(page.get_by_label("To, not included")).to_have_value("2024-04-04")
    page.get_by_label("From").fill("2024-03-01")
    page.get_by_label("To, not included").fill("2024-04-01")
    page.get_by_role("button", name="Preview").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "march.csv")
    with (tmp_path / "march.csv").open(newline="", encoding="utf-8") as lines:
        starts = [datetime.fromisoformat(row["delivery_start"]) for row in csv.DictReader(lines)]
    assert starts == [day.astimezone(UTC) for day in days[2:33]]


@pytest.mark.usefixtures("market")
def test_a_download_that_is_refused_says_so_on_the_page(page: Page) -> None:
    show(page, "downloads")
    offered = page.get_by_label("Form").locator("option").all_text_contents()
    assert [one.lower() for one in offered] == list(
        get_args(DownloadsQuery.model_fields["format"].annotation)
    )
    page.get_by_role("button", name="Preview").click()
    page.route("**/v1/downloads*", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("alert")).to_contain_text("No file can be made just now")
    # A refusal has no text for HEAD, and is told all the same.
    problem = '{"detail": "it has 3 rows, more than 2", "remedy": "ask for csv"}'
    page.unroute("**/v1/downloads*")
    page.route("**/v1/downloads*", lambda route: route.fulfill(status=422, body=_body_of(route, problem)))
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("alert")).to_contain_text("it has 3 rows, more than 2 ask for csv")


@pytest.mark.usefixtures("market")
def test_an_instrument_reads_no_price_again_until_there_is_a_newer_one(
    page: Page, database: MigratedDatabase
) -> None:
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))

    def filled() -> list[str]:
        asked.clear()
        with page.expect_response("**/v1/predictions*"):
            page.evaluate("document.dispatchEvent(new Event('theme'))")
        expect(page.locator("#rows tbody tr").first).to_be_visible()
        return [url for url in asked if "/v1/prices" in url]

    show(page, "instrument?symbol=COAL")
    forecasts = page.locator("#rows tbody tr").filter(has_text="wind-solar")
    expect(forecasts).to_have_count(1)
    assert filled() == []
    expect(forecasts).to_have_count(1)
    (newest,) = [url for url in asked if "/v1/predictions" in url]
    assert len(page.request.get(newest).json()["items"]) == 1
    add_prices(database, "COAL", [123.45], start=datetime(2025, 2, 4, tzinfo=UTC), provenance="market")
    assert len(filled()) == 1
    expect(page.locator("#rows tbody tr").first).to_contain_text("123.45")


def _body_of(route: Route, text: str) -> str:
    return "" if route.request.method == "HEAD" else text


@pytest.mark.usefixtures("market")
def test_the_record_of_a_model_is_told_beside_the_naive_one(page: Page) -> None:
    show(page, "models")
    row = page.get_by_role("row").filter(has_text="COAL")
    expect(row).to_contain_text("version 7")
    expect(row).to_contain_text("champion")


def test_an_empty_platform_says_what_to_do(page: Page) -> None:
    for name in ("board", "status", "models"):
        show(page, name)
        expect(page.locator("#empty")).to_be_visible()


@pytest.mark.usefixtures("market")
def test_a_problem_says_what_to_do_and_what_was_shown_stays(page: Page) -> None:
    show(page, "board")
    body = '{"detail": "the database is away", "remedy": "ask again in 2 seconds"}'
    page.route("**/v1/latest*", lambda route: route.fulfill(status=503, body=body))
    page.get_by_label("Times").select_option("UTC")
    expect(page.get_by_role("alert")).to_contain_text("the database is away ask again in 2 seconds")
    expect(page.get_by_role("row").filter(has_text="COAL")).to_be_visible()


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_kept_out_and_a_telephone_shows_it_all(
    browser: Browser, hub: str, key: str, theme: str
) -> None:
    """axe-core has no serious finding, and no page is wider than a telephone."""
    for width in (1280, 390):
        context = browser.new_context(
            base_url=hub,
            viewport={"width": width, "height": 844},
            color_scheme="dark" if theme == "dark" else "light",
        )
        page = context.new_page()
        page.goto("login")
        assert inaccessible(page) == []
        enter(page, key)
        for name in PAGES:
            show(page, f"{name}?symbol=DE-LU" if name == "instrument" else name)
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"{name}-{theme}-{width}.png")
            assert inaccessible(page) == [], (name, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            edge = page.locator("main").evaluate("one => getComputedStyle(one).paddingLeft")
            assert edge == ("12px" if width == 390 else "20px"), (name, width)
        context.close()


def test_no_page_takes_a_script_from_elsewhere(page: Page, hub: str) -> None:
    for name in PAGES:
        answer = page.request.get(f"{hub}{name}")
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*src=)|style=|\son[a-z]+=", answer.text())


def found(database: MigratedDatabase, rule: QualityRule, hour: int) -> None:
    series = SeriesId("S", "DE-LU", "PT1H", "market", ("EUR", "MWh", "power", "day-ahead"))
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=2) + hour * HOUR
    finding = Finding(rule, start, start + HOUR, 1, 512.5, "less", "512.5 is 9 deviations off", "look")
    with database.admin() as connection:
        connection.execute("SET search_path = features")
        insert(connection, [alert(COMMODITY_PRICES, series, finding, start, start + HOUR)])


@pytest.mark.usefixtures("market")
def test_what_is_wrong_is_shown_and_those_who_may_say_what_is_right(
    page: Page, browser: Browser, hub: str, database: MigratedDatabase, reviews: list[AuditEvent]
) -> None:
    found(database, "spike", 0)
    found(database, "stale", 1)
    show(page, "status")
    expect(page.locator("#incidents tbody tr")).to_have_count(1)
    expect(page.get_by_text("Nothing is.")).to_be_hidden()
    page.get_by_role("link", name="stale").click()
    expect(page.locator("article")).to_have_count(1)
    expect(page.locator("article")).to_contain_text("9 deviations off")
    # Of a tenant that watches over nothing.
    expect(page.get_by_role("button", name="The data are right")).to_have_count(0)

    entitle(database, pilot_one={"products": ("hub", "quality")})
    context = browser.new_context(base_url=hub)
    watching = context.new_page()
    enter(watching, add_key(database, "pilot-one", scopes=("read", "write", "admin")))
    show(watching, "alerts")
    expect(watching.locator("article")).to_have_count(2)
    spike = watching.locator("article").filter(has_text="spike")
    assert inaccessible(watching) == []
    if PICTURES:
        watching.screenshot(path=Path(PICTURES) / "alerts-to-review.png")
    spike.get_by_role("button", name="The data are right").click()
    # Not without a reason: the browser says so, and nothing is asked.
    assert reviews == []
    spike.get_by_label("Why").fill("a holiday")
    spike.get_by_role("button", name="The data are right").click()
    expect(watching.locator("article")).to_have_count(1)
    expect(watching.get_by_text("Recorded of spike")).to_be_visible()
    assert [(one.action, one.reason) for one in reviews] == [("quality-release", "a holiday")]
    watching.get_by_label("Said of it").select_option("released")
    expect(watching.locator("article")).to_contain_text("a holiday")
    watching.get_by_label("Said of it").select_option("confirmed")
    expect(watching.get_by_text("There is none such.")).to_be_visible()
    show(watching, "alerts?rule=gap")
    expect(watching.get_by_text("There is none such.")).to_be_visible()
    context.close()


@pytest.mark.usefixtures("market")
def test_graphql_is_tried_in_the_name_of_who_is_logged_in(page: Page, hub: str) -> None:
    page.goto(hub.replace("/hub/", "/graphql"))
    page.wait_for_selector("body[data-ready]")
    page.get_by_role("button", name="Execute query").click()
    shown = page.locator(".result-window")
    expect(shown).to_contain_text("DE-LU")
    expect(shown).to_contain_text("delivery_start")
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "playground.png")
    # It has read the schema: what there is not is marked before it is asked.
    expect(page.locator(".CodeMirror-lint-mark-error")).to_have_count(0)
    page.locator(".graphiql-query-editor .CodeMirror").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("{ nothing }")
    expect(page.locator(".CodeMirror-lint-mark-error").first).to_be_visible()


@pytest.mark.usefixtures("market")
def test_a_page_leads_to_the_log_in_and_back(browser: Browser, hub: str, key: str) -> None:
    page = browser.new_context(base_url=hub).new_page()
    page.goto("instrument?symbol=DE-LU")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_label("API key").fill("ck_0123456789ab_" + "0" * 64)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("The credential is not valid.")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="DE-LU")).to_be_visible()
    # No script of a page can read what the session is.
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Log out").click()
    page.goto("board")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.context.close()


def test_a_tenant_sees_what_it_bought(
    browser: Browser, hub: str, database: MigratedDatabase, key: str
) -> None:
    assert key
    for tenant, name, seen in (
        ("pilot-two", "board", "Markets"),
        ("pilot-two", "downloads", "Not among your products"),
        ("pilot-three", "board", "Not among your products"),
    ):
        page = browser.new_context(base_url=hub).new_page()
        enter(page, add_key(database, tenant))
        page.goto(name)
        expect(page.get_by_role("heading", name=seen)).to_be_visible()
        page.context.close()
