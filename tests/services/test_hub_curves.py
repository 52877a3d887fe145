"""The hub's scenario builder as people use it: in a real browser, over a real server and feature store."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.services.access import add_key, entitle
from tests.services.browser import inaccessible
from tests.services.clients import MigratedDatabase
from tests.services.test_hub import browser, enter, hub, reviews, show

__all__ = ["browser", "hub", "reviews"]

pytestmark = pytest.mark.thorough

PICTURES = os.environ.get("HUB_PICTURES")


@pytest.fixture
def tenants(database: MigratedDatabase) -> MigratedDatabase:
    entitle(database, pilot_one={}, pilot_two={})
    return database


def logged_in(browser: Browser, hub: str, key: str, width: int = 1280, theme: str = "light") -> Page:
    context = browser.new_context(
        base_url=hub,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    enter(page, key)
    return page


@pytest.fixture
def page(browser: Browser, hub: str, tenants: MigratedDatabase) -> Iterator[Page]:
    """The builder, of a person who may save; the test fails where a script of it does."""
    page = logged_in(browser, hub, add_key(tenants, "pilot-one", scopes=("read", "write")))
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_wrong(said) else None)
    show(page, "curves")
    yield page
    page.context.close()
    assert wrong == []


def _is_wrong(said: ConsoleMessage) -> bool:
    # A browser tells of every answer that is a refusal; the page tells it to people, which the tests look at.
    return said.type == "error" and not re.search(r"status of (409|422|404|503)", said.text)


def settled(page: Page) -> None:
    """Until the curves are those of what stands on the page."""
    page.wait_for_selector("body[data-asked=yes]")


def quote(page: Page, number: int, **fields: str) -> None:
    for name, text in fields.items():
        page.get_by_label(f"{name} of quote {number}", exact=True).fill(text)


def means(page: Page) -> dict[str, float]:
    """name → mean of all hours, as the page says it."""
    said = page.locator("#state").inner_text().replace("\N{MINUS SIGN}", "-")
    found = re.findall(r"(?:: | · )([\w ]+?) (-?[\d,]+\.\d\d)", said)
    return {name: float(value) for name, value in found}


def three_months(page: Page) -> None:
    page.get_by_role("button", name="Add a quote").click()
    page.get_by_role("button", name="Add a quote").click()
    for number, (period, price) in enumerate((("2027-01", "80"), ("Feb-27", "78,00"), ("2027-03", "60")), 1):
        quote(page, number, Period=period, Price=price)
    settled(page)


def test_sliders_make_scenarios_beside_the_quotes_curve(page: Page) -> None:
    three_months(page)
    assert means(page) == {"quotes": pytest.approx(72.49, abs=0.01)}
    page.get_by_role("button", name="Add a scenario").click()
    card = page.get_by_role("group", name="scenario 1")
    card.get_by_label("Name").fill("colder")
    card = page.get_by_role("group", name="colder")
    slider = card.get_by_role("slider", name="Shift")
    slider.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    settled(page)
    assert means(page)["colder"] == pytest.approx(means(page)["quotes"] + 2, abs=0.011)
    assert page.locator("#chart canvas").count() == 1
    expect(page.locator(".u-legend")).to_contain_text("colder")
    # What a position gains, of each curve.
    page.get_by_role("button", name="Add a position").click()
    for name, text in (("Period", "2027-02"), ("MW", "10"), ("Price", "70")):
        page.get_by_label(f"{name} of position 1", exact=True).fill(text)
    settled(page)
    row = page.locator("#positions tbody tr").first
    expect(row.locator(".result")).to_have_text(["+53,760", "+67,200"])
    # As many as can be told apart.
    for _ in range(3):
        page.get_by_role("button", name="Add a scenario").click()
    expect(page.get_by_role("button", name="Add a scenario")).to_be_disabled()
    page.get_by_role("button", name="Remove colder").click()
    settled(page)
    assert list(means(page)) == ["quotes"]
    expect(row.locator(".result")).to_have_text(["+53,760"])


def test_what_is_wrong_is_said_where_it_was_given(page: Page) -> None:
    three_months(page)
    before = means(page)
    page.get_by_role("button", name="Add a quote").click()
    quote(page, 4, Period="2027-Q1", Price="70")
    settled(page)
    problem = page.locator("#quotes-problem")
    for said in ("2027-Q1 base at 70", "2027-03 base at 60", "2.495 apart", "least-squares"):
        expect(problem).to_contain_text(said)
    # Both sides of it are marked, and what was drawn stays.
    expect(page.locator("#quotes [aria-invalid]")).to_have_count(4)
    expect(page.locator("#state")).to_contain_text("those of before")
    page.get_by_label("meet contradicting quotes").check()
    settled(page)
    expect(problem).to_be_hidden()
    expect(page.locator("#quotes [aria-invalid]")).to_have_count(0)
    expect(page.locator("#quotes thead")).to_contain_text("Off")
    page.get_by_role("button", name="Remove quote 4").click()
    settled(page)
    assert means(page) == before

    def wrong(field: Locator, text: str, said: str, where: str) -> None:
        was = field.input_value()
        field.fill(text)
        settled(page)
        expect(page.locator(where)).to_contain_text(said)
        expect(field).to_have_attribute("aria-invalid", "true")
        field.fill(was)
        settled(page)
        expect(page.locator(where)).to_be_hidden()

    price = page.get_by_label("Price of quote 2", exact=True)
    wrong(price, "8o", "Row 2: “8o” is no number", "#quotes-problem")
    period = page.get_by_label("Period of quote 1", exact=True)
    wrong(period, "2027-13", "2027-13", "#quotes-problem")
    page.get_by_role("button", name="Add a scenario").click()
    card = page.get_by_role("group", name="scenario 1")
    card.get_by_label("Outage, exact").fill("1400")
    settled(page)
    expect(card.get_by_role("alert")).to_contain_text("period")
    card.get_by_label("Outage: in which period").fill("2028-01")
    settled(page)
    expect(card.get_by_role("alert")).to_contain_text("2028-01")
    card.get_by_label("Outage: in which period").fill("Feb-27")
    settled(page)
    expect(card.get_by_role("alert")).to_be_hidden()
    page.get_by_label("Shape of hours").fill("NONE")
    page.get_by_label("Shape of hours").blur()
    settled(page)
    expect(page.locator("#shape-problem")).to_contain_text("no hourly prices of NONE")


def test_a_spreadsheet_is_pasted(page: Page) -> None:
    page.get_by_text("Paste many quotes").click()
    page.locator("#pasted").fill(
        "Contract\tLoad\tBid\tAsk\tPrice\nJan-27\tBase\t\t\t1.082,50\nQ2-27\tPeak\t55\t56\t\nCal-28\t\t\t\t-3\n"
    )
    page.get_by_role("button", name="Take these").click()
    settled(page)
    rows = page.locator("#quotes tbody tr")
    values = [
        [field.input_value() for field in rows.nth(n).locator("input, select").all()]
        for n in range(rows.count())
    ]
    assert values == [
        ["2027-01", "base", "1.082,50", "", ""],
        ["2027-Q2", "peak", "", "55", "56"],
        ["2028", "base", "-3", "", ""],
    ]
    expect(rows.first.locator(".result")).to_have_text("1,082.50")


def paste(field: Locator, text: str) -> None:
    field.evaluate(
        """(field, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            const how = { clipboardData, bubbles: true, cancelable: true };
            field.dispatchEvent(new ClipboardEvent("paste", how));
        }""",
        text,
    )


def quotes_of(page: Page) -> list[list[str]]:
    rows = page.locator("#quotes tbody tr").all()
    return [[field.input_value() for field in row.locator("input, select").all()] for row in rows]


def test_what_is_pasted_is_taken_for_nothing_else(page: Page) -> None:
    """An ask is no price, a profile that nobody knows is not base, a column is a column."""
    paste(
        page.get_by_label("Period of quote 1", exact=True),
        "2027-01\tbase\t\t\t78\n2027-02\t\t80\t\t\n2027-03\tWeekend\t60\n2027-04\t\t\t79\n2027-05\t55\t56",
    )
    settled(page)
    assert quotes_of(page) == [
        ["2027-01", "base", "", "", "78"],
        ["2027-02", "base", "80", "", ""],
        ["2027-03", "", "60", "", ""],
        ["2027-04", "base", "", "", "79"],
        ["2027-05", "base", "", "55", "56"],
    ]
    expect(page.locator("#quotes-problem")).to_contain_text("Row 3: the profile is not known")
    expect(page.locator("#quotes [aria-invalid]")).to_have_count(1)
    expect(page.get_by_label("Profile of quote 3")).to_have_attribute("aria-invalid", "true")
    paste(page.get_by_label("Ask of quote 4", exact=True), "\n57\n58\n")
    paste(page.get_by_label("Period of quote 5", exact=True), "Jul-27\nAug-27")
    settled(page)
    assert quotes_of(page)[3:] == [
        ["2027-04", "base", "", "", ""],
        ["2027-07", "base", "", "55", "57"],
        ["2027-08", "base", "", "", "58"],
    ]
    paste(page.get_by_label("Period of quote 5", exact=True), "2027-07 70\n2027-08 71")
    assert quotes_of(page)[4:] == [["2027-07", "base", "70", "", ""], ["2027-08", "base", "71", "", ""]]


def test_no_result_stands_beside_figures_that_it_is_not_of(page: Page) -> None:
    three_months(page)
    page.get_by_role("button", name="Add a position").click()
    for name, text in (("Period", "2027-02"), ("MW", "10"), ("Price", "70")):
        page.get_by_label(f"{name} of position 1", exact=True).fill(text)
    settled(page)
    told = page.locator("#positions tbody tr").first.locator(".result")
    expect(told).to_have_text(["+53,760"])
    page.get_by_label("Period of position 1", exact=True).fill("2031-02")
    settled(page)
    expect(page.locator("#positions-problem")).to_be_visible()
    expect(told).to_have_text([""])
    expect(page.locator("#positions tfoot tr")).to_have_count(0)
    # Who is busy is asked again, and nothing is there to be mended.
    page.get_by_label("Period of position 1", exact=True).fill("2027-02")
    settled(page)
    busy = '{"detail": "it is busy", "remedy": "ask again in 1 second"}'
    page.route(
        "**/v1/curves",
        lambda route: route.fulfill(status=503, body=busy, headers={"Retry-After": "1"}),
        times=1,
    )
    page.get_by_label("MW of position 1", exact=True).fill("20")
    expect(page.locator("#state")).to_have_text("The curves are those of before: asked again in 1 s.")
    expect(page.locator("#problem")).to_contain_text("The page tries again by itself.")
    expect(told).to_have_text(["+107,520"])
    expect(page.locator("#problem")).to_be_hidden()


def test_numbers_and_periods_are_read_as_people_write_them(page: Page) -> None:
    def read(function: str, text: str) -> object:
        return page.evaluate(
            f"async (text) => String((await import('/hub/static/sheet.js')).{function}(text))", text
        )

    numbers = {
        "1.082,50": "1082.5",
        "1,082.50": "1082.5",
        "82,5": "82.5",
        "0,125": "0.125",
        "1,082,500": "1082500",
        "\N{MINUS SIGN}12.3": "-12.3",
        "\N{EURO SIGN} 1\N{NARROW NO-BREAK SPACE}082,5": "1082.5",
        "": "undefined",
        # Nobody can say what these are.
        **dict.fromkeys(
            ("1,082", "1.082", "-1.400", "1.2.3", "12-3", "n/a", "1e", "0x10", "--1", "."), "NaN"
        ),
    }
    assert {text: read("amount", text) for text in numbers} == numbers
    # What a program saved is no doubt one number, and stays it.
    for value in ("1.082", "-12.345", "82.5", "1400", "0.125"):
        assert read("amount", str(read("written", value))) == value
    periods = {
        "Cal-27": "2027",
        "Q3 2027": "2027-Q3",
        "Wk5-27": "2027-W05",
        "December 27": "2027-12",
        "2027-q1": "2027-Q1",
        "2027-01-15": "2027-01-15",
        "Base-27": "BASE-27",
    }
    assert {text: read("period", text) for text in periods} == periods


def test_what_is_saved_is_the_whole_tenants_and_nobodys_else(
    browser: Browser, hub: str, tenants: MigratedDatabase, page: Page
) -> None:
    page.get_by_role("button", name="Fill in an example").click()
    settled(page)
    made = means(page)
    assert list(made) == ["quotes", "colder", "plant away"]
    page.locator("#keep").get_by_label("Name").fill("Winter")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#saved-state")).to_have_text("Winter is saved.")

    # A colleague, who may only read, by the address alone.
    colleague = logged_in(browser, hub, add_key(tenants, "pilot-one"))
    show(colleague, "curves?saved=Winter")
    settled(colleague)
    assert means(colleague) == made
    expect(colleague.get_by_text("Your key only reads")).to_be_visible()
    expect(colleague.get_by_role("button", name="Save")).to_be_disabled()
    expect(colleague.get_by_role("button", name="Delete Winter")).to_have_count(0)
    colleague.context.close()
    stranger = logged_in(browser, hub, add_key(tenants, "pilot-two", scopes=("read", "write")))
    show(stranger, "curves?saved=Winter")
    expect(stranger.get_by_role("alert").filter(has_text="no saved scenario")).to_be_visible()
    expect(stranger.locator("#empty")).to_be_visible()
    stranger.context.close()

    # Another who may save does not replace what was not seen.
    other = logged_in(browser, hub, add_key(tenants, "pilot-one", scopes=("read", "write")))
    show(other, "curves")
    three_months(other)
    other.locator("#keep").get_by_label("Name").fill("Winter")
    other.get_by_role("button", name="Save").click()
    expect(other.locator("#saved-problem")).to_contain_text("Open it first to save over it")
    other.on("dialog", lambda dialog: dialog.accept())
    other.get_by_role("button", name="Open Winter").click()
    expect(other.locator("#saved-state")).to_have_text("Winter is open.")
    settled(other)
    assert means(other) == made
    other.get_by_role("button", name="Remove colder").click()
    other.get_by_role("button", name="Save").click()
    expect(other.locator("#saved-state")).to_have_text("Winter is saved.")
    other.get_by_role("button", name="Delete Winter").click()
    expect(other.locator("#saved-state")).to_have_text("Winter is deleted.")
    expect(other.locator("#empty")).to_be_visible()
    other.context.close()


def test_what_somebody_deleted_meanwhile_is_saved_anew(page: Page) -> None:
    three_months(page)
    page.get_by_role("button", name="Add a scenario").click()
    page.locator("#keep").get_by_label("Name").fill("Winter")
    page.get_by_role("button", name="Save").click()
    # A scenario that changes nothing is none, which is said.
    said = "Winter is saved, without scenario 1, which changes nothing."
    expect(page.locator("#saved-state")).to_have_text(said)
    ours = {"Sec-Fetch-Site": "same-origin"}
    assert page.request.delete("/v1/scenarios/Winter", headers=ours).ok
    quote(page, 1, Price="81")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#saved-problem")).to_contain_text("none of this name any more")
    expect(page.locator("#saved-problem")).to_contain_text("Save again")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#saved-state")).to_have_text(said)
    assert page.request.get("/v1/scenarios/Winter", headers=ours).json()["curves"]["quotes"][0]["price"] == 81


def test_steps_that_no_slider_shows_are_kept(page: Page) -> None:
    of = {"period": "2027-01-15"}
    steps = [{"kind": "shift", "amount": 3, "of": of}, {"kind": "shift", "amount": -1}]
    body = {
        "quotes": [{"period": "2027-01", "price": 80}],
        "scenarios": [{"name": "program", "steps": steps}],
        "tz": "Europe/Helsinki",
        "resolution": "PT1H",
    }
    answer = page.request.put("/v1/scenarios/made", data=body, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.ok, answer.text()
    show(page, "curves?saved=made")
    settled(page)
    expect(page.get_by_text("Made by a program")).to_be_visible()
    quote(page, 1, Price="81")
    settled(page)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#saved-state")).to_have_text("made is saved.")
    kept = page.request.get("/v1/scenarios/made", headers={"Sec-Fetch-Site": "same-origin"}).json()["curves"]
    assert kept["quotes"] == [{"period": "2027-01", "profile": "base", "price": 81}]
    assert {name: kept[name] for name in ("scenarios", "tz", "resolution")} == {
        name: body[name] for name in ("scenarios", "tz", "resolution")
    }
    # The zone was that of the market that is left.
    page.evaluate("document.getElementById('market').append(new Option('gas', 'gas'))")
    with page.expect_request("**/v1/curves") as sent:
        page.locator("#market").select_option("gas")
    asked = sent.value.post_data_json
    assert asked is not None
    assert asked["market"] == "gas"
    assert "tz" not in asked


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nobody_is_kept_out_and_a_telephone_shows_it_all(
    browser: Browser, hub: str, tenants: MigratedDatabase, theme: str, width: int
) -> None:
    page = logged_in(browser, hub, add_key(tenants, "pilot-one", scopes=("read", "write")), width, theme)
    show(page, "curves")
    page.get_by_role("button", name="Fill in an example").click()
    settled(page)
    page.locator("#keep").get_by_label("Name").fill("Winter")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Open Winter")).to_be_visible()
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"builder-{theme}-{width}.png", full_page=True)
    assert inaccessible(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_label("Price of quote 1", exact=True).fill("x")
    page.get_by_label("Shift, exact").first.fill("x")
    settled(page)
    assert inaccessible(page) == []
    page.context.close()
