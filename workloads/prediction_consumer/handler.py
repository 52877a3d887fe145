"""What prediction-consumer does with a batch of prices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from workloads.kit.codec import encode
from workloads.kit.contracts import tables, topics
from workloads.kit.contracts.forecasts import NOMINAL_LEVEL
from workloads.kit.contracts.messages import Prediction, Price
from workloads.kit.contracts.serving import MAX_INSTANCES, Forecast, Instance
from workloads.kit.db import Database, append
from workloads.kit.features import DEFAULT, FeatureSpec, window_features
from workloads.kit.naive import usual_move
from workloads.kit.records import Output, Poison, Record
from workloads.kit.series import HISTORY, Series
from workloads.kit.series_states import Pace, SeriesStates
from workloads.kit.series_store import SeriesStore
from workloads.kit.windows import Floats
from workloads.prediction_consumer import corrections, metrics
from workloads.prediction_consumer.anomalies import anomalous
from workloads.prediction_consumer.model_client import Refused

Predict = Callable[[Sequence[Instance]], list[Forecast]]
"""At most `MAX_INSTANCES` at a time; raises Refused where one is at fault, Transient where none is."""
Save = Callable[[Sequence[Prediction]], Sequence[Prediction]]
"""Makes predictions durable, at once, and returns what stands: of a price that was predicted before, that."""


_Identity = tuple[str, str, datetime, str, datetime]

_GAPS: Final = 1.5
_LONGEST_GAP_SECONDS: Final = 62 * 86_400
"""A session may be this many times as old as the longest gap between those before it, which is no longer than
this: two months. An outage over a week-end of a market that has none is within it."""


class _Made(NamedTuple):
    """A prediction, as it is counted."""

    symbol: str
    alias: str
    anomalous: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """Which prices are predicted, and what counts as an anomaly; see `PredictionSettings`."""

    max_age_seconds: float = 2 * 86_400
    anomaly_threshold: float = 4.0


class PredictionHandler:
    """Keeps the windows of each series; stores and publishes a prediction from each fresh price.

    Fresh is a price whose message was written within `max_age_seconds` of being published, or, of a series'
    newest session, within one and a half times the longest gap between its sessions. That is a property of
    the message, not of the clock: history that is loaded is never predicted, and is counted, and what was
    published while this consumer was away always is. A session whose next one is known, corrected, withdrawn
    or come late, makes no prediction of it: the newest session is predicted again, as of then, where the
    other is in its window. Nor does one that is older than all that its series remembers. A message that
    repeats what is known already, or has an older `published_at` than what holds, makes no prediction.
    Features are as of the message's offset; without a full window of positive prices the server is asked for
    the naive last value.

    A price that the server refuses is dead-lettered, but stays in its series' window: the loop restores it.
    """

    def __init__(
        self,
        predict: Predict,
        save: Save,
        *,
        spec: FeatureSpec = DEFAULT,
        limits: Limits | None = None,
        history: int = HISTORY,
    ) -> None:
        self._predict = predict
        self._save = save
        self._spec = spec
        self._limits = limits or Limits()
        self._store = SeriesStore(margin=spec.size, history=history)
        self._made: dict[int, dict[_Identity, _Made]] = {}
        """Of each partition, what is counted once it is committed; tried again, it is the same."""
        self._skipped: dict[int, dict[int, str]] = {}
        """Likewise the symbol of what was history, by offset."""

    def states(self, database: Database, group: str, pace: Pace) -> SeriesStates:
        """Where its windows are kept for a restart."""
        return SeriesStates(database, group, self._store, pace)

    def restore(self, records: Sequence[Record[Price]]) -> None:
        self._store.restore(records)

    def forget(self, partitions: Collection[int]) -> None:
        self._store.forget(partitions)
        for partition in partitions:
            self._made.pop(partition, None)
            self._skipped.pop(partition, None)

    def committed(self, partitions: Collection[int]) -> None:
        self._store.settle(partitions)
        for partition in partitions:
            for one in self._made.pop(partition, {}).values():
                metrics.PREDICTIONS.labels(one.symbol, one.alias).inc()
                if one.anomalous:
                    metrics.ANOMALIES.labels(one.symbol).inc()
            for symbol in self._skipped.pop(partition, {}).values():
                metrics.SKIPPED.labels(symbol).inc()

    def process(self, batch: Sequence[Record[Price]]) -> list[Output]:
        """Raises Poison where the server refuses some price, Transient where server or database are away."""
        records, windows = self._questions(batch)
        if not records:
            return []
        rows, full = self._features(windows)
        instances = [
            Instance(
                symbol=record.value.symbol,
                price=record.value.price,
                features=features,
                move=usual_move(window, NOMINAL_LEVEL),
            )
            for record, features, window in zip(records, rows, windows, strict=True)
        ]
        forecasts = self._ask(instances)
        now = datetime.now(UTC)
        predictions = self._save(
            [
                prediction(record.value, forecast, now)
                for record, forecast in zip(records, forecasts, strict=True)
            ]
        )
        self._note(records, predictions, windows, full)
        return [Output(topics.ML_PREDICTIONS, made.symbol, encode(made)) for made in predictions]

    def _questions(self, batch: Sequence[Record[Price]]) -> tuple[list[Record[Price]], list[Floats]]:
        """The records to predict, and the prices of each one's window, as far as it is full."""
        records: list[Record[Price]] = []
        windows: list[Floats] = []
        size = self._spec.size
        for series, group, change in self._store.apply(batch):
            if change.is_nothing:
                self._skip(group[change.row])
            elif corrections.of_the_past(series, change):
                newest = corrections.newest_again(
                    series, change, group[change.row], self._store.origins, size
                )
                if newest is not None and self._is_wanted(newest):
                    count = len(series.sessions)
                    records.append(newest)
                    windows.append(series.prices(count - size, count))
            else:
                for step in range(change.stop - change.start):
                    record, stop = group[change.row + step], change.start + step + 1
                    if self._is_wanted(record, series, stop):
                        records.append(record)
                        windows.append(series.prices(stop - size, stop))
        return records, windows

    def _is_wanted(self, record: Record[Price], series: Series | None = None, stop: int = 0) -> bool:
        """Whether it is no history. The last of its series so far is none while what follows it cannot be
        known: a source that was away over a week-end, or one of months, brings it later than a day's."""
        age = record.timestamp_ms / 1000 - record.value.published_at.timestamp()
        if age <= self._limits.max_age_seconds:
            return True
        if series is None or stop < 2 or age > _LONGEST_GAP_SECONDS * _GAPS:
            return self._skip(record)
        events = series.sessions["event"][max(stop - self._spec.size, 0) : stop]
        if age <= _GAPS * float(np.diff(events).max()) / 1e6:
            return True
        return self._skip(record)

    def _skip(self, record: Record[Price]) -> bool:
        self._skipped.setdefault(record.partition, {})[record.offset] = record.value.symbol
        return False

    def _features(self, windows: Sequence[Floats]) -> tuple[list[list[float] | None], NDArray[np.intp]]:
        """Features of each window, None where there are none, and the indices of those that have some."""
        rows: list[list[float] | None] = [None] * len(windows)
        indices = [index for index, window in enumerate(windows) if len(window) == self._spec.size]
        if not indices:
            return rows, np.empty(0, np.intp)
        computed = window_features(np.stack([windows[index] for index in indices]), self._spec)
        usable = ~np.isnan(computed).any(axis=1)
        full = np.array(indices)[usable]
        for index, row in zip(full.tolist(), computed[usable].tolist(), strict=True):
            rows[index] = row
        return rows, full

    def _ask(self, instances: Sequence[Instance]) -> list[Forecast]:
        """Forecasts of all. Whatever the server says of who is at fault, the loop finds it by halving."""
        forecasts: list[Forecast] = []
        for start in range(0, len(instances), MAX_INSTANCES):
            try:
                forecasts += self._predict(instances[start : start + MAX_INSTANCES])
            except Refused as refusal:
                raise Poison(None, str(refusal)) from refusal
        return forecasts

    def _note(
        self,
        records: Sequence[Record[Price]],
        predictions: Sequence[Prediction],
        windows: Sequence[Floats],
        full: NDArray[np.intp],
    ) -> None:
        anomalies: set[int] = set()
        chosen = full.tolist()
        if chosen:
            flags = anomalous(
                np.stack([windows[index] for index in chosen]),
                np.array([predictions[index].predicted_return for index in chosen]),
                self._limits.anomaly_threshold,
                self._spec,
            )
            anomalies.update(full[flags].tolist())
        for index, (record, made) in enumerate(zip(records, predictions, strict=True)):
            self._made.setdefault(record.partition, {})[_identity(made)] = _Made(
                made.symbol, made.model_alias, index in anomalies
            )


