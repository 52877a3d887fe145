"""data-api without gunicorn, its rows from memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from flask_openapi3.openapi import OpenAPI

from workloads.data_api.app import create_app
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store

START = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS = DataApiSettings(postgres_host="unused", postgres_user="unused")


class MemoryStore:
    """What the routes ask of `Store`: gives `found`, up to the limit, or raises `error`."""

    def __init__(self) -> None:
        self.found: list[Row] = []
        self.error: Exception | None = None
        self.asked: list[Mapping[str, Any]] = []

    def rows(self, _query: object, values: Mapping[str, Any]) -> list[Row]:
        self.asked.append(values)
        if self.error is not None:
            raise self.error
        return self.found[: values.get("count", len(self.found))]


def price(hour: int, value: float = 1.5) -> Row:
    """A row of /v1/prices."""
    start = START + timedelta(hours=hour)
    return {
        "symbol": "DE-LU",
        "source": "auction",
        "market": "power",
        "product": "day-ahead",
        "resolution": "PT1H",
        "delivery_start": start,
        "delivery_end": start + timedelta(hours=1),
        "published_at": START - timedelta(days=1),
        "price": value,
        "currency": "EUR",
        "unit": "MWh",
        "provenance": "market",
        "correction": False,
        "replayed_from": None,
    }


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def app(store: MemoryStore) -> OpenAPI:
    return create_app(SETTINGS, cast("Store", store))
