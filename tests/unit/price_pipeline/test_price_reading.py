"""What a run asks of a source, and what it makes of what it gets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
import structlog

from tests.unit.price_pipeline.api import Api
from tests.unit.price_pipeline.test_price_publish import Topic
from workloads.kit.contracts.sources.kinds import (
    CsvSource,
    HttpSource,
    SourceConfig,
    Sources,
)
from workloads.kit.producer import TransactionalProducer
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.run import publish_source
from workloads.price_pipeline.sources import Incomplete, SourceError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Runs:
    """Runs of one source against one topic."""

    def __init__(self) -> None:
        self.topic = Topic()
        self.ledger = Ledger()

    def run(self, config: SourceConfig, transaction_rows: int = 5000) -> Counter[str]:
        counts: Counter[str] = Counter()
        producer = cast(TransactionalProducer, self.topic)
        sources = Sources(sources=(config,))
        publish_source(config, sources, None, lambda: NOW, transaction_rows, self.ledger, producer, counts)
        return +counts

    def days(self, symbol: str) -> list[date]:
        return [price.delivery_start.date() for price in self.topic.prices if price.symbol == symbol]


@pytest.fixture
def runs() -> Runs:
    return Runs()


def http(api: Api, **changed: Any) -> HttpSource:
    values: dict[str, Any] = {
        "kind": "http",
        "name": "api",
        "url": f"{api.url}/prices",
        "market": "power",
        "columns": {"event_time": "d", "symbol": "s", "price": "p"},
        "since_parameter": "from",
        "requests_per_second": 1000,
    }
    return HttpSource.model_validate(values | changed)


Series = dict[str, tuple[date, date]]
"""Symbol, and the first and last day on which it has a price."""


def serve(api: Api, series: Series) -> None:
    """An API that gives each symbol a price a day, from the day on that it is asked for."""

    def rows(since: str) -> Iterator[dict[str, Any]]:
        for symbol, (first, last) in series.items():
            day = max(first, date.fromisoformat(since))
            while day <= last:
                yield {"d": day.isoformat(), "s": symbol, "p": day.toordinal()}
                day += timedelta(days=1)

    api.answer = lambda _, query: (200, {}, json.dumps(list(rows(query.get("from", "2000-01-01")))))


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def test_a_symbol_that_is_new_in_a_source_gets_its_history_as_its_source_dates_it(
    runs: Runs, api: Api
) -> None:
    first, last = date(2026, 1, 1), date(2026, 11, 19)
    series: Series = {"OLD": (first, date(2026, 11, 18))}
    serve(api, series)
    runs.run(http(api))

    series |= {"OLD": (first, last), "NEW": (first, last)}
    serve(api, series)
    counts = runs.run(http(api))

    assert runs.days("NEW") == days_between(first, last)
    assert runs.days("OLD") == days_between(first, last)
    assert counts["published"] == len(runs.days("NEW")) + 1
    for price in runs.topic.prices:
        assert price.published_at == price.delivery_end, "its history was taken for late"
    api.asked.clear()
    assert runs.run(http(api))["skipped"] == 2 * 31
    assert [query for _, query, _ in api.asked] == [{"from": "2026-10-20"}]


def test_a_column_that_never_had_a_price_has_no_run_read_the_whole_history(runs: Runs, api: Api) -> None:
    """Until it has one: then that symbol's history is read, and no other's."""
    days = days_between(date(2026, 9, 1), date(2026, 11, 19))
    quoted_from = date.max

    def answer(_: str, query: dict[str, str]) -> tuple[int, dict[str, str], str]:
        since = date.fromisoformat(query.get("from", "2000-01-01"))
        there = [
            {"d": day.isoformat(), "a": 1, "b": 2 if day >= quoted_from else None}
            for day in days
            if day >= since
        ]
        return 200, {}, json.dumps(there)

    api.answer = answer
    config = http(api, columns={"event_time": "d", "prices": {"a": "OLD", "b": "NEW"}})
    assert runs.run(config)["published"] == len(days)
    api.asked.clear()
    assert "published" not in runs.run(config)
    assert [query for _, query, _ in api.asked] == [{"from": "2026-10-20"}]

    quoted_from = date(2026, 9, 10)
    assert runs.run(config)["published"] == len(runs.days("NEW"))
    assert runs.days("NEW") == days_between(quoted_from, days[-1])
    assert runs.days("OLD") == days


def test_terms_that_nobody_stated_are_taken_with_a_warning(runs: Runs, api: Api) -> None:
    serve(api, {"N": (date(2026, 11, 1), date(2026, 11, 2))})
    with structlog.testing.capture_logs() as logs:
        runs.run(http(api, unit="MWh"))
        runs.run(http(api, name="stated", currency="EUR", unit="MWh"))
    (warned,) = [line for line in logs if line["event"] == "terms_assumed"]
    assert (warned["source"], warned["currency"], "unit" in warned) == ("api", "USD", False)


def test_periods_of_a_symbol_that_two_sources_price_are_told(runs: Runs, api: Api) -> None:
    """Windows would hold now the one's prices and now the other's."""
    serve(api, {"N": (date(2026, 11, 1), date(2026, 11, 5)), "M": (date(2026, 11, 1), date(2026, 11, 2))})
    with structlog.testing.capture_logs() as logs:
        runs.run(http(api, name="one"))
        serve(api, {"N": (date(2026, 11, 4), date(2026, 11, 9)), "M": (date(2026, 11, 8), date(2026, 11, 9))})
        runs.run(http(api, name="two"))
    (warned,) = [line for line in logs if line["event"] == "series_of_two_sources"]
    assert (warned["source"], warned["other"], warned["series"]) == ("two", "one", "N")
    assert warned["periods"] == 2


def test_hours_of_a_local_day_are_asked_for_by_a_label_that_is_before_all_of_them(
    runs: Runs, api: Api
) -> None:
    """A date beside an hour, and a look-back shorter than the day: asked from the day's date on."""
    rows = [{"d": "2026-11-20", "h": hour, "s": "DE", "p": hour} for hour in range(1, 25)]
    terms: dict[str, Any] = {
        "columns": {"event_time": "d", "hour": "h", "symbol": "s", "price": "p"},
        "labels": "hour_ending",
        "resolution": "PT1H",
        "time_zone": "America/Chicago",
        "look_back": "PT1H",
    }
    known = 10

    def answer(_: str, query: dict[str, str]) -> tuple[int, dict[str, str], str]:
        there = [row for row in rows[:known] if str(row["d"]) >= query.get("from", "")]
        return 200, {}, json.dumps(there)

    api.answer = answer
    runs.run(http(api, **terms))
    known = 23  # the watermark is at 21:00Z of the day, whose next hours have its date for a label
    counts = runs.run(http(api, range_format="%Y-%m-%dT%H:%M", **terms))
    assert counts["published"] == 13
    assert [price.price for price in runs.topic.prices] == list(range(1, 24))