def prediction(price: Price, forecast: Forecast, now: datetime) -> Prediction:
    """The message that publishes a forecast made from a price."""
    return Prediction(
        source=price.source,
        market=price.market,
        symbol=price.symbol,
        event_time=price.delivery_start,
        resolution=price.resolution,
        price_available_time=price.published_at,
        available_time=now,
        provenance=price.provenance,
        price=price.price,
        predicted_return=forecast.predicted_return,
        prediction=forecast.prediction,
        lower=forecast.lower,
        upper=forecast.upper,
        nominal_level=forecast.nominal_level,
        model_name=forecast.model_name,
        model_version=forecast.model_version,
        model_alias=forecast.model_alias,
        skill=forecast.skill,
        skill_score=forecast.skill_score,
        replayed_from=price.replayed_from,
    )


_FIELDS: Final = Prediction.__struct_fields__
_STORED: Final = sql.SQL(
    "SELECT {fields} FROM {table} JOIN unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[],"
    " %s::timestamptz[]) AS asked(source, symbol, event_time, resolution, price_available_time)"
    " USING (source, symbol, event_time, resolution, price_available_time) WHERE delivery_start IS NULL"
).format(
    fields=sql.SQL(", ").join(map(sql.Identifier, _FIELDS)),
    table=sql.Identifier(tables.SCHEMA, tables.ML_PREDICTIONS),
)


def save_to(database: Database) -> Save:
    """Adds predictions to their table in one transaction. What was predicted from a price once stands,
    whatever a model of later, or the same question asked again, makes of it."""

    def save(predictions: Sequence[Prediction]) -> Sequence[Prediction]:
        rows = [msgspec.structs.astuple(one) for one in predictions]
        with database.transaction() as connection:
            if append(connection, tables.ML_PREDICTIONS, _FIELDS, rows) == len(rows):
                return predictions
            asked = [list(column) for column in zip(*map(_identity, predictions), strict=True)]
            stored = [
                Prediction(**dict(zip(_FIELDS, row, strict=True)))
                for row in connection.execute(_STORED, asked)
            ]
        standing = {_identity(one): one for one in stored}
        return [standing[_identity(one)] for one in predictions]

    return save


def _identity(one: Prediction) -> _Identity:
    return one.source, one.symbol, one.event_time, one.resolution, one.price_available_time
