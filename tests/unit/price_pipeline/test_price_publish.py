"""What is published of a source's rows, given what the topic holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit.contracts import topics
from workloads.kit.contracts.messages import Price
from workloads.kit.periods import Resolution
from workloads.kit.producer import Aborted, TransactionalProducer
from workloads.kit.records import Output
from workloads.price_pipeline import refusals
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.publish import Window, publish
from workloads.price_pipeline.rows import RawRow, Terms
from workloads.price_pipeline.sources import SourceError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MONTH = Window(look_back=timedelta(days=30))
MONTHLY = Resolution.parse("P1M")
TERMS = Terms("daily", "crude", "USD", "bbl", "market", publication_lag=timedelta(days=1))


class Rows:
    """A source of given rows, which may fail at its end."""

    def __init__(
        self, rows: Sequence[RawRow], *, ordered: bool = False, error: Exception | None = None
    ) -> None:
        self.ordered = ordered
        self._rows = rows
        self._error = error

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        yield from self._rows
        if self._error:
            raise self._error


class Topic:
    """Takes transactions as Kafka does: whole or not at all."""

    def __init__(self, aborts: int = 0) -> None:
        self.committed: list[list[Output]] = []
        self.aborts = aborts

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        sent: list[Output] = []

        class Transaction:
            send_all = staticmethod(sent.extend)

        yield Transaction()
        if self.aborts:
            self.aborts -= 1
            raise Aborted("the coordinator moved")
        self.committed.append(sent)

    @property
    def prices(self) -> list[Price]:
        outputs = [output for batch in self.committed for output in batch]
        return [
            msgspec.json.decode(o.value or b"", type=Price) for o in outputs if o.topic == "commodity-prices"
        ]

    @property
    def refused(self) -> list[Output]:
        return [
            output
            for batch in self.committed
            for output in batch
            if output.topic == topics.dead_letter(topics.COMMODITY_PRICES)
        ]


def row(day: str, price: object = "50", symbol: str = "WTI", **changed: Any) -> RawRow:
    return RawRow(changed.pop("terms", TERMS), f"{day},{price}".encode(), symbol, day, price, **changed)


class Pipeline:
    """Runs against one topic, with the ledger that a run reads from it."""

    def __init__(self) -> None:
        self.topic = Topic()
        self.now = NOW
        self.ledger = Ledger()

    def run(self, source: Rows, window: Window = MONTH, transaction_rows: int = 5000) -> Counter[str]:
        counts: Counter[str] = Counter()
        producer = cast(TransactionalProducer, self.topic)
        publish(
            source,
            window,
            self.ledger,
            producer,
            lambda: self.now,
            transaction_rows=transaction_rows,
            counts=counts,
        )
        return +counts


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def test_a_second_run_adds_nothing(pipeline: Pipeline) -> None:
    rows = [row("2026-11-01"), row("2026-11-02", "."), row("2026-11-03", "-3")]

    assert pipeline.run(Rows(rows)) == {"published": 2, "unobserved": 1}
    assert pipeline.run(Rows(rows)) == {"skipped": 2, "unobserved": 1}
    assert [price.price for price in pipeline.topic.prices] == [50.0, -3.0]
    assert not any(price.correction for price in pipeline.topic.prices)


BLANK = replace(TERMS, withdrawn=frozenset({""}))
"""A price that is taken out of the source's row is withdrawn."""


def test_a_withdrawn_price_is_taken_back_once_as_of_now_and_may_come_again(pipeline: Pipeline) -> None:
    def run(price: object) -> Counter[str]:
        pipeline.now += timedelta(hours=1)
        return pipeline.run(Rows([row("2026-11-01", price, terms=BLANK), row("2026-11-02", terms=BLANK)]))

    assert run("") == {"published": 1, "unobserved": 1}  # there was none to take back
    assert run("50") == {"published": 1, "skipped": 1}
    assert run(" ") == {"withdrawn": 1, "skipped": 1}
    at = pipeline.now
    assert run(None) == {"skipped": 2}
    assert run("50") == {"corrections": 1, "skipped": 1}
    [_, first, taken, again] = pipeline.topic.prices
    assert (taken.withdrawn, taken.correction, taken.published_at) == ("source", True, at)
    assert (taken.price, taken.delivery_start) == (50.0, first.delivery_start)
    assert (again.withdrawn, again.correction, again.price) == (None, True, 50.0)
    assert again.published_at > taken.published_at


