"""The message of an indicator: what it may say, and which key keeps its series together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.indicators import START, indicator
from workloads.kit.codec import DecodeError, decoder, encode
from workloads.kit.contracts.indicators import Indicator

decode = decoder(Indicator)


def changed(**changes: Any) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(indicator(30, 1.0)) | changes)


@given(
    value=st.floats(min_value=-1e12, max_value=1e12),
    kind=st.sampled_from(("forecast", "actual")),
    hour=st.integers(0, 10_000),
)
def test_what_is_encoded_is_read_again(value: float, kind: str, hour: int) -> None:
    one = indicator(hour, value, kind=kind)
    assert decode(encode(one)) == one


def test_forecast_and_actual_of_one_name_share_a_partition_and_are_two_series() -> None:
    forecast, actual = indicator(1, 2.0), indicator(1, 3.0, kind="actual")
    assert forecast.message_key == actual.message_key == "DE-LU/load"
    assert forecast.series != actual.series
    assert indicator(1, 2.0, zone="FR").message_key != forecast.message_key


@pytest.mark.parametrize(
    ("kind", "hours", "refused"),
    [
        ("forecast", -24 * 300, ""),
        ("forecast", -1, ""),
        ("forecast", 0.5, ""),
        ("forecast", 1, "no forecast"),
        ("forecast", -24 * 366 * 31, "before the delivery of an indicator of kind forecast"),
        ("actual", -0.01, "before the delivery of an indicator of kind actual"),
        ("actual", 0, ""),
        ("actual", 24 * 400, ""),
    ],
)
def test_a_forecast_is_known_beforehand_and_an_actual_is_not(kind: str, hours: float, refused: str) -> None:
    known = (START + timedelta(hours=30 + hours)).isoformat()
    raw = changed(kind=kind, published_at=known)
    if not refused:
        assert decode(raw).kind == kind
        return
    with pytest.raises(DecodeError, match=refused):
        decode(raw)


def test_a_correction_of_a_forecast_may_be_seen_when_its_hour_is_over() -> None:
    assert decode(changed(correction=True, published_at=(START + timedelta(hours=99)).isoformat())).correction


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Load"},
        {"name": "load "},
        {"name": "wind--solar"},
        {"name": ""},
        {"name": "load\n"},
        {"kind": "guess"},
        {"zone": "DE/LU"},
        {"zone": "SYN-DE"},
        {"provenance": "synthetic"},
        {"provenance": "replay"},
        {"value": None},
        {"value": "1"},
        {"value": 1e13},
        {"unit": ""},
        {"resolution": "PT0S"},
        {"delivery_end": (START - timedelta(hours=1)).isoformat()},
        {"delivery_start": "2026-03-01T00:00:00"},
        {"schema_version": 2},
    ],
)
def test_what_is_no_indicator_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        decode(changed(**changes))
