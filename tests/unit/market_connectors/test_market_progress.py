"""Who waits for a run sees that it goes on, and is not told of every question."""

from __future__ import annotations

from datetime import UTC, date, datetime

from structlog.testing import capture_logs

from workloads.kit.contracts.markets import MARKETS
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.points import Days, Point
from workloads.market_connectors.progress import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_run_tells_how_far_it_is_every_ten_seconds_and_each_minute_that_it_waits() -> None:
    clock, feed = Clock(), Feed(MARKETS["PL"])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    progress = Progress(30, clock)

    def ask(_: Feed, __: Days) -> list[Point]:
        clock.now += 4
        return [Point(at, at, "POWER-PL", 1.0)] * 24

    asked = progress.asking(ask)
    with capture_logs() as lines:
        progress.begins({"stays_seconds": 570})
        progress.looks()
        for day in range(1, 7):
            one = date(2026, 1, day)
            assert len(asked(feed, Days(one, one, feed.market.time_zone))) == 24
        for _ in range(9):
            clock.now += 20
            progress.stays(570 - clock.now)

    assert lines[0] == {"event": "run_begins", "log_level": "info", "feeds": 30, "stays_seconds": 570}
    told = [line for line in lines if line["event"] == "asked"]
    assert [(line["up_to"], line["rows"], line["questions"], line["seconds"]) for line in told] == [
        ("2026-01-03", 72, 3, 12.0),
        ("2026-01-06", 144, 6, 24.0),
    ]
    assert {(line["feed"], line["feed_number"], line["feeds"]) for line in told} == {("PL", 1, 30)}
    waits = [line["ends_in_seconds"] for line in lines if line["event"] == "waits_for_publications"]
    assert waits == [526, 466, 406]
