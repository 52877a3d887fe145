"""Temperatures as rows, and the provider's words for when to come back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers import body
from workloads.api_integration import weather
from workloads.api_integration.upstream import retry_after
from workloads.kit.contracts.providers import PROVIDERS
from workloads.kit.contracts.zones import WEATHER_POINTS

NOW = datetime.now(UTC)


def answer() -> Any:
    return body("/v1/forecast", dict(PROVIDERS["weather"].routes["temperature"].constants))


def test_each_zone_has_its_hours_from_the_one_that_runs_on() -> None:
    told = answer()
    # By the answer's own first hour: the day may change between two looks at the clock.
    first = datetime.fromisoformat(told[0]["hourly"]["time"][0]).replace(tzinfo=UTC)
    received = first + timedelta(hours=10, minutes=30)
    rows = weather.rows(json.dumps(told).encode(), received)
    assert {row.zone for row in rows} == set(WEATHER_POINTS)
    assert {row.published_at for row in rows} == {received}
    assert min(row.start for row in rows) == first + timedelta(hours=10)
    by_zone = {row.zone: row.temperature for row in rows if row.start == max(r.start for r in rows)}
    # The stand-in's temperature goes by the latitude: the order of zones is kept.
    assert by_zone["FI"] > by_zone["ES"]


def test_hours_without_a_value_are_left_out() -> None:
    told = answer()
    told[0]["hourly"]["temperature_2m"] = [None] * len(told[0]["hourly"]["time"])
    rows = weather.rows(json.dumps(told).encode(), NOW)
    assert {row.zone for row in rows} == set(WEATHER_POINTS) - {next(iter(WEATHER_POINTS))}


@pytest.mark.parametrize("change", [lambda a: a[:-1], lambda a: a[0], lambda a: {"error": True}])
def test_another_answer_is_refused(change: Any) -> None:
    with pytest.raises(ValueError, match="weather: "):
        weather.rows(json.dumps(change(answer())).encode(), NOW)


def test_times_without_their_temperatures_are_refused() -> None:
    told = answer()
    told[3]["hourly"]["time"].pop()
    with pytest.raises(ValueError, match="times of"):
        weather.rows(json.dumps(told).encode(), NOW)


def test_retry_after_is_read_in_both_forms() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert retry_after("120", at) == 120
    assert retry_after("Sun, 01 Mar 2026 12:01:00 GMT", at) == 60
    assert retry_after("Sun, 01 Mar 2026 11:00:00 GMT", at) == 0
    assert retry_after(None, at) is None


@given(st.text(max_size=40))
def test_any_other_retry_after_says_nothing(text: str) -> None:
    found = retry_after(text, NOW)
    assert found is None or 0 <= found < timedelta(days=366 * 10_000).total_seconds()