def test_a_withdrawal_takes_back_the_price_in_the_terms_that_it_was_published_in(pipeline: Pipeline) -> None:
    terms = replace(BLANK, currency="")
    pipeline.run(Rows([row("2026-11-01", "50", terms=terms, currency="PLN")]))
    assert pipeline.run(Rows([row("2026-11-01", "", terms=terms, currency="EUR")])) == {"withdrawn": 1}
    assert [(price.price, price.currency) for price in pipeline.topic.prices] == [(50.0, "PLN")] * 2


def test_a_withdrawal_that_says_when_is_as_of_then_and_an_older_one_takes_nothing_back(
    pipeline: Pipeline,
) -> None:
    def told(price: str, day: int) -> RawRow:
        return row("2026-11-01", price, terms=BLANK, published_at=f"2026-11-{day:02d}T12:00Z")

    assert pipeline.run(Rows([told("50", 10)])) == {"published": 1}
    assert pipeline.run(Rows([told("", 9)])) == {"skipped": 1}
    assert pipeline.run(Rows([told("", 11)])) == {"withdrawn": 1}
    assert pipeline.run(Rows([told("50", 10)])) == {"skipped": 1}  # the file of before, read once more
    assert pipeline.run(Rows([told("50", 12)])) == {"corrections": 1}
    assert [price.published_at.day for price in pipeline.topic.prices] == [10, 11, 12]


def test_a_price_that_is_given_withdrawn_and_given_in_one_run_is_each_of_these(pipeline: Pipeline) -> None:
    rows = [
        row("2026-11-01", price, terms=BLANK, published_at=f"2026-11-{day}T12:00Z")
        for price, day in (("50", 10), ("", 11), ("", 12), ("51", 13))
    ]
    assert pipeline.run(Rows(rows)) == {"published": 1, "withdrawn": 1, "corrections": 1}
    assert [(price.price, price.withdrawn) for price in pipeline.topic.prices] == [
        (50.0, None),
        (50.0, "source"),
        (51.0, None),
    ]
    assert pipeline.run(Rows(rows)) == {"skipped": 4}


@pytest.mark.parametrize("given", [("", "50"), ("50", "")])
def test_of_a_price_that_is_taken_back_and_given_at_once_the_price_holds(
    pipeline: Pipeline, given: tuple[str, str]
) -> None:
    pipeline.run(Rows([row("2026-11-01", "49", terms=BLANK)]))
    rows = Rows([row("2026-11-01", price, terms=BLANK) for price in given])
    assert pipeline.run(rows) == {"corrections": 1, "duplicates": 1}
    assert pipeline.run(rows) == {"skipped": 1, "duplicates": 1}
    assert [(price.price, price.withdrawn) for price in pipeline.topic.prices] == [(49.0, None), (50.0, None)]


def test_a_source_that_never_moves_its_stamps_is_followed_whatever_it_says(pipeline: Pipeline) -> None:
    for price in ("50", "51", "52", "", "50", "", "", "53"):
        pipeline.now += timedelta(hours=1)
        told = row("2026-11-01", price, terms=BLANK, published_at="2026-11-10T12:00Z")
        pipeline.run(Rows([told]))
        assert pipeline.run(Rows([told])) == {"skipped": 1}
    said = [(price.price, price.withdrawn) for price in pipeline.topic.prices]
    assert said == [
        (50.0, None),
        (51.0, None),
        (52.0, None),
        (52.0, "source"),
        (50.0, None),
        (50.0, "source"),
        (53.0, None),
    ]
    times = [price.published_at for price in pipeline.topic.prices]
    assert times == sorted(set(times))
    assert {price.stated_at for price in pipeline.topic.prices[1:]} == {times[0]}
    # What it said under an older stamp is of the past.
    assert pipeline.run(Rows([row("2026-11-01", "1", published_at="2026-11-09T12:00Z")])) == {"skipped": 1}


