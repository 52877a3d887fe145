"""Prices and predictions in the feature store, put there as the consumers would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg

from tests.services.clients import MigratedDatabase
from workloads.kit.contracts.messages import Provenance
from workloads.kit.contracts.models import model_name
from workloads.kit.features import features
from workloads.kit.onnx import OnnxModel
from workloads.kit.registry import Artifact
from workloads.kit.windows import Floats


def add_prices(
    database: MigratedDatabase,
    symbol: str,
    prices: Floats | Sequence[float],
    *,
    start: datetime,
    provenance: Provenance = "synthetic",
    source: str = "test",
) -> list[datetime]:
    """One price a day from `start` on, known a day later; returns their starts."""
    days = [start + timedelta(days=day) for day in range(len(prices))]
    with (
        database.admin() as connection,
        connection.cursor() as cursor,
        cursor.copy(
            "COPY features.commodity_prices_daily (source, symbol, product, delivery_start, delivery_end,"
            " resolution, published_at, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset) FROM STDIN"
        ) as copy,
    ):
        for at, (day, price) in enumerate(zip(days, prices, strict=True)):
            known = day + timedelta(days=1)
            copy.write_row(
                (
                    *(source, symbol, "spot", day, known, "P1D", known, "test", float(price), "EUR", "t"),
                    *(provenance, False, 0, at),
                )
            )
    return days


def revise(
    database: MigratedDatabase,
    symbol: str,
    start: datetime,
    *,
    at: datetime,
    price: float | None = None,
    withdrawn: str | None = None,
) -> None:
    """Another revision of the period that begins at `start`, published at `at`: with a price, or the one that
    there is, which it takes back where it says by whom it is `withdrawn`."""
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, product, delivery_start,"
            " delivery_end, resolution, published_at, market, price, currency, unit, provenance, correction,"
            " withdrawn, topic_partition, topic_offset)"
            " SELECT source, symbol, product, delivery_start, delivery_end, resolution, %s, market,"
            " coalesce(%s, price), currency, unit, provenance, true, %s, topic_partition, topic_offset"
            " FROM features.commodity_prices_daily WHERE symbol = %s AND delivery_start = %s"
            " ORDER BY published_at DESC LIMIT 1",
            (at, price, withdrawn, symbol, start),
        )


def add_predictions(
    database: MigratedDatabase,
    artifact: Artifact,
    version: int,
    days: Sequence[datetime],
    prices: Floats,
    *,
    alias: str = "champion",
) -> None:
    """What the model predicted on the last `len(days)` of `prices`, one a day."""
    card = artifact.card
    rows = features(prices)[-len(days) :]
    returns = OnnxModel(artifact.onnx).predict(rows)
    scale = rows[:, card.features.index(card.volatility)]
    with database.admin() as connection:
        for day, price, change, width in zip(
            days, prices[-len(days) :], returns, card.quantile * scale, strict=True
        ):
            _insert(connection, card.symbol, version, day, float(price), float(change), float(width), alias)


def _insert(
    connection: psycopg.Connection[tuple[object, ...]],
    symbol: str,
    version: int,
    day: datetime,
    price: float,
    change: float,
    width: float,
    alias: str,
) -> None:
    known = day + timedelta(days=1)
    connection.execute(
        "INSERT INTO features.ml_predictions (source, symbol, event_time, price_available_time, "
        " available_time, market, provenance, horizon_sessions, price, predicted_return, prediction,"
        " lower, upper, nominal_level, model_name, model_version, model_alias, skill)"
        " VALUES ('test', %s, %s, %s, %s, 'test', 'synthetic', 1,"
        " %s, %s, %s, %s, %s, 0.9, %s, %s, %s, 'none')",
        (
            symbol, day, known, known, price, change, price * math.exp(change),
            price * math.exp(change - width), price * math.exp(change + width),
            model_name(symbol), version, alias,
        ),
    )  # fmt: skip