def test_a_new_symbol_whose_history_fails_is_asked_for_again_by_the_next_run(runs: Runs, api: Api) -> None:
    first, last = date(2026, 6, 1), date(2026, 11, 19)
    series: Series = {"OLD": (first, last)}
    serve(api, series)
    runs.run(http(api))
    series["NEW"] = (first, last)
    serve(api, series)
    working = api.answer
    api.answer = lambda path, query: working(path, query) if "from" in query else (400, {}, "")

    with pytest.raises(SourceError, match="answered 400"):
        runs.run(http(api))
    assert runs.days("NEW") == []
    api.answer = working
    runs.run(http(api))
    assert runs.days("NEW") == days_between(first, last)


def test_a_symbol_that_is_no_text_takes_no_other_row_with_it(runs: Runs, api: Api) -> None:
    serve(api, {"OLD": (date(2026, 11, 1), date(2026, 11, 19))})
    runs.run(http(api))
    spoilt = '[{"d": "2026-11-19", "s": ["DE", "FR"], "p": 5}, {"d": "2026-11-19", "s": "OLD", "p": 1}]'
    api.answer = lambda *_: (200, {}, spoilt)
    assert runs.run(http(api)) == {"refused": 1, "dead_lettered": 1, "corrections": 1}


def test_a_refused_row_of_a_new_symbol_does_not_ask_for_everything_again(runs: Runs, api: Api) -> None:
    serve(api, {"OLD": (date(2026, 11, 1), date(2026, 11, 19))})
    runs.run(http(api))
    working = api.answer
    spoilt = '[{"d": "2026-11-19", "s": "BAD", "p": "?"}, {"d": "2026-11-19", "s": "OLD", "p": 1}]'
    api.answer = lambda _, query: (200, {}, spoilt) if "from" in query else working(_, query)
    api.asked.clear()

    assert runs.run(http(api)) == {"refused": 1, "dead_lettered": 1, "corrections": 1}
    assert len(api.asked) == 1