def recall(pipeline: Pipeline) -> None:
    """As `withdraw` does, of the last price."""
    price = pipeline.topic.prices[-1]
    pipeline.now += timedelta(hours=1)
    taken = {"withdrawn": "platform", "correction": True, "stated_at": price.published_at}
    pipeline.ledger.note(msgspec.structs.replace(price, published_at=pipeline.now, **taken))
    pipeline.now += timedelta(hours=1)


@pytest.mark.parametrize("stamp", ["2026-11-10T12:00Z", "2026-11-21T11:30Z", "2026-11-21T14:00Z"])
def test_another_price_holds_again_after_a_recall_however_it_is_dated(pipeline: Pipeline, stamp: str) -> None:
    pipeline.run(Rows([row("2026-11-01", "50", published_at="2026-11-10T12:00Z")]))
    recall(pipeline)
    assert pipeline.run(Rows([row("2026-11-01", "50", published_at=stamp)])) == {"skipped": 1}
    assert pipeline.run(Rows([row("2026-11-01", "51", published_at=stamp)])) == {"corrections": 1}
    last = pipeline.topic.prices[-1]
    assert (last.price, last.withdrawn, last.published_at) == (51.0, None, pipeline.now)


@pytest.mark.parametrize("stamp", ["", "  ", None])
def test_a_withdrawal_that_leaves_out_all_but_its_period_is_as_of_now(
    pipeline: Pipeline, stamp: str | None
) -> None:
    terms = replace(TERMS, currency="", unit="", withdrawn=frozenset({"W"}), by_status=True)
    given = {"currency": "EUR", "unit": "MWh", "status": "F", "published_at": "2026-11-10T12:00Z"}
    pipeline.run(Rows([row("2026-11-01", "50", terms=terms, **given)]))
    for price in ("", "x", "50"):
        taken = {"currency": "", "unit": "?", "status": "W", "published_at": stamp}
        pipeline.now += timedelta(hours=1)
        counts = pipeline.run(Rows([row("2026-11-01", price, terms=terms, **taken)]))
        assert counts in ({"withdrawn": 1}, {"skipped": 1})
    [_, taken_back] = pipeline.topic.prices
    assert (taken_back.currency, taken_back.unit, taken_back.withdrawn) == ("EUR", "MWh", "source")
    unreadable = row("2026-11-01", "", terms=terms, status="W", published_at="x")
    assert pipeline.run(Rows([unreadable])) == {"refused": 1, "dead_lettered": 1}


def test_a_withdrawal_does_not_wait_until_its_price_would_have_been_known(pipeline: Pipeline) -> None:
    """Its price was known by its own word, before the source's lag has passed."""
    first = row(
        "2026-11-21", "50", terms=replace(BLANK, product="day-ahead"), published_at="2026-11-20T12:00Z"
    )
    assert pipeline.run(Rows([first])) == {"published": 1}
    assert pipeline.run(Rows([row("2026-11-21", "", terms=BLANK)])) == {"withdrawn": 1}
    assert pipeline.topic.prices[-1].published_at == NOW


def test_what_the_platform_took_back_stays_so_while_the_source_says_the_same(pipeline: Pipeline) -> None:
    pipeline.run(Rows([row("2026-11-01", "50")]))
    recall(pipeline)
    assert pipeline.run(Rows([row("2026-11-01", "50")])) == {"skipped": 1}
    assert pipeline.run(Rows([row("2026-11-01", "49.5")])) == {"corrections": 1}
    assert pipeline.topic.prices[-1].withdrawn is None


