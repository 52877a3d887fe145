"""A table of prices as large as asked, in two ways: by month, as the platform has it, and in one piece."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

from psycopg import sql

from tests.services.clients import MigratedDatabase
from tests.services.servers import Postgres
from tools.console import Step
from workloads.kit.contracts import tables
from workloads.kit.contracts.entitlements import ALL_MARKETS, Entitlement
from workloads.kit.contracts.platform import GRANTS, ROLES
from workloads.kit.db import Connection
from workloads.migrations import database as migrations
from workloads.migrations import entitlements, months

Layout = Literal["by month", "in one piece"]

TENANT: Final = "bench"
SOURCE: Final = "exchange"
MARKET: Final = "power"
_DAYS: Final = 417
_BYTES_A_ROW: Final = 330
"""With its three indexes."""
_LEFT_FREE: Final = 6 * 2**30
_BEFORE: Final = "0011"
"""The last version of which a table is in one piece."""
_SERIES: Final = "market, symbol, source, product, resolution, currency, unit, provenance"
_TABLE: Final = tables.COMMODITY_PRICES_DAILY

# The list of series as it was found then, with the columns that are asked for now.
_AS_ASKED: Final = (
    "ALTER FUNCTION features.price_series() RENAME TO series_of_prices",
    f"ALTER TABLE features.{tables.COMMODITY_PRICES_DAILY} ADD COLUMN withdrawn text",
    """
    CREATE FUNCTION features.price_series() RETURNS TABLE (
        market text, symbol text, source text, product text,
        resolution text, currency text, unit text, provenance text, last_published timestamptz
    ) LANGUAGE sql STABLE AS $$ SELECT *, NULL::timestamptz FROM features.series_of_prices() $$
    """,
)


class Size(NamedTuple):
    """Hourly prices of `symbols` over `days`, until the end of yesterday; one in fifty was corrected."""

    symbols: int
    days: int
    last: datetime

    @property
    def first(self) -> datetime:
        return self.last - timedelta(days=self.days)

    @property
    def rows(self) -> int:
        return self.symbols * self.days * 24 * 51 // 50


def size(asked: int, directory: Path) -> Size:
    """As many rows as are asked for, or as the disk has room for."""
    room = (shutil.disk_usage(directory).free - _LEFT_FREE) // _BYTES_A_ROW
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Size(max(min(asked, room) // (_DAYS * 24), 10), _DAYS, today)


def symbol(number: int) -> str:
    """Of a node, from 1 on."""
    return f"N-{number:05}"


@contextmanager
def filled(
    server: Postgres, secrets: Path, layout: Layout, of: Size, step: Step
) -> Generator[MigratedDatabase]:
    """A database with the rows; it is dropped."""
    database = MigratedDatabase(server, secrets, "by_month" if layout == "by month" else "in_one_piece")
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {database.name}".encode())
    settings = database.settings("data_api").model_copy(
        update={"postgres_user": "postgres", "postgres_password_file": server.password_file}
    )
    try:
        migrations.migrate(settings, "head" if layout == "by month" else _BEFORE)
        with database.admin() as admin:
            admin.execute("SET timezone = 'UTC'")
            admin.execute("SET maintenance_work_mem = '1GB'")
            _prepare(admin, layout)
            _fill(admin, layout, of, step)
        yield database
    finally:
        database.drop()


def login(server: Postgres, secrets: Path) -> None:
    """Make the roles."""
    with server.connect() as admin:
        migrations.roles(admin, {role: (secrets / role).read_text() for role in ROLES})


def _prepare(admin: Connection, layout: Layout) -> None:
    if layout == "by month":
        months.make(admin, ahead=3, back=_DAYS // 30 + 1, keep={}, now=datetime.now(UTC))
    else:
        for statement in _AS_ASKED:
            admin.execute(statement)
    there = {
        name
        for (name,) in admin.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'features'::regnamespace"
        )
    }
    migrations.grants(
        admin,
        {
            role: {table: rights for table, rights in of.items() if table in there}
            for role, of in GRANTS.items()
        },
    )
    everything = Entitlement(
        products=("api",),
        markets=(ALL_MARKETS,),
        history_days=None,
        delay_minutes=0,
        rows_per_month=None,
        requests_per_minute=1000,
    )
    entitlements.reconcile(admin, {TENANT: everything})
    # What is thrown away is not logged; it is read all the same.
    for leaf in _leaves(admin):
        admin.execute(f"ALTER TABLE {leaf} SET UNLOGGED".encode())


def _fill(admin: Connection, layout: Layout, of: Size, step: Step) -> None:
    """Rows as they came, an hour of all symbols after the other; then the indexes."""
    made = _without_indexes(admin)
    admin.execute("SET session_replication_role = replica")  # no trigger: what it notes is noted at the end
    corrected = sql.SQL("(n + hour) % 50 = 0")
    for day in range(0, of.days, 30):
        step.detail(f"{of.rows:,} rows, day {day} of {of.days}")
        first = of.first + timedelta(days=day)
        hours = min(30, of.days - day) * 24
        for later, which in (("0", sql.SQL("true")), ("1 day", corrected)):
            admin.execute(
                sql.SQL(
                    "INSERT INTO {table} (source, symbol, delivery_start, delivery_end, resolution, product,"
                    " published_at, market, price, currency, unit, provenance, correction, topic_partition,"
                    " topic_offset)"
                    " SELECT {source}, 'N-' || lpad(n::text, 5, '0'), at, at + interval '1 hour', 'PT1H',"
                    " 'day-ahead', date_trunc('day', at) - interval '12 hours' + interval {later}, {market},"
                    " 50 + 40 * sin(n + hour * 0.26), 'EUR', 'MWh', 'market', interval {later} > '0', n % 6,"
                    " hour * {symbols} + n FROM (SELECT n, hour, {first}::timestamptz + hour * interval"
                    " '1 hour' AS at FROM generate_series(0, {hours}) hour, generate_series(1, {symbols}) n"
                    " WHERE {which}) every"
                ).format(
                    table=sql.Identifier(tables.SCHEMA, _TABLE),
                    source=SOURCE,
                    market=MARKET,
                    later=later,
                    which=which,
                    first=first.isoformat(),
                    hours=hours - 1,
                    symbols=of.symbols,
                )
            )
    for statement in made:
        step.detail(f"{of.rows:,} rows, {statement[:60]}")
        admin.execute(statement.encode())
    admin.execute("SET session_replication_role = DEFAULT")
    if layout == "by month":
        admin.execute(
            f"INSERT INTO features.known_series SELECT {_SERIES}, max(published_at)"
            f" FROM features.{_TABLE} GROUP BY {_SERIES}".encode()
        )
    step.detail("vacuum")
    # As the server does by itself: only what has rows.
    for leaf in _leaves(admin):
        if admin.execute(f"SELECT 1 FROM {leaf} LIMIT 1".encode()).fetchone():
            admin.execute(f"VACUUM (ANALYZE) {leaf}".encode())


def _leaves(admin: Connection) -> list[str]:
    """The tables that the rows are in."""
    found = admin.execute(
        "SELECT relid::regclass::text FROM pg_partition_tree('features.commodity_prices_daily') WHERE isleaf"
    )
    return [leaf for (leaf,) in found] or [f"features.{_TABLE}"]


def _without_indexes(admin: Connection) -> Sequence[str]:
    """Drop the table's indexes; returns the statements that make them."""
    keys = admin.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'features.commodity_prices_daily'::regclass AND contype = 'p'"
    ).fetchall()
    indexes = admin.execute(
        "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = 'features.commodity_prices_daily'::regclass AND NOT i.indisprimary"
    ).fetchall()
    for name, _ in keys:
        admin.execute(f"ALTER TABLE features.{_TABLE} DROP CONSTRAINT {name}".encode())
    for name, _ in indexes:
        admin.execute(f"DROP INDEX features.{name}".encode())
    return [
        *(f"ALTER TABLE features.{_TABLE} ADD CONSTRAINT {name} {text}" for name, text in keys),
        *(text.replace(" ON ONLY ", " ON ") for _, text in indexes),
    ]
