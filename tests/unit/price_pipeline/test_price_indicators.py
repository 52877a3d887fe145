"""Sources of indicators: what their rows become, what is refused, and what is published of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tests.unit.price_pipeline.test_price_publish import Topic
from workloads.kit.codec import decoder
from workloads.kit.contracts import topics
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.messages import PROVENANCES
from workloads.kit.contracts.sources.kinds import CsvSource
from workloads.kit.producer import TransactionalProducer
from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline import config, ingest
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.publish import Window, publish
from workloads.price_pipeline.reading import since
from workloads.price_pipeline.settings import DEFAULT_SOURCES
from workloads.price_pipeline.sources.file import FileSource

Make = Callable[..., CsvSource]
MONTH = Window(look_back=timedelta(days=30))
BERLIN: dict[str, Any] = {
    "market": "DE-LU",
    "unit": "MW",
    "resolution": "PT1H",
    "time_zone": "Europe/Berlin",
    "columns": {"event_time": "start", "indicators": {"Load": "load", "Wind": "wind"}},
}
FORECAST = BERLIN | {"publishes": "forecasts", "publication": {"day": -1, "at": "10:00"}}
ACTUAL = BERLIN | {"publishes": "actuals"}


@pytest.fixture
def wide(tmp_path: Path) -> Make:
    """A configured CSV file of wide rows."""

    def make(content: str, settings: dict[str, Any], **changed: Any) -> CsvSource:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        path.write_text(content)
        values = {"kind": "csv", "name": "grid", "path": path} | settings | changed
        return CsvSource.model_validate(values)

    return make


class Pipeline:
    """Runs against one topic, with the ledger that a run reads from it."""

    def __init__(self, now: datetime) -> None:
        self.topic = Topic()
        self.ledger = Ledger()
        self.now = now

    def run(self, source: CsvSource, window: Window = MONTH) -> Counter[str]:
        counts: Counter[str] = Counter()
        publish(
            FileSource(source, lambda: self.now),
            window,
            self.ledger,
            cast(TransactionalProducer, self.topic),
            lambda: self.now,
            transaction_rows=100,
            counts=counts,
        )
        return +counts

    @property
    def indicators(self) -> list[Indicator]:
        sent = [output for batch in self.topic.committed for output in batch]
        decode = decoder(Indicator)
        found = [one for one in sent if one.topic == topics.MARKET_INDICATORS]
        assert all(one.key == decode(one.value or b"").message_key for one in found)
        return [decode(one.value or b"") for one in found]

    @property
    def refused(self) -> list[dict[str, str]]:
        dead = topics.dead_letter(topics.MARKET_INDICATORS)
        sent = [output for batch in self.topic.committed for output in batch]
        assert {one.topic for one in sent} <= {topics.MARKET_INDICATORS, dead}
        return [{k: v.decode() for k, v in one.headers} for one in sent if one.topic == dead]


def test_forecasts_are_of_their_zone_and_period_and_known_the_day_before(wide: Make) -> None:
    pipeline = Pipeline(datetime(2026, 3, 28, 12, tzinfo=UTC))
    rows = "".join(f"2026-03-29 {hour:02}:00,{hour},-{hour}\n" for hour in (0, 1, 3))
    source = wide("start,Load,Wind\n" + rows + "2026-03-29 02:00,1,1\n2026-03-29 04:00,,7\n", FORECAST)
    assert pipeline.run(source) == {"published": 7, "unobserved": 1, "refused": 2, "dead_lettered": 2}
    load = [one for one in pipeline.indicators if one.name == "load"]
    assert [(one.delivery_start.hour, one.value) for one in load] == [(23, 0.0), (0, 1.0), (1, 3.0)]
    one = load[0]
    assert (one.zone, one.kind, one.unit, one.provenance) == ("DE-LU", "forecast", "MW", "market")
    assert one.published_at == datetime(2026, 3, 28, 9, tzinfo=UTC)
    assert one.delivery_end - one.delivery_start == timedelta(hours=1)
    assert [one.value for one in pipeline.indicators if one.name == "wind"] == [0.0, -1.0, -3.0, 7.0]
    # One each, though it is one row: each says what is wrong with its own.
    assert all("does not exist in Europe/Berlin" in letter["reason"] for letter in pipeline.refused)
    named = [letter["symbol"] for letter in pipeline.refused]
    assert named == ["DE-LU/load/forecast", "DE-LU/wind/forecast"]
    assert pipeline.run(source) == {"skipped": 7, "unobserved": 1, "refused": 2}


def test_a_changed_value_or_unit_is_a_revision_known_from_now_on(wide: Make) -> None:
    pipeline = Pipeline(datetime(2026, 3, 2, tzinfo=UTC))
    line = "start,Load,Wind\n2026-03-01 05:00,{},3\n"
    assert pipeline.run(wide(line.format(10), ACTUAL)) == {"published": 2}
    assert pipeline.run(wide(line.format(11), ACTUAL)) == {"corrections": 1, "skipped": 1}
    assert pipeline.run(wide(line.format(11), ACTUAL, unit="GW")) == {"corrections": 2}
    first, *others = (one for one in pipeline.indicators if one.name == "load")
    assert first.published_at == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert [(one.value, one.unit, one.correction) for one in others] == [
        (11.0, "MW", True),
        (11.0, "GW", True),
    ]
    assert first.published_at < others[0].published_at < others[1].published_at


def test_a_forecast_that_changes_after_its_delivery_is_a_revision_and_a_new_one_is_refused(
    wide: Make,
) -> None:
    pipeline = Pipeline(datetime(2026, 3, 1, 12, tzinfo=UTC))
    before = "start,Load,Wind\n2026-03-02 05:00,10,3\n"
    assert pipeline.run(wide(before, FORECAST)) == {"published": 2}
    pipeline.now += timedelta(days=2)
    late = before.replace("10", "12") + "2026-03-02 03:00,7,8\n"
    counts = pipeline.run(wide(late, FORECAST))
    assert counts == {"corrections": 1, "skipped": 1, "refused": 2, "dead_lettered": 2}
    assert [one.value for one in pipeline.indicators if one.correction] == [12.0]
    assert len(pipeline.refused) == 2
    for letter in pipeline.refused:
        assert letter["error"] == "published_at"
        assert "no forecast" in letter["reason"]
        assert "--backfill" in letter["reason"]
    everything = Window(since=datetime(2026, 3, 1, tzinfo=UTC), until=pipeline.now)
    assert pipeline.run(wide(late, FORECAST), everything) == {"published": 2, "skipped": 2}
    assert pipeline.indicators[-1].published_at == datetime(2026, 3, 1, 9, tzinfo=UTC)


LONG = ACTUAL | {
    "columns": {"event_time": "start", "zone": "area", "indicator": "type", "value": "mw", "unit": "unit"},
    "symbols": {"Wind Onshore": "wind-onshore"},
    "zones": {"Germany": "DE-LU"},
    "repeated": "in_order",
}


def test_rows_have_their_own_zone_name_and_unit_and_each_tells_its_repeated_hour_apart(wide: Make) -> None:
    pipeline = Pipeline(datetime(2026, 10, 26, tzinfo=UTC))
    lines = [
        f"2026-10-25 02:00,{zone},{name},{value},"
        for value in (1, 2)
        for zone in ("Germany", "FR")
        for name in ("load", "Wind Onshore")
    ]
    lines += ["2026-10-25 05:00,,load,9,GW", "2026-10-25 05:00,FR,Solar,9,", "2026-10-25 05:00,F R,load,9,"]
    source = wide("\n".join(["start,area,type,mw,unit", *lines]) + "\n", LONG)
    assert pipeline.run(source) == {"published": 9, "refused": 2, "dead_lettered": 2}
    found = {
        (one.zone, one.name, one.delivery_start.hour): (one.value, one.unit) for one in pipeline.indicators
    }
    assert found == {
        **{
            (z, n, h): (float(h + 1), "MW")
            for z in ("DE-LU", "FR")
            for n in ("load", "wind-onshore")
            for h in (0, 1)
        },
        ("DE-LU", "load", 4): (9.0, "GW"),
    }
    assert {letter["symbol"] for letter in pipeline.refused} == {"FR/Solar/actual", "F R/load/actual"}


def test_a_source_is_asked_from_before_the_oldest_of_the_series_that_it_names(wide: Make) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    pipeline = Pipeline(now)
    content = "start,Load,Wind\n2026-03-01 05:00,10,\n2026-03-01 06:00,10,3\n"
    pipeline.run(wide(content, ACTUAL))
    asked = since(wide(content, ACTUAL), pipeline.ledger, now)
    assert asked == datetime(2026, 3, 1, 5, tzinfo=UTC) - timedelta(days=30)
    more = BERLIN["columns"] | {"indicators": {"Load": "load", "Wind": "wind", "Solar": "solar"}}
    assert since(wide(content, ACTUAL, columns=more), pipeline.ledger, now) is None


def test_a_look_at_a_file_says_what_each_column_is_taken_for(
    wide: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def read(*_: object, **given: object) -> Ledger:
        asked.append(given["of"])
        return Ledger()

    monkeypatch.setattr(Ledger, "read", read)
    source = wide("start,Load,Wind\n2026-03-01 05:00,10,x\n", ACTUAL)
    seen = ingest.look(cast(KafkaSettings, None), source, lambda: datetime(2026, 3, 2, tzinfo=UTC))
    assert asked == [(Indicator,)]
    assert seen["columns"] == {"start": "delivery period", "Load": "value of load", "Wind": "value of wind"}
    assert (seen["first"]["symbol"], seen["first"]["price"], seen["first"]["of"]) == (
        "DE-LU/load/actual",
        10.0,
        "MW",
    )
    assert [one["line"] for one in seen["refused"]] == [2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"publishes": "prices"}, "columns.indicators is of indicators: say `publishes: forecasts`"),
        ({"publishes": "outlook"}, "publishes of source 'grid'"),
        ({"currency": "EUR"}, "publishes: actuals has no currency"),
        ({"product": "spot"}, "publishes: actuals has no product"),
        ({"withdrawn": [""]}, "publishes: actuals has no withdrawn"),
        ({"columns": {"event_time": "s", "prices": {"p": "A"}}}, "has no columns.prices"),
        (
            {"columns": {"event_time": "s", "indicators": {"p": "a"}, "currency": "c"}},
            "has no columns.currency",
        ),
        ({"columns": {"event_time": "s", "indicators": {"p": "Load"}}}, "(is 'Load')"),
        ({"columns": {"event_time": "s", "indicator": "i"}}, "or both `indicator` and `value`"),
        ({"columns": {"event_time": "s", "indicators": {"p": "a"}, "price": "x"}}, "has no columns.price"),
        ({"unit": None}, "publishes: actuals needs a `unit`"),
        ({"publishes": "forecasts"}, "say when by `publication` or `columns.published_at`"),
        ({"publishes": "forecasts", "publication_lag": "PT1H"}, "say when by `publication`"),
        ({"withhold_years": 2}, "withhold_years is of prices"),
        ({"zones": {"a": "b"}}, "`zones` names what `columns.zone` holds"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    settings = {"kind": "csv", "name": "grid", "path": "/data/grid.csv", **ACTUAL, **changes}
    content = {"sources": [{key: value for key, value in settings.items() if value is not None}]}
    file = tmp_path / "sources.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(config.BadSources) as refused:
        config.load(file, PROVENANCES)
    assert said in str(refused.value)


def test_a_file_of_sources_says_which_topics_its_run_reads(tmp_path: Path) -> None:
    file = tmp_path / "sources.yaml"
    settings = {"kind": "csv", "name": "grid", "path": "/data/grid.csv", **ACTUAL}
    file.write_text(yaml.safe_dump({"sources": [settings]}))
    assert Indicator in config.load(file, PROVENANCES).messages
    assert Indicator not in config.load(DEFAULT_SOURCES, PROVENANCES).messages