@pytest.mark.parametrize("stamp", [None, "2026-11-21T13:30Z"])
def test_what_its_source_withdraws_while_it_is_recalled_is_the_sources_word_from_then_on(
    pipeline: Pipeline, stamp: str | None
) -> None:
    """An `--undo` publishes what we took back, and no more what the source itself has none of."""
    pipeline.run(Rows([row("2026-11-01", "50", terms=BLANK)]))
    recall(pipeline)
    taken = Rows([row("2026-11-01", "", terms=BLANK, published_at=stamp)])

    assert pipeline.run(taken) == {"withdrawn": 1}
    assert pipeline.run(taken) == {"skipped": 1}
    last = pipeline.topic.prices[-1]
    assert (last.withdrawn, last.price, last.correction) == ("source", 50.0, True)
    assert last.published_at >= pipeline.now - timedelta(hours=1)
    # Until it gives one again.
    assert pipeline.run(Rows([row("2026-11-01", "50", terms=BLANK)])) == {"corrections": 1}
    assert pipeline.topic.prices[-1].withdrawn is None


def test_a_withdrawal_of_before_what_was_recalled_takes_nothing_back(pipeline: Pipeline) -> None:
    told = {"terms": BLANK, "published_at": "2026-11-10T12:00Z"}
    pipeline.run(Rows([row("2026-11-01", "50", **told)]))
    recall(pipeline)
    before = {"terms": BLANK, "published_at": "2026-11-09T12:00Z"}
    assert pipeline.run(Rows([row("2026-11-01", "", **before)])) == {"skipped": 1}


@pytest.mark.parametrize("status", ["W", " w", True, "A13", 2, 2.0, "2.0"])
def test_a_status_withdraws_whatever_the_price_says(pipeline: Pipeline, status: object) -> None:
    by_status = replace(TERMS, withdrawn=frozenset({" W", "A13", "True", "2"}), by_status=True)
    given = [row("2026-11-01", "50", terms=by_status, status="final"), row("2026-11-02", "", terms=by_status)]
    assert pipeline.run(Rows(given)) == {"published": 1, "unobserved": 1}
    taken = row("2026-11-01", "50", terms=by_status, status=status)
    assert pipeline.run(Rows([taken])) == {"withdrawn": 1}
    assert pipeline.run(Rows([row("2026-11-01", "", terms=by_status)])) == {"unobserved": 1}


def test_a_changed_value_is_a_correction_known_from_now_on_and_can_be_changed_back(
    pipeline: Pipeline,
) -> None:
    pipeline.run(Rows([row("2026-11-01", "50")]))
    pipeline.now += timedelta(hours=1)
    assert pipeline.run(Rows([row("2026-11-01", "51")])) == {"corrections": 1}
    pipeline.now += timedelta(hours=1)
    assert pipeline.run(Rows([row("2026-11-01", "50")])) == {"corrections": 1}

    first, second, third = pipeline.topic.prices
    assert [first.price, second.price, third.price] == [50.0, 51.0, 50.0]
    assert [first.correction, second.correction, third.correction] == [False, True, True]
    assert first.published_at == datetime(2026, 11, 2, tzinfo=UTC)
    assert [second.published_at, third.published_at] == [NOW + timedelta(hours=h) for h in (1, 2)]
    assert len({price.delivery_start for price in pipeline.topic.prices}) == 1


@pytest.mark.parametrize("ordered", [True, False])
def test_of_two_rows_of_one_identity_the_last_holds_in_each_run_and_the_other_is_refused(
    pipeline: Pipeline, ordered: bool
) -> None:
    first, last = row("2026-11-01", "50"), row("2026-11-01", "51")
    rows = Rows([first, last, last, row("2026-11-02")], ordered=ordered)

    assert pipeline.run(rows) == {"published": 2, "duplicates": 1, "refused": 1, "dead_lettered": 1}
    assert pipeline.run(rows) == {"skipped": 2, "duplicates": 1, "refused": 1}
    assert [price.price for price in pipeline.topic.prices] == [51.0, 50.0]
    (letter,) = pipeline.topic.refused
    assert letter.value == first.raw
    assert b"51.0, not 50.0" in dict(letter.headers)["reason"]


