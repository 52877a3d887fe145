"""Plans of the feature store's hot questions on a large table of prices: by month, and in one piece.

ROWS says how many rows (default 100,000,000: 10,000 nodes, hourly, 417 days; 330 bytes each with
indexes). Where the disk has room for fewer, it is fewer, which the notes say. One layout is filled, asked and
dropped after the other: there is seldom room for both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import sql

from tests.bench.measure import Sample
from tests.bench.report import Figure, Other, at_most, times_at_most
from tests.bench.rig import Rig
from tests.bench.store_rows import MARKET, SOURCE, TENANT, Layout, Size, filled, login, size, symbol
from tests.services.clients import MigratedDatabase
from tests.services.servers import Postgres
from tools.console import Step
from workloads.analytics_consumer import rows
from workloads.data_api import aggregates, catalogue, latest, prices
from workloads.data_api.questions import EARLIEST, LATEST
from workloads.kit import db
from workloads.kit.contracts import tables
from workloads.kit.contracts.entitlements import TENANT_SETTING
from workloads.kit.contracts.platform import ROLES
from workloads.kit.db import Connection
from workloads.migrations import months
from workloads.model_server import store
from workloads.model_training.runs import known

_TABLE: Final = tables.COMMODITY_PRICES_DAILY
_BATCH: Final = 5000
_LAYOUTS: Final[tuple[Layout, ...]] = ("in one piece", "by month")
_PARAMETERS: Final[dict[str, object]] = {
    "jit": "off",
    "shared_buffers": "256MB",
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "1GB",
    "max_parallel_workers_per_gather": 0,
}

_OF_ONE: Final = (
    "page of a symbol, a day",
    "page of a symbol, as of a month ago",
    "page of a symbol, all revisions of a month",
    "a month by days",
    "window of a model, 91 sessions",
)
"""Questions of one symbol and a bounded time: 10 ms are not noticed by who waits for an answer."""

Found = dict[str, tuple[list[float], str]]
"""Question → milliseconds of each time it was asked, and what was done for it."""


def run(rig: Rig, step: Step) -> list[Figure]:
    directory, secrets = rig.new_directory("plans"), rig.new_directory("plans-secrets")
    for role in ROLES:
        (secrets / role).write_text("bench")
    of = size(int(os.environ.get("ROWS", "") or rig.sized(100_000_000, 200_000)), directory)
    server = Postgres(directory, _PARAMETERS)
    found: dict[Layout, Found] = {}
    try:
        login(server, secrets)
        for layout in _LAYOUTS:
            with filled(server, secrets, layout, of, step) as database:
                found[layout] = _ask(database, layout, of, rig.sized(7, 2), step)
    finally:
        server.stop()
    whole, ours = (found[layout] for layout in _LAYOUTS)
    figures: list[Figure] = []
    for name, (times, what) in ours.items():
        other = Other("one table", "peer", Sample.of(whole[name][0]))
        measured = Sample.of(times)
        figures.append(
            Figure(
                name=name,
                unit="ms",
                ours=measured,
                others=[other],
                aims=[at_most(measured, 10) if name in _OF_ONE else times_at_most(measured, other, 1.5)],
                note=f"{of.rows:,} rows. By month: {what}. One table: {whole[name][1]}",
            )
        )
    return figures


def _ask(database: MigratedDatabase, layout: Layout, of: Size, times: int, step: Step) -> Found:
    found: Found = {}
    for role, questions in (
        ("data_api", _of_the_api(of)),
        ("model_server", {"window of a model, 91 sessions": _window(of)}),
        ("forecast_run", {"prices that a forecast learns from": _history(of)}),
    ):
        with database.connect(role) as connection:
            connection.execute("SELECT set_config(%s, %s, false)", [TENANT_SETTING, TENANT])
            for name, (statement, values) in questions.items():
                step.detail(f"{layout}: {name}")
                found[name] = _explained(connection, statement, values, times)
    with database.connect("analytics_consumer") as connection:
        for name, batch in _batches(of).items():
            step.detail(f"{layout}: {name}")
            found[name] = _written(connection, batch, times)
    step.detail(f"{layout}: a month less")
    found["drop the oldest month"] = _dropped(database, layout, of)
    return found


def _of_the_api(of: Size) -> Mapping[str, tuple[sql.Composed, dict[str, Any]]]:
    day, now = of.last - timedelta(days=40), of.last
    page: dict[str, Any] = {
        "symbol": symbol(of.symbols // 2),
        "count": 201,
        **dict.fromkeys(("source", "resolution")),
        **dict.fromkeys(("after_start", "after_source", "after_resolution", "after_published")),
    }
    month = {"start": day, "end": day + timedelta(days=30)}
    named = [symbol(1 + number * of.symbols // 200) for number in range(min(200, of.symbols))]
    alike = {
        "source": SOURCE,
        "market": MARKET,
        "product": "day-ahead",
        "resolution": "PT1H",
        "currency": "EUR",
        "unit": "MWh",
        "provenance": "market",
        "zone": "Europe/Berlin",
    }
    keys = {name: [value] * len(named) for name, value in alike.items()}
    edges = [day + timedelta(days=number) for number in range(31)]
    return {
        "page of a symbol, a day": (
            prices._SELECT["latest"],
            page | {"as_of": now, "start": day, "end": day + timedelta(days=1)},
        ),
        "page of a symbol, from its start on": (
            prices._SELECT["latest"],
            page | {"as_of": now, "start": EARLIEST, "end": LATEST},
        ),
        "page of a symbol, as of a month ago": (
            prices._SELECT["latest"],
            page | month | {"as_of": day - timedelta(hours=1)},
        ),
        "page of a symbol, all revisions of a month": (prices._SELECT["all"], page | month | {"as_of": now}),
        "latest of 200 instruments": (latest._SELECT, {**keys, "symbol": named, "as_of": now}),
        "list of all series": (catalogue._SELECT, {}),
        "a month by days": (
            aggregates._SELECT,
            {**page, **month, "as_of": now, "product": None, "edges": edges, "days": None},
        ),
    }


def _window(of: Size) -> tuple[sql.Composed, dict[str, Any]]:
    return store._WINDOW, {"symbol": symbol(of.symbols // 3), "as_of": of.last, "count": 91}


def _history(of: Size) -> tuple[sql.Composed, dict[str, Any]]:
    first = of.last - timedelta(days=known.HISTORY_DAYS)
    asked = {"symbol": symbol(of.symbols // 4), "source": SOURCE, "resolution": "PT1H"}
    return known._PRICES, asked | {"issued_at": of.last, "first": first, "delivery": of.last}


def _explained(connection: Connection, statement: sql.Composed, values: dict[str, Any], times: int) -> Any:
    explain = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ") + statement
    told: list[dict[str, Any]] = []
    for _ in range(times + 1):
        ((plan,),) = connection.execute(explain, values).fetchall()
        told.append(plan[0])
    # The first finds caches that know nothing.
    return [one["Planning Time"] + one["Execution Time"] for one in told[1:]], _shape(told[-1])


def _shape(told: dict[str, Any]) -> str:
    """What was read, and how: nodes that ran, partitions that were looked into, pages."""
    nodes = list(_nodes(told["Plan"]))
    ran = [node for node in nodes if node["Actual Loops"]]
    read = {node["Relation Name"] for node in ran if node.get("Relation Name", "").startswith(_TABLE)}
    named = {node["Relation Name"] for node in nodes if node.get("Relation Name", "").startswith(_TABLE)}
    pages = told["Plan"]["Shared Hit Blocks"] + told["Plan"]["Shared Read Blocks"]
    kinds = ", ".join(dict.fromkeys(node["Node Type"] for node in ran))
    planned = f"{told['Planning Time']:.1f} ms"
    return f"{kinds}; {len(read)} of {len(named)} tables, {pages:,} pages, planned in {planned}"


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


Batch = Callable[[int], list[Sequence[Any]]]
"""Rows of a batch, by its number."""


def _batches(of: Size) -> Mapping[str, Batch]:
    def row(number: int, at: datetime, published: datetime) -> Sequence[Any]:
        return (
            *(SOURCE, symbol(number), at, "PT1H", published, at + timedelta(hours=1), "day-ahead", MARKET),
            *(51.0, "EUR", "MWh", "market", False, None, None, number % 6, number),
        )

    def new(batch: int) -> list[Sequence[Any]]:
        first = of.last + timedelta(hours=batch * (_BATCH // min(of.symbols, _BATCH)))
        return [
            row(n % of.symbols + 1, first + timedelta(hours=n // of.symbols), of.last) for n in range(_BATCH)
        ]

    def scattered(batch: int) -> list[Sequence[Any]]:
        hours = of.days * 24
        return [
            row(
                n % of.symbols + 1,
                of.first + timedelta(hours=n * 7919 % hours),
                of.last + timedelta(hours=batch),
            )
            for n in range(_BATCH)
        ]

    return {
        f"upsert of {_BATCH} new prices": new,
        f"upsert of {_BATCH} corrections, of all months": scattered,
    }


def _written(connection: Connection, batch: Batch, times: int) -> tuple[list[float], str]:
    taken: list[float] = []
    for number in range(times + 1):
        part = batch(number)
        started = time.perf_counter()
        with connection.transaction():
            db.upsert(connection, _TABLE, rows.PRICE_COLUMNS, rows.PriceKey._fields, part)
        taken.append((time.perf_counter() - started) * 1000)
    return taken[1:], "COPY into a stage, INSERT ON CONFLICT"


def _dropped(database: MigratedDatabase, layout: Layout, of: Size) -> tuple[list[float], str]:
    """Once: it is gone then."""
    with database.admin() as admin:
        admin.execute("SET timezone = 'UTC'")
        keep = (of.last.year - of.first.year) * 12 + of.last.month - of.first.month - 1
        started = time.perf_counter()
        if layout == "by month":
            (change,) = months.drop(admin, {_TABLE: keep}, now=of.last)
        else:
            first = (of.first.replace(day=1) + timedelta(days=32)).replace(day=1)
            count = admin.execute(
                f"DELETE FROM features.{_TABLE} WHERE delivery_start < %s".encode(), [first]
            ).rowcount
            change = f"DELETE of {count:,} rows, which a vacuum has to follow"
        return [(time.perf_counter() - started) * 1000], change
