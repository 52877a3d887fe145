"""When a market's host is asked again, and what is taken for an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workloads.market_connectors.transport import AskedToWait, HalfAnswer, Transport, require_whole


@pytest.fixture
def waits() -> list[float]:
    return []


def transport(waits: list[float], **changed: Any) -> Transport:
    return Transport(attempts=3, wait_max=60, sleep=waits.append, **changed)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [("7", 7, 7), ("Thu, 01 Jan 2015 00:00:00 GMT", 0, 0), (None, 1, 2), ("soon", 1, 2)],
)
def test_it_waits_as_long_as_it_is_told_or_backs_off(
    waits: list[float], asked: str | None, least: float, most: float
) -> None:
    assert transport(waits).wait("host", 1, 429, asked)
    assert least <= waits[0] <= most


def test_a_wait_that_is_too_long_is_a_refusal_at_once(waits: list[float]) -> None:
    assert not transport(waits).wait("host", 1, 429, "61")
    assert not transport(waits).wait("host", 1, 503, "Fri, 01 Jan 2100 00:00:00 GMT")
    assert waits == []


def test_a_host_that_asked_for_longer_is_left_alone_until_then(waits: list[float]) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    way = transport(waits, now=lambda: now)
    way.turn("host")
    assert not way.wait("host", 1, 429, "600")
    with pytest.raises(AskedToWait, match=r"host asked .* before 2026-01-01 00:10:00 UTC"):
        way.turn("host")
    way.turn("other")
    now += timedelta(seconds=601)
    way.turn("host")
    assert way.asked == {"host": 2, "other": 1}
    assert not way.wait("host", 1, 429, "9" * 30)


@pytest.mark.parametrize("status", [200, 304, 400, 401, 403, 404])
def test_what_will_not_pass_is_not_tried_again(waits: list[float], status: int) -> None:
    assert not transport(waits).wait("host", 1, status, None)
    assert waits == []


def test_attempts_come_to_an_end(waits: list[float]) -> None:
    way = transport(waits)
    assert [way.wait("host", attempt, None, None) for attempt in (1, 2, 3)] == [True, True, False]


def test_hosts_are_paced_each_by_itself(waits: list[float]) -> None:
    way = Transport(hosts={"slow": 0.1, "other": 0.1}, sleep=waits.append)
    way.turn("slow")
    way.turn("other")
    assert waits == []
    way.turn("slow")
    assert 9 < waits[0] <= 10
    assert way.asked == {"slow": 2, "other": 1}


def test_xml_that_breaks_off_is_no_answer_and_other_formats_are_their_readers_business() -> None:
    whole = b'<?xml version="1.0"?>\n<a><b>45.67</b></a>'
    require_whole(whole, "host")
    require_whole(b"", "host")
    require_whole(b"<html><br></html>", "host")
    for cut in range(len(b"<?xml"), len(whole)):
        with pytest.raises(HalfAnswer, match="host gave"):
            require_whole(whole[:cut], "host")