def test_of_two_currencies_in_one_identity_the_reason_names_both(pipeline: Pipeline) -> None:
    pipeline.run(Rows([row("2026-11-01", "50", currency=currency) for currency in ("EUR", "GBP")]))
    (letter,) = pipeline.topic.refused
    reason = dict(letter.headers)["reason"]
    assert b"50.0, GBP, bbl, crude, spot, not 50.0, EUR, bbl, crude, spot" in reason


def test_each_month_of_a_forward_curve_is_looked_at_however_far_its_last_one_is(pipeline: Pipeline) -> None:
    terms = Terms("curve", "gas", "EUR", "MWh", "market", product="forward", resolution=MONTHLY)
    months = ["2026-10-01", "2026-12-01", "2027-06-01", "2029-12-01"]

    def settled(price: str, known: str) -> Rows:
        return Rows([row(month, price, terms=terms, published_at=known) for month in months])

    pipeline.run(settled("30", "2026-11-19T17:00Z"))
    assert pipeline.run(settled("31", "2026-11-20T17:00Z")) == {"corrections": 3, "older": 1}


def revisions(*given: tuple[str, str | None]) -> Rows:
    """Of one price: what it was, and as of when by its source."""
    return Rows([row("2026-11-01", price, published_at=known) for price, known in given])


@pytest.mark.parametrize("known", ["2026-11-02T10:00Z", None])
def test_a_changed_revision_that_another_one_follows_leaves_the_last_one_standing(
    pipeline: Pipeline, known: str | None
) -> None:
    pipeline.run(revisions(("50", known)))
    both = revisions(("51", known), ("52", "2026-11-02T17:00Z"))
    pipeline.run(both)
    newest = max(pipeline.topic.prices, key=lambda price: price.published_at)
    assert (newest.price, newest.published_at) == (52.0, datetime(2026, 11, 2, 17, tzinfo=UTC))
    pipeline.now += timedelta(hours=1)
    assert pipeline.run(both) == {"skipped": 2}


@pytest.mark.parametrize("known", ["2026-11-02T00:00Z", "2026-11-10T00:00Z", "2026-11-01T12:00Z"])
def test_a_row_without_a_publication_beside_one_with_it_is_published_once(
    pipeline: Pipeline, known: str
) -> None:
    both = revisions(("50", None), ("49", known))
    pipeline.run(both)
    published = len(pipeline.topic.prices)
    for _ in range(2):
        pipeline.now += timedelta(hours=1)
        pipeline.run(both)
    assert len(pipeline.topic.prices) == published
    times = [price.published_at for price in pipeline.topic.prices]
    assert times == sorted(set(times))


def test_changes_are_looked_for_within_the_look_back_of_each_series_and_a_backfill_looks_further(
    pipeline: Pipeline,
) -> None:
    pipeline.run(Rows([row("2020-01-01"), row("2026-11-01"), row("2020-01-01", symbol="BRENT")]))
    changed = Rows(
        [row("2020-01-01", "60"), row("2026-11-01", "61"), row("2020-01-01", "62", symbol="BRENT")]
    )

    assert pipeline.run(changed) == {"corrections": 2, "older": 1}
    year = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 12, 31, tzinfo=UTC))
    assert pipeline.run(changed, year) == {"corrections": 1, "skipped": 1, "older": 1}
    assert [price.price for price in pipeline.topic.prices[3:]] == [62.0, 61.0, 60.0]


def test_a_price_that_turns_up_late_is_known_from_now_on_only(pipeline: Pipeline) -> None:
    pipeline.run(Rows([row("2026-11-10")]))

    assert pipeline.run(Rows([row("2026-11-09"), row("2026-11-10"), row("2026-11-11")])) == {
        "published": 2,
        "skipped": 1,
    }
    _, late, next_one = pipeline.topic.prices
    assert (late.published_at, late.correction) == (NOW, False)
    assert next_one.published_at == datetime(2026, 11, 12, tzinfo=UTC)


