"""Questions: one key for what means the same, and a refusal with a remedy for what is none."""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.api_integration.questions import Invalid, question
from workloads.kit.contracts.providers import PROVIDERS, hosts, placed

FORECAST = ("weather", "forecast")


def ask(provider: str, route: str, **values: str) -> Any:
    return question(provider, route, {name: [value] for name, value in values.items()})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"latitude": "52.52"}, {"latitude": "+52.5200"}),
        ({"latitude": "52.52"}, {"latitude": " 52.5249 "}),
        ({"latitude": "-0.001"}, {"latitude": "0"}),
        ({"days": "07"}, {}),
        ({"hourly": "precipitation,cloud_cover,precipitation"}, {"hourly": "cloud_cover, precipitation"}),
    ],
)
def test_what_means_the_same_has_one_key(one: dict[str, str], other: dict[str, str]) -> None:
    base = {"latitude": "1", "longitude": "2"}
    assert ask(*FORECAST, **(base | one)) == ask(*FORECAST, **(base | other))


@pytest.mark.parametrize("country", ["ß", "\ufb01", "\u0131e"])
def test_a_letter_that_only_becomes_one_of_a_code_is_none(country: str) -> None:
    with pytest.raises(Invalid, match="country"):
        ask("holidays", "public", country=country, year="2026")


def test_names_of_places_have_one_key_in_capitals_and_small_letters_of_any_script() -> None:
    assert ask("geolocation", "search", name="ZÜRICH") == ask("geolocation", "search", name="zürich")
    with pytest.raises(Invalid, match="language"):
        ask("geolocation", "search", name="x", language="\u212aa")


def test_what_means_another_has_another_key() -> None:
    base = {"latitude": "1", "longitude": "2"}
    changed = [{}, {"latitude": "2"}, {"longitude": "1"}, {"days": "8"}, {"hourly": "precipitation"}]
    assert len({ask(*FORECAST, **(base | one)).key for one in changed}) == len(changed)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"latitude": "1"}, "longitude"),
        ({"latitude": "91", "longitude": "0"}, "latitude"),
        ({"latitude": "nan", "longitude": "0"}, "latitude"),
        ({"latitude": "1e1", "longitude": "0"}, "latitude"),
        ({"latitude": "٣", "longitude": "0"}, "latitude"),
        ({"latitude": "1", "longitude": "2", "days": "17"}, "days"),
        ({"latitude": "1", "longitude": "2", "days": "1.5"}, "days"),
        ({"latitude": "1", "longitude": "2", "hourly": "temperature_2m&apikey=x"}, "hourly"),
        ({"latitude": "1", "longitude": "2", "hourly": ","}, "hourly"),
        ({"latitude": "1", "longitude": "2", "apikey": "mine"}, "apikey"),
        ({"latitude": "1", "longitude": "2", "latitude ": "mine"}, "latitude "),
    ],
)
def test_what_is_no_question_is_refused_with_field_and_remedy(values: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        ask(*FORECAST, **values)
    assert refused.value.field == field
    assert refused.value.remedy


def test_a_value_that_is_given_twice_is_refused() -> None:
    with pytest.raises(Invalid, match="given 2 times"):
        question("holidays", "public", {"year": ["2025", "2026"], "country": ["DE"]})


@pytest.mark.parametrize(("provider", "route"), [("nobody", "x"), ("weather", "x"), ("", "")])
def test_what_the_table_does_not_have_is_not_found(provider: str, route: str) -> None:
    with pytest.raises(Invalid) as refused:
        ask(provider, route)
    assert refused.value.status == 404


@given(st.text(max_size=100))
def test_no_name_of_a_place_leaves_its_parameter(name: str) -> None:
    try:
        asked = ask("geolocation", "search", name=name)
    except Invalid:
        return
    assert set(asked.query) == {"name", "count", "language", "format"}
    assert asked.path == "/v1/search"
    # The key's text can be read back: no other question has the same.
    assert dict(parse_qsl(asked.text.partition("?")[2]))["name"] == asked.query["name"]


@given(st.text(string.printable, max_size=24))
def test_nothing_in_a_path_leads_elsewhere(lei: str) -> None:
    try:
        asked = ask("reference", "lei", lei=lei)
    except Invalid:
        return
    assert asked.path.removeprefix("/api/v1/lei-records/").isalnum()


def defaulted(provider: str, route: str, parameter: str) -> str:
    """What becomes of a parameter's default where a caller gives it."""
    how = PROVIDERS[provider].routes[route].parameters
    needed = {"number": "1", "integer": "1", "text": "ab", "list": ""}
    given = {name: what.default or needed[what.kind] for name, what in how.items()}
    asked = ask(provider, route, **given)
    return asked.query[how[parameter].upstream or parameter]


def test_the_table_is_whole() -> None:
    """Each parameter of a path is declared, defaults are questions, and a process may call alone, too."""
    for name, provider in PROVIDERS.items():
        assert provider.url.startswith("https://")
        assert provider.licence
        for route, how in provider.routes.items():
            assert set(placed(how.path)) <= set(how.parameters)
            assert set(how.tags) <= set(how.parameters)
            assert all(how.cost <= limit.calls / 4 for limit in provider.limits), (name, route)
            for parameter, what in how.parameters.items():
                if what.default is not None:
                    assert defaulted(name, route, parameter) == what.default
    assert hosts() == tuple(sorted(set(hosts())))
    assert all("/" not in host for host in hosts())
