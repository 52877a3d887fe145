"""Rows as Arrow, pandas and polars."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from carbon_client import BadInput, DeliveryForecast, frames, models
from sdk_api import Api, page, price

NAMES = list(price(0))
REPLAYED = price(3.5, replayed_from="2015-01-07T00:00:00.123456Z", correction=True)

FORECAST = models.Forecast(
    prediction=2.0,
    lower=1.0,
    upper=3.0,
    nominal_level=0.9,
    made_from=datetime(2026, 3, 1, tzinfo=UTC),
    period_start=None,
    issued_at=datetime(2026, 3, 1, tzinfo=UTC),
    model_name="m",
    model_version=7,
    model_alias="champion",
    skill="none",
)


def api(*, empty: bool = False) -> Any:
    if empty:
        return Api(page([])).client().prices("DE-LU")
    return Api(page([-500.0], "a"), page([], items=[REPLAYED])).client().prices("DE-LU")


def test_arrow_has_times_in_utc_and_columns_of_their_kind() -> None:
    pa = pytest.importorskip("pyarrow")
    made = api().to_arrow()
    assert made.column_names == NAMES
    assert made.schema.equals(api(empty=True).to_arrow().schema)
    assert made.schema.field("delivery_start").type == pa.timestamp("us", tz="UTC")
    assert made["price"].to_pylist() == [-500.0, 3.5]
    assert made["replayed_from"].to_pylist() == [None, datetime(2015, 1, 7, 0, 0, 0, 123456, tzinfo=UTC)]
    assert made["correction"].to_pylist() == [False, True]


def test_pandas_has_times_in_utc_and_columns_of_their_kind() -> None:
    pytest.importorskip("pandas")
    made = api().to_pandas()
    assert list(made.columns) == NAMES
    assert list(made.dtypes) == list(api(empty=True).to_pandas().dtypes)
    assert str(made["delivery_start"].dtype) == "datetime64[us, UTC]"
    assert made["price"].tolist() == [-500.0, 3.5]
    assert made["replayed_from"].isna().tolist() == [True, False]
    assert made["replayed_from"][1].to_pydatetime() == datetime(2015, 1, 7, 0, 0, 0, 123456, tzinfo=UTC)
    assert made.groupby("unit")["price"].sum()["MWh"] == -496.5


def test_polars_has_times_in_utc_and_columns_of_their_kind() -> None:
    pl = pytest.importorskip("polars")
    made = api().to_polars()
    assert made.columns == NAMES
    assert made.schema == api(empty=True).to_polars().schema
    assert made.schema["delivery_start"] == pl.Datetime("us", "UTC")
    assert made["price"].to_list() == [-500.0, 3.5]
    assert made["replayed_from"].to_list()[1] == datetime(2015, 1, 7, 0, 0, 0, 123456, tzinfo=UTC)


def test_the_asynchronous_pages_give_the_same() -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pages = Api(page([1]), page([1])).async_client().prices("DE-LU")
    assert asyncio.run(pages.to_pandas())["price"].tolist() == [1.0]
    assert asyncio.run(pages.to_arrow())["price"].to_pylist() == [1.0]


def test_parts_of_a_row_are_columns_of_their_own_and_may_be_missing() -> None:
    pytest.importorskip("pandas")
    names = [column.name for column in frames.columns(models.Latest)]
    assert "forecast" not in names
    assert names.index("forecast_prediction") < names.index("forecast_skill")
    row = models.Latest(
        symbol="A",
        source="s",
        market="power",
        product="day-ahead",
        resolution="PT1H",
        currency="EUR",
        unit="MWh",
        provenance="market",
        delivery_start=datetime(2026, 3, 1, tzinfo=UTC),
        delivery_end=datetime(2026, 3, 1, 1, tzinfo=UTC),
        published_at=datetime(2026, 2, 28, tzinfo=UTC),
        price=1.0,
        previous_price=None,
        previous_start=None,
        change=None,
        forecast=FORECAST,
    )
    other = msgspec.structs.replace(row, forecast=None)
    made = frames.of([row, other], models.Latest).to_pandas()
    assert made["forecast_model_version"].tolist()[0] == 7
    assert made["forecast_model_version"].isna().tolist() == [False, True]
    assert str(made["forecast_model_version"].dtype) == "Int64"


def test_rows_with_lists_are_no_table() -> None:
    with pytest.raises(BadInput, match="is no column"):
        frames.columns(DeliveryForecast)


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(BadInput, match=r"pip install 'carbon-client\[polars\]'"):
        api(empty=True).to_polars()