def test_a_backfill_loads_the_past_as_its_source_dates_it(pipeline: Pipeline) -> None:
    pipeline.run(Rows([row("2026-11-10")]))

    pipeline.run(Rows([row("2020-01-01")]), Window(datetime(2020, 1, 1, tzinfo=UTC), None))
    assert pipeline.topic.prices[1].published_at == datetime(2020, 1, 2, tzinfo=UTC)


def test_nothing_is_published_before_it_is_available(pipeline: Pipeline) -> None:
    rows = Rows([row("2026-11-20"), row("2026-11-21"), row("2027-01-01")])

    assert pipeline.run(rows) == {"published": 1, "early": 2}
    pipeline.now = datetime(2026, 11, 22, tzinfo=UTC)
    assert pipeline.run(rows) == {"published": 1, "skipped": 1, "early": 1}


@pytest.mark.parametrize(
    ("published_at", "counts"),
    [
        ("2026-11-21", {"early": 1}),  # the end of today
        ("2026-11-22T12:00Z", {"early": 1}),
        ("2026-11-22T12:01Z", {"refused": 1, "dead_lettered": 1}),
        ("2199-12-31", {"refused": 1, "dead_lettered": 1}),
    ],
)
def test_a_row_that_says_it_is_published_far_from_now_is_refused_and_none_of_today_waits_in_vain(
    pipeline: Pipeline, published_at: str, counts: dict[str, int]
) -> None:
    assert pipeline.run(Rows([row("2026-11-20", published_at=published_at)])) == counts
    for letter in pipeline.topic.refused:
        said = dict(letter.headers)
        assert said["error"] == b"published_at"
        assert published_at.encode()[:10] in said["reason"]
        assert b"published_format" in said["reason"]


@pytest.mark.parametrize("day", ["2027-12-01", "2199-11-30"])
def test_a_delivery_of_years_ahead_is_refused_where_its_publication_would_be_too(
    pipeline: Pipeline, day: str
) -> None:
    assert pipeline.run(Rows([row(day), row("2027-11-01"), row("2026-11-20")])) == {
        "published": 1,
        "early": 1,
        "refused": 1,
        "dead_lettered": 1,
    }
    (letter,) = pipeline.topic.refused
    assert b"columns.published_at" in dict(letter.headers)["reason"]


def test_forwards_of_ten_years_ahead_are_published_where_the_row_says_when_they_were_quoted(
    pipeline: Pipeline,
) -> None:
    forward = replace(TERMS, product="forward", resolution=MONTHLY)
    rows = [row(f"{year}-01-01", published_at="2026-11-20", terms=forward) for year in (2027, 2031, 2036)]
    assert pipeline.run(Rows(rows)) == {"published": 3}


def test_a_refused_row_is_dead_lettered_once_with_its_bytes_and_the_reason(pipeline: Pipeline) -> None:
    rows = Rows([row("2026-11-01", "n/a"), row("2026-11-02"), row("2026-11-01", "n/a")])

    assert pipeline.run(rows) == {"published": 1, "refused": 2, "dead_lettered": 1}
    assert pipeline.run(rows) == {"skipped": 1, "refused": 2}
    (letter,) = pipeline.topic.refused
    assert letter.value == b"2026-11-01,n/a"
    assert dict(letter.headers) == {
        "workload": b"price-pipeline",
        "source": b"daily",
        "symbol": b"WTI",
        "error": b"price",
        "reason": b"'n/a' is not a number",
    }
    assert (refusals.series_of(letter.headers) or ("", ""))[0] == "daily"


def test_the_same_bytes_from_another_source_are_another_refusal(pipeline: Pipeline) -> None:
    other = Terms("weekly", "crude", "USD", "bbl", "market")

    counts = pipeline.run(Rows([row("2026-11-01", "n/a"), row("2026-11-01", "n/a", terms=other)]))

    assert counts == {"refused": 2, "dead_lettered": 2}


