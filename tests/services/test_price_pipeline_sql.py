"""The SQL source against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.services.clients import MigratedDatabase
from tests.services.servers import free_ports
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import SqlSource as Config
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import Refused, Unobserved
from workloads.price_pipeline.sources import SourceError
from workloads.price_pipeline.sources.sql import SqlSource

pytestmark = pytest.mark.thorough


@pytest.fixture
def quotes(database: MigratedDatabase) -> Iterator[MigratedDatabase]:
    with database.admin() as connection:
        connection.execute("CREATE TABLE quotes (id text, day date, close numeric, note text)")
        connection.execute(
            "INSERT INTO quotes VALUES"
            " ('WTI', '2026-01-03', 61.5, '100%'), ('WTI', '2026-01-01', 60, '100%'),"
            " ('WTI', '2026-01-02', NULL, '100%'), ('BRENT', '2026-01-02', 'NaN', '100%'),"
            " ('BRENT', NULL, 70, '100%'), ('COAL', '2026-01-02', 90, 'other')"
        )
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'p''w'")
        connection.execute("GRANT SELECT ON quotes TO reader")
    (database.secrets_dir / "reader").write_text("p'w\n")
    try:
        yield database
    finally:
        with database.admin() as connection:
            connection.execute("DROP OWNED BY reader; DROP ROLE reader")


def source(quotes: MigratedDatabase, **changed: Any) -> SqlSource:
    values: dict[str, Any] = {
        "kind": "sql",
        "name": "quotes",
        "market": "crude",
        "host": "127.0.0.1",
        "port": quotes.server.port,
        "database": quotes.name,
        "user": "reader",
        "password_file": quotes.secrets_dir / "reader",
        "query": "SELECT id, day, close FROM public.quotes WHERE note LIKE '%00%';",
        "columns": {"event_time": "day", "symbol": "id", "price": "close"},
        "fetch_rows": 2,
    }
    return SqlSource(Config.model_validate(values | changed))


def test_rows_come_in_order_of_their_times_with_their_columns_as_bytes(quotes: MigratedDatabase) -> None:
    rows = list(source(quotes).rows(None, None))

    no_time, wti, nan, unobserved, last = map(check, rows)
    assert isinstance(no_time, Refused)
    assert no_time.error == "event_time"
    assert no_time.raw == b'{"close": "70", "day": null, "id": "BRENT"}'
    assert isinstance(wti, Price)
    assert (wti.symbol, wti.delivery_start, wti.price) == ("WTI", datetime(2026, 1, 1, tzinfo=UTC), 60.0)
    assert isinstance(nan, Refused)
    assert isinstance(unobserved, Unobserved)
    assert isinstance(last, Price)
    assert last.price == 61.5


def test_the_server_narrows_to_the_range_and_keeps_rows_without_a_time(quotes: MigratedDatabase) -> None:
    since, until = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, 23, tzinfo=UTC)

    rows = list(source(quotes).rows(since, until))

    assert [(row.symbol, str(row.event_time)) for row in rows] == [
        ("BRENT", "None"),
        ("BRENT", "2026-01-02"),
        ("WTI", "2026-01-02"),
    ]


@pytest.mark.parametrize(
    "end", [" -- all of them", "; -- done", ";;\n", " /* of /* them */ all; */ ;", ' -- it\'s\n-- "all"']
)
def test_a_query_may_end_in_comments_and_semicolons(quotes: MigratedDatabase, end: str) -> None:
    query = "SELECT id, day, close FROM public.quotes WHERE note <> '; -- /* other' AND id = 'WTI'" + end

    rows = list(source(quotes, query=query).rows(datetime(2026, 1, 2, tzinfo=UTC), None))

    assert [str(row.event_time) for row in rows] == ["2026-01-02", "2026-01-03"]


def test_the_database_s_own_names_of_symbols_are_mapped(quotes: MigratedDatabase) -> None:
    rows = source(quotes, symbols={"WTI": "CRUDE"}).rows(None, None)

    assert {row.symbol for row in rows} == {"CRUDE", "BRENT"}


def test_a_time_that_only_the_server_knows_spoils_its_row_alone(quotes: MigratedDatabase) -> None:
    """Tables that keep each version of a row say `infinity` of the last one's end, in a column beside."""
    with quotes.admin() as connection:
        connection.execute(
            "CREATE TABLE versions (day timestamp, close numeric, known timestamptz, until timestamptz);"
            " INSERT INTO versions VALUES ('2026-01-01', 60, '2026-01-02T00:00Z', 'infinity'),"
            " ('2026-01-02', 61, 'infinity', 'infinity'), ('infinity', 62, '2026-01-03', 'infinity'),"
            " ('0044-03-15 BC', 63, '2026-01-03', '-infinity'),"
            " ('2026-01-03', 64, '2026-01-04T00:00+02', '10000-01-01');"
            " GRANT SELECT ON versions TO reader"
        )
    columns = {"event_time": "day", "published_at": "known", "prices": {"close": "WTI"}}
    rows = list(source(quotes, query="SELECT * FROM public.versions", columns=columns).rows(None, None))
    found = [check(row) for row in rows]

    prices = [one for one in found if isinstance(one, Price)]
    assert [(one.price, one.published_at.isoformat()) for one in prices] == [
        (60.0, "2026-01-02T00:00:00+00:00"),
        (64.0, "2026-01-03T22:00:00+00:00"),
    ]
    assert [(one.error, one.reason) for one in found if isinstance(one, Refused)] == [
        ("event_time", "'0044-03-15 00:00:00 BC' is not an ISO 8601 date or time"),
        ("published_at", "'infinity' is not an ISO 8601 date or time"),
        ("event_time", "'infinity' is not an ISO 8601 date or time"),
    ]


def test_the_query_cannot_write(quotes: MigratedDatabase) -> None:
    query = "SELECT 'WTI' AS id, now()::date AS day, nextval('features.job_runs_id_seq') AS close"

    with pytest.raises(SourceError, match=r"read-only|permission denied"):
        list(source(quotes, query=query).rows(None, None))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"query": "SELECT id, day FROM public.quotes"}, r"close"),
        ({"query": "SELEC"}, r"syntax error"),
        (
            {"query": "SELECT pg_sleep(9), 'a' AS id, now() AS day, 1 AS close", "timeout_seconds": 0.2},
            r"timeout",
        ),
        ({"password_file": "/nowhere"}, r"password_file /nowhere: No such file"),
        ({"user": "nobody"}, r"nobody@127\.0\.0\.1"),
        ({"port": free_ports(1)[0]}, r"refused"),
    ],
)
def test_what_is_wrong_is_named_and_the_password_is_not(
    quotes: MigratedDatabase, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceError, match=words) as raised:
        list(source(quotes, **changed).rows(None, None))
    assert "p'w" not in str(raised.value)