def test_a_retired_symbol_does_not_hold_its_source_back_and_the_live_ones_are_looked_back_for(
    runs: Runs, api: Api
) -> None:
    last = date(2026, 11, 19)
    series: Series = {
        "GONE": (date(2023, 6, 1), date(2024, 1, 1)),
        "SLOW": (date(2026, 1, 1), last - timedelta(days=60)),
        "LIVE": (date(2026, 1, 1), last),
    }
    serve(api, series)
    runs.run(http(api))
    api.asked.clear()

    runs.run(http(api))
    runs.run(http(api, retired_after="P30D"))
    runs.run(http(api, retired_after="P2000D"))

    assert [query["from"] for _, query, _ in api.asked] == ["2026-08-21", "2026-10-20", "2023-12-02"]


def test_what_came_before_pages_went_round_is_published_and_the_source_has_failed(
    runs: Runs, api: Api
) -> None:
    def answer(_: str, query: dict[str, str]) -> tuple[int, dict[str, str], str]:
        place = {None: 18, "x": 17}[query.get("cursor")]
        return 200, {}, f'{{"rows": [{{"d": "2026-11-{place}", "s": "A", "p": 1}}], "next": "x"}}'

    api.answer = answer
    config = http(api, rows="rows", paging={"kind": "cursor", "field": "next"})

    with pytest.raises(Incomplete, match="go round"):
        runs.run(config)
    assert runs.days("A") == [date(2026, 11, 17), date(2026, 11, 18)]
    with pytest.raises(Incomplete, match="go round"):
        runs.run(config)
    assert len(runs.days("A")) == 2


@pytest.mark.parametrize("ordered", [True, False])
def test_an_ordered_source_is_published_as_it_is_read(runs: Runs, api: Api, ordered: bool) -> None:
    def answer(_: str, query: dict[str, str]) -> tuple[int, dict[str, str], str]:
        page = int(query["page"])
        if page == 3:
            return 400, {}, ""
        return 200, {}, json.dumps([{"d": f"2026-11-0{2 * page + n}", "s": "A", "p": 1} for n in (0, 1)])

    api.answer = answer

    with pytest.raises(SourceError, match="answered 400"):
        runs.run(http(api, paging={"kind": "page"}, ordered=ordered), transaction_rows=1)
    # The last instant may have more rows of its own.
    assert [day.day for day in runs.days("A")] == ([2, 3, 4] if ordered else [])


@pytest.mark.parametrize(
    ("order", "taken"),
    [
        ("A2 A3 B2 B3", True),
        ("A2 B2 A3 B3", True),
        ("A2 A2 B2 A2 A3", True),
        ("A2 A4 A3", False),
        ("A2 B3 A2", False),
    ],
)
def test_rows_that_are_not_in_the_order_that_is_stated_fail_their_source(
    runs: Runs, csv_source: Callable[..., CsvSource], order: str, taken: bool
) -> None:
    rows = "".join(f"2026-11-0{row[1]},{row[0]},7\n" for row in order.split())
    columns = {"event_time": "date", "symbol": "id", "price": "price"}
    source = csv_source("date,id,price\n" + rows, columns=columns, ordered=True)

    if taken:
        assert runs.run(source)["published"] == len(set(order.split()))
        assert runs.run(source)["published"] == 0
    else:
        with pytest.raises(SourceError, match=r"is not in order.*A of 2026-11-0\d.* comes after 2026-11-0"):
            runs.run(source)
    assert not any(price.correction for price in runs.topic.prices)


@pytest.mark.parametrize(
    ("content", "changed", "reason"),
    [
        ("date,price\n2026-11-02,45;30\n2026-11-03,.\n2026-11-04,46;30\n", {}, "'45;30' is not a number"),
        ("date,price\n2026-11-02,45\n", {"time_format": "%d.%m.%Y"}, "is not %d.%m.%Y"),
        ("date,price\n2026-11-02\n2026-11-03\n", {}, "has 1 fields where the header has 2"),
    ],
)
def test_a_source_of_which_every_row_was_refused_has_failed(
    runs: Runs, csv_source: Callable[..., CsvSource], content: str, changed: dict[str, Any], reason: str
) -> None:
    refused = r"no row gave a price and \d were refused, the first: "
    for _ in range(2):  # also where the rows are dead-lettered already
        with pytest.raises(SourceError, match=refused + f".*{reason}"):
            runs.run(csv_source(content, **changed))
    assert runs.topic.refused


@pytest.mark.parametrize("content", ["", "2026-11-02,.\n", "2026-11-02,?\n2026-11-03,45\n"])
def test_a_source_without_prices_or_with_one_among_refused_rows_has_not(
    runs: Runs, csv_source: Callable[..., CsvSource], content: str
) -> None:
    for _ in range(2):
        runs.run(csv_source("date,price\n" + content))