def test_a_row_that_is_no_text_can_be_dead_lettered(pipeline: Pipeline) -> None:
    pipeline.run(Rows([row("2026-11-01", symbol="\udcff")]))

    (letter,) = pipeline.topic.refused
    assert dict(letter.headers)["symbol"] == b"\\udcff"


days = st.lists(st.integers(0, 200), max_size=40)


@given(days, st.integers(1, 7), st.integers(0, 6))
def test_a_source_that_fails_anywhere_is_finished_by_the_next_run(
    order: list[int], size: int, cut: int
) -> None:
    pipeline = Pipeline()
    rows = [row(f"{datetime(2000, 1, 1) + timedelta(days=37 * day):%Y-%m-%d}") for day in order]
    failing = Rows(
        sorted(rows, key=lambda r: str(r.event_time))[: cut * size], ordered=True, error=SourceError("cut")
    )

    with pytest.raises(SourceError):
        pipeline.run(failing, transaction_rows=size)
    pipeline.run(Rows(rows), transaction_rows=size)

    published = [price.delivery_start for price in pipeline.topic.prices]
    assert published == sorted(set(published))
    assert {f"{time:%Y-%m-%d}" for time in published} == {str(row.event_time) for row in rows}


def test_what_an_ordered_source_gave_before_it_failed_is_published(pipeline: Pipeline) -> None:
    rows = [row(f"2026-11-{day:02}") for day in (2, 3, 4, 5)]
    with pytest.raises(SourceError):
        pipeline.run(Rows(rows, ordered=True, error=SourceError("cut")), transaction_rows=2)
    # Of the last period more might have come.
    assert [price.delivery_start.day for price in pipeline.topic.prices] == [2, 3, 4]


def test_an_unordered_source_that_fails_has_published_no_price(pipeline: Pipeline) -> None:
    rows = [row(f"2026-11-{day:02}") for day in range(20, 0, -1)]

    with pytest.raises(SourceError):
        pipeline.run(Rows(rows, error=SourceError("page 7")), transaction_rows=3)
    assert pipeline.topic.prices == []


def test_an_aborted_transaction_is_sent_again_whole(pipeline: Pipeline) -> None:
    pipeline.topic.aborts = 2

    assert pipeline.run(
        Rows([row("2026-11-01"), row("2026-11-02"), row("2026-11-03")]), transaction_rows=2
    ) == {"published": 3}
    assert [len(batch) for batch in pipeline.topic.committed] == [2, 1]


def test_what_could_not_be_committed_is_not_in_the_ledger(pipeline: Pipeline) -> None:
    pipeline.topic.aborts = 99
    rows = Rows([row("2026-11-01"), row("2026-11-02", "n/a")])
    with pytest.raises(Aborted):
        pipeline.run(rows)

    pipeline.topic.aborts = 0
    assert pipeline.run(rows) == {"published": 1, "refused": 1, "dead_lettered": 1}


def test_faults_of_the_generator_are_counted(pipeline: Pipeline) -> None:
    assert pipeline.run(Rows([row("2026-11-01", fault="spike")])) == {"published": 1, "fault_spike": 1}


@pytest.mark.parametrize("changed", [{"currency": "PLN"}, {"unit": "MWh"}])
def test_a_currency_or_unit_found_wrong_is_a_correction(pipeline: Pipeline, changed: dict[str, str]) -> None:
    pipeline.run(Rows([row("2026-11-01", "50")]))
    pipeline.now += timedelta(hours=1)

    corrected = Rows([row("2026-11-01", "50", **changed)])
    assert pipeline.run(corrected) == {"corrections": 1}
    assert pipeline.run(corrected) == {"skipped": 1}
    last = pipeline.topic.prices[-1]
    assert (last.price, last.correction, last.published_at) == (50.0, True, pipeline.now)
    assert {getattr(last, name) for name in changed} == set(changed.values())
