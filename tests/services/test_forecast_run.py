"""forecast-run as it is deployed: the command, Kafka and PostgreSQL, on a market that is made up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests import power_market
from tests.power_market import NAMES, SOURCE, SYMBOL, ZONE, market
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics
from workloads.indicator_consumer import handler as indicators
from workloads.kit import db, log
from workloads.kit.contracts import tables, topics
from workloads.kit.contracts.forecasts import DeliveryForecast
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.instruments import Instrument
from workloads.kit.contracts.messages import Price
from workloads.model_training.__main__ import main
from workloads.model_training.runs import send, standing

pytestmark = pytest.mark.thorough

FIRST, HISTORY = date(2025, 1, 10), 120
NEXT = FIRST + timedelta(days=HISTORY)
INSTRUMENT = {
    "symbol": SYMBOL,
    "source": SOURCE,
    "time_zone": ZONE,
    "indicators": list(NAMES),
    "kind": "kernel",
}


@pytest.fixture(autouse=True)
def _topics(kafka: KafkaClient) -> Iterator[None]:
    with declared_topics(kafka):
        yield


def load(database: MigratedDatabase, prices: Sequence[Price], told: Sequence[Indicator]) -> None:
    columns = (*Price.__struct_fields__, "topic_partition", "topic_offset")
    key = ("source", "symbol", "delivery_start", "resolution", "published_at")
    with database.admin() as connection, connection.transaction():
        rows = [(*msgspec.structs.astuple(one), 0, 0) for one in prices]
        db.upsert(connection, tables.COMMODITY_PRICES_DAILY, columns, key, rows)
        more = [(*msgspec.structs.astuple(one), 0, 0) for one in told]
        db.upsert(connection, tables.MARKET_INDICATORS, indicators.COLUMNS, indicators.Key._fields, more)


def load_market(database: MigratedDatabase, until: date = NEXT, **told: Any) -> None:
    """History, and the forecasts for `until`, whose prices nobody knows yet."""
    for one, prices, said in market(power_market.days(FIRST, (until - FIRST).days + 1), **told):
        load(database, prices if one < until else [], said)


class Command:
    """`python -m workloads.model_training forecast`, in this process: a new one takes seconds to import."""

    def __init__(
        self,
        database: MigratedDatabase,
        kafka: KafkaClient,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        for name, value in {**database.env("forecast_run"), "KAFKA_BOOTSTRAP": kafka.bootstrap}.items():
            monkeypatch.setenv(name, value)
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        # The run's own logging would replace pytest's.
        monkeypatch.setattr(log, "configure", lambda workload: None)

    def __call__(self, day: date | None, **instrument: Any) -> str:
        """Of a day in hindsight, or of what is due now."""
        days = ["--delivery", day.isoformat(), day.isoformat()] if day else []
        self._monkeypatch.setenv("INSTRUMENTS", json.dumps([INSTRUMENT | instrument]))
        self._capsys.readouterr()
        code = main(["forecast", *days])
        output = self._capsys.readouterr().out
        assert code == 0, output
        return output


@pytest.fixture
def forecast(
    database: MigratedDatabase,
    kafka: KafkaClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    return Command(database, kafka, monkeypatch, capsys)


def sent(kafka: KafkaClient) -> list[DeliveryForecast]:
    found = kafka.read(topics.ML_PREDICTIONS)
    assert all(record.key == SYMBOL.encode() for record in found)
    return [msgspec.json.decode(record.raw, type=DeliveryForecast) for record in found]


def test_a_run_gives_every_period_of_the_day_once_in_table_and_topic_however_often_it_is_repeated(
    database: MigratedDatabase, kafka: KafkaClient, forecast: Command
) -> None:
    load_market(database)
    assert "forecast" in forecast(NEXT)
    (made,) = sent(kafka)
    assert made.delivery_day == NEXT
    assert made.issued_at == power_market.local(NEXT - timedelta(days=1), "11:30")
    assert made.missing == []
    assert (made.kind, made.model_alias, made.skill) == ("kernel", "challenger", "none")
    assert len(made.periods) == 24
    assert all(p.quantiles == sorted(p.quantiles) and len(p.quantiles) == 19 for p in made.periods)
    assert all(p.lower <= p.prediction <= p.upper for p in made.periods)

    # It is about the day that came, whose prices are within some 2 EUR of what explains them.
    ((_, truth, _),) = market([NEXT])
    error = sum(abs(p.prediction - t.price) for p, t in zip(made.periods, truth, strict=True))
    assert error / 24 < 3.0

    # What moved each period, and the same in the table.
    groups = {*NAMES, "prices of the day before", "prices of the week before it"}
    assert all(set(p.moved_by) == groups for p in made.periods)
    assert sum(abs(p.moved_by["wind-solar"]) for p in made.periods) > 24
    moved = database.query("SELECT moved_by FROM ml_predictions ORDER BY delivery_start")
    assert [one for (one,) in moved] == [p.moved_by for p in made.periods]

    rows = database.query(
        "SELECT delivery_start, delivery_end, prediction, lower, upper, quantiles, price, issued_at"
        " FROM ml_predictions ORDER BY delivery_start"
    )
    assert rows == [
        (
            p.delivery_start,
            p.delivery_end,
            p.prediction,
            p.lower,
            p.upper,
            p.quantiles,
            p.baseline,
            made.issued_at,
        )
        for p in made.periods
    ]
    assert "there already" in forecast(NEXT)
    assert sent(kafka) == [made]
    assert len(database.query("SELECT 1 FROM ml_predictions")) == 24
    # What was walked is kept: the next run of the day after needs one more day of it.
    ((kept,),) = database.query("SELECT count(*) FROM forecast_members")
    assert kept > 30


def test_a_message_that_went_out_before_the_process_ended_does_not_go_out_again(
    database: MigratedDatabase, kafka: KafkaClient, forecast: Command
) -> None:
    load_market(database)
    forecast(NEXT)
    with database.admin() as connection:
        connection.execute("UPDATE features.forecast_runs SET sent_at = NULL")
    forecast(NEXT)
    assert len(sent(kafka)) == 1
    assert database.query("SELECT count(*) FROM forecast_runs WHERE sent_at IS NULL") == [(0,)]
    # One that was recorded and never sent does.
    with database.admin() as connection:
        connection.execute(
            "UPDATE features.forecast_runs SET sent_at = NULL, message = convert_to(replace("
            " convert_from(message, 'UTF8'), '11:30:00', '11:29:59'), 'UTF8'), issued_at = issued_at"
            " - interval '1 second'"
        )
    with database.connect("forecast_run") as connection:
        assert send.send(connection, kafka.settings) == 1
    assert len(sent(kafka)) == 2


def test_what_is_published_after_the_issue_changes_nothing(
    database: MigratedDatabase, kafka: KafkaClient, forecast: Command
) -> None:
    load_market(database)
    forecast(NEXT)
    periods = "SELECT delivery_start, prediction, quantiles FROM ml_predictions ORDER BY delivery_start"
    first = database.query(periods)
    with database.admin() as connection:
        connection.execute(
            "TRUNCATE features.ml_predictions, features.forecast_runs, features.forecast_members"
        )
    late = power_market.local(NEXT - timedelta(days=1), "11:31")
    ((_, prices, said),) = market([NEXT])
    load(
        database,
        [msgspec.structs.replace(one, price=999.0) for one in prices],
        [msgspec.structs.replace(one, value=999.0, published_at=late, correction=True) for one in said],
    )
    forecast(NEXT)
    assert len(first) == 24
    assert database.query(periods) == first


def test_a_withdrawn_price_is_no_price_of_that_day(database: MigratedDatabase, forecast: Command) -> None:
    load_market(database)
    before = NEXT - timedelta(days=1)
    ((_, prices, _),) = market([before])
    issue = power_market.local(before, "11:30")

    def revise(at: datetime, **told: Any) -> None:
        load(
            database,
            [msgspec.structs.replace(one, published_at=at, correction=True, **told) for one in prices],
            [],
        )

    def made() -> list[tuple[Any, ...]]:
        forecast(NEXT)
        found = database.query(
            "SELECT missing, delivery_start, prediction, quantiles FROM ml_predictions ORDER BY 2"
        )
        with database.admin() as connection:
            connection.execute(
                "TRUNCATE features.ml_predictions, features.forecast_runs, features.forecast_members"
            )
        return found

    known = made()
    assert known[0][0] == []
    # A price that nobody would miss to see, and that is withdrawn when the forecast is issued.
    revise(issue - timedelta(hours=2), price=3000.0)
    revise(issue - timedelta(hours=1), price=3000.0, withdrawn="source")
    without = made()
    assert without[0][0] == [f"prices of {before}"]
    # It is made from the days before, as if there had been no price.
    with database.admin() as connection:
        connection.execute(
            "DELETE FROM features.commodity_prices_daily WHERE delivery_start >= %s",
            [prices[0].delivery_start],
        )
    assert made() == without
    load(database, prices, [])
    assert made() == known
    revise(issue + timedelta(hours=1), withdrawn="source")
    assert made() == known
    revise(issue - timedelta(hours=2), withdrawn="source")
    assert made() == without
    revise(issue - timedelta(hours=1))
    assert made() == known


@pytest.mark.parametrize(
    ("days", "away"), [(0, "delivery_start >= %s"), (40, "delivery_start < %s")], ids=["late", "young"]
)
def test_without_an_indicator_it_is_forecast_all_the_same_and_says_so(
    database: MigratedDatabase, kafka: KafkaClient, forecast: Command, days: int, away: str
) -> None:
    """It did not come today, or is there for weeks alone, fewer than a model is taught."""
    load_market(database)
    with database.admin() as connection:
        connection.execute(
            f"DELETE FROM features.market_indicators WHERE name = 'load' AND {away}".encode(),
            [power_market.local(NEXT - timedelta(days=days), "00:00")],
        )
    assert "without load" in forecast(NEXT)
    (made,) = sent(kafka)
    assert made.missing == ["load"]
    assert made.skill == "none"
    assert database.query("SELECT DISTINCT missing FROM ml_predictions") == [(["load"],)]


def test_too_little_history_is_a_reason_and_gives_way_to_a_forecast_when_there_is_more(
    database: MigratedDatabase, kafka: KafkaClient, forecast: Command
) -> None:
    assert "no PT1H day-ahead price" in forecast(NEXT)
    some = power_market.days(NEXT - timedelta(days=60), 60)
    for _, prices, said in market(some):
        load(database, prices, said)
    assert "60 complete days of prices, 116 are needed" in forecast(NEXT)
    assert database.query("SELECT outcome, message FROM forecast_runs") == [("not forecast", None)]
    assert database.query("SELECT status FROM job_runs ORDER BY id DESC LIMIT 1") == [("succeeded",)]
    assert sent(kafka) == []
    load_market(database)
    forecast(NEXT)
    assert database.query("SELECT outcome FROM forecast_runs") == [("forecast",)]
    assert len(sent(kafka)) == 1


@pytest.mark.parametrize(("next_day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25)])
def test_a_day_of_23_or_25_hours_has_as_many(
    database: MigratedDatabase, kafka: KafkaClient, forecast: Command, next_day: date, hours: int
) -> None:
    for one, prices, said in market(power_market.days(next_day - timedelta(days=HISTORY), HISTORY + 1)):
        load(database, prices if one < next_day else [], said)
    forecast(next_day)
    (made,) = sent(kafka)
    assert len(made.periods) == hours
    starts = [period.delivery_start for period in made.periods]
    assert starts == sorted(set(starts))


def test_prices_that_were_published_later_are_outcomes_and_those_of_before_are_not(
    database: MigratedDatabase, kafka: KafkaClient, forecast: Command
) -> None:
    load_market(database)
    forecast(NEXT)
    outcomes = "SELECT delivery_start, realised_price, naive_abs_error FROM prediction_outcomes ORDER BY 1"
    ((_, prices, _),) = market([NEXT])
    load(database, prices, [])
    # It was made now, long after they were known: hindsight.
    assert database.query(outcomes) == []
    with database.admin() as connection:
        connection.execute("UPDATE features.ml_predictions SET available_time = issued_at")
    (made,) = sent(kafka)
    assert database.query(outcomes) == [
        (p.delivery_start, t.price, pytest.approx(abs(t.price - p.baseline)))
        for p, t in zip(made.periods, prices, strict=True)
    ]


def test_a_day_whose_issue_is_to_come_is_not_forecast_before(forecast: Command) -> None:
    assert "not before" in forecast(datetime.now(UTC).date() + timedelta(days=3))


def test_quarter_hours_have_96_periods_and_all_kinds_together_an_interval(
    database: MigratedDatabase, kafka: KafkaClient, forecast: Command
) -> None:
    load_market(database, resolution="PT15M")
    assert "forecast" in forecast(NEXT, resolution="PT15M", kind="ensemble")
    (made,) = sent(kafka)
    assert len(made.periods) == 96
    ((_, truth, _),) = market([NEXT], resolution="PT15M")
    held = sum(p.lower <= t.price <= p.upper for p, t in zip(made.periods, truth, strict=True))
    assert held > 48


def test_a_kind_that_beats_the_baseline_is_champion_until_it_fails_live_and_is_not_back_at_once(
    database: MigratedDatabase, kafka: KafkaClient, forecast: Command
) -> None:
    instrument = Instrument.model_validate(INSTRUMENT)
    day, issued_at = instrument.newest(datetime.now(UTC))
    # A quarter of it is walked: four weeks that are judged live, and as many before them.
    history = 2 * HISTORY
    for one, prices, said in market(power_market.days(day - timedelta(days=history), history + 1)):
        load(database, prices if one < day else [], said)

    forecast(None)
    (made,) = sent(kafka)
    assert (made.delivery_day, made.issued_at) == (day, issued_at)
    assert (made.model_alias, made.skill) == ("champion", "proven")
    assert made.skill_score is not None
    assert made.skill_score > 0.3
    events = "SELECT event, model_name FROM model_events ORDER BY id"
    assert database.query(events) == [("promoted", "delivery-day.kernel")]
    # Of these prices and inputs alone.
    with database.connect("forecast_run") as connection:
        as_of = datetime.now(UTC)
        assert standing.standing(connection, instrument, as_of).champion == "kernel"
        for changed in ({"source": "another"}, {"resolution": "PT15M"}, {"indicators": ["load"]}):
            other = Instrument.model_validate(INSTRUMENT | changed)
            assert standing.standing(connection, other, as_of).champion is None

    # In hindsight: nothing was proven when that day was due.
    forecast(day - timedelta(days=1))
    (before,) = (one for one in sent(kafka) if one.delivery_day < day)
    assert (before.model_alias, before.skill) == ("challenger", "none")

    # Four weeks of live forecasts that are off by far more than the baseline.
    with database.admin() as connection:
        connection.execute("UPDATE features.model_events SET at = now() - interval '60 days'")
        connection.execute("SET search_path = features")
        connection.execute("DELETE FROM forecast_runs")
        connection.execute(
            "INSERT INTO ml_predictions (source, symbol, event_time, price_available_time, available_time,"
            " market, provenance, horizon_sessions, price, prediction, lower, upper, nominal_level,"
            " model_name, model_version, model_alias, skill, resolution, delivery_start, delivery_end,"
            " issued_at, kind, quantiles, missing)"
            " SELECT source, symbol, delivery_start, published_at - interval '1 hour',"
            " published_at - interval '1 hour', market, provenance, 1, price + 5, price + 30 + random() * 9,"
            " price + 20, price + 40, 0.9, 'delivery-day.kernel', 1, 'champion', 'proven', resolution,"
            " delivery_start, delivery_end, published_at - interval '1 hour', 'kernel', '{}', '{}'"
            " FROM commodity_prices_daily WHERE delivery_start >= %s AND delivery_start < %s",
            [power_market.local(day - timedelta(days=28), "00:00"), power_market.local(day, "00:00")],
        )
    forecast(None)
    assert database.query(events)[1:] == [("rolled_back", "delivery-day.kernel")]
    ((alias, skill),) = database.query(
        "SELECT m->>'model_alias', m->>'skill'"
        " FROM forecast_runs, LATERAL (SELECT convert_from(message, 'UTF8')::jsonb AS m) said"
    )
    assert (alias, skill) == ("challenger", "none")
