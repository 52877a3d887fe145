"""data-api without gunicorn, its rows from memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI

from workloads.data_api import keys
from workloads.data_api.app import create_app
from workloads.data_api.guard import Guard
from workloads.data_api.keys import Key
from workloads.data_api.register import Known
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.entitlements import Entitlement

START = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS = DataApiSettings(postgres_host="unused", postgres_user="unused")


class Nothing:
    """A transaction over tables that hold nothing."""

    rowcount = 0

    def execute(self, _query: object, _values: Mapping[str, Any]) -> Nothing:
        return self

    def fetchone(self) -> None:
        return None


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

    @contextmanager
    def changing(self) -> Generator[Nothing]:
        if self.error is not None:
            raise self.error
        yield Nothing()

    def copied(
        self, _query: object, values: Mapping[str, Any], _seconds: float
    ) -> Generator[bytes, None, None]:
        self.asked.append(values)
        if self.error is not None:
            raise self.error
        for row in self.found:
            yield copied(row)


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
        "withdrawn": None,
        "replayed_from": None,
    }


def copied(row: Row) -> bytes:
    """A row as COPY sends it for people."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(
        value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else _written(value)
        for value in row.values()
    )
    return line.getvalue().encode()


def _written(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else value


KEY_ID, SECRET = "0123456789ab", "5" * 64
KEY = keys.text(KEY_ID, SECRET)


class StaticRegister:
    """Keys and entitlements that a test sets: at first one key of a tenant that gets everything."""

    def __init__(self) -> None:
        self.keys = {
            KEY_ID: Key(
                id=KEY_ID,
                tenant="pilot-one",
                digest=keys.digest(SECRET),
                scopes=frozenset({"read"}),
                expires_at=datetime(2190, 1, 1, tzinfo=UTC),
                revoked_at=None,
            )
        }
        self.entitlements = {
            "pilot-one": Entitlement(
                products=("hub", "api", "downloads"),
                markets=("*",),
                history_days=None,
                delay_minutes=0,
                rows_per_month=None,
                requests_per_minute=100_000,
            )
        }

    def known(self) -> Known:
        return Known(self.keys, self.entitlements)


class _KnownClient(FlaskClient):
    """Shows the key with each request that says nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {KEY}"


@pytest.fixture
def register() -> StaticRegister:
    return StaticRegister()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def app(store: MemoryStore, register: StaticRegister) -> OpenAPI:
    app = create_app(SETTINGS, cast("Store", store), Guard(register))
    app.test_client_class = _KnownClient
    return app
