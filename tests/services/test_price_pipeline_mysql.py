"""The MySQL source against a real MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql
import pytest

from tests.services.servers import free_ports
from tools.embedded.mariadb import MariaDb
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.kinds import MySqlSource as Config
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import Refused, Unobserved
from workloads.price_pipeline.sources import SourceError
from workloads.price_pipeline.sources.mysql import MySqlSource

pytestmark = pytest.mark.thorough

SCHEMA = (
    "CREATE TABLE quotes (id varchar(10), day date, close decimal(12, 4), note varchar(20))",
    "INSERT INTO quotes VALUES"
    " ('WTI', '2026-01-03', 61.5, '100%'), ('WTI', '2026-01-01', 60, '100%'),"
    " ('WTI', '2026-01-02', NULL, '100%'), ('BRENT', NULL, 70, '100%'), ('COAL', '2026-01-02', 90, 'other')",
    # 02:30 of the night in which Berlin's clock goes back: the second one, and what the clock shows.
    "CREATE TABLE ticks (at timestamp NULL, local datetime, price double)",
    "INSERT INTO ticks VALUES ('2026-10-25 01:30:00', '2026-07-01 12:00:00', -4.2)",
)


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    directory = tmp_path_factory.mktemp("mariadb")
    for one in (directory, *directory.parents):
        if one.is_relative_to("/tmp") and one != Path("/tmp"):
            one.chmod(0o755)
    server = MariaDb(directory, "market", schema=("SET time_zone = '+00:00'", *SCHEMA))
    try:
        yield server
    finally:
        server.stop()


def source(server: MariaDb, **changed: Any) -> MySqlSource:
    values: dict[str, Any] = {
        "kind": "mysql",
        "name": "quotes",
        "market": "crude",
        "host": "127.0.0.1",
        "port": server.port,
        "database": server.database,
        "user": "reader",
        "password_file": server.password_file,
        "query": "SELECT id, day, close FROM quotes WHERE note LIKE '%00%';",
        "columns": {"event_time": "day", "symbol": "id", "price": "close"},
        "fetch_rows": 2,
    }
    return MySqlSource(Config.model_validate(values | changed))


def test_rows_come_in_order_of_their_times_with_their_columns_as_bytes(mariadb: MariaDb) -> None:
    no_time, wti, unobserved, last = map(check, source(mariadb).rows(None, None))

    assert isinstance(no_time, Refused)
    assert no_time.error == "event_time"
    assert no_time.raw == b'{"close": "70.0000", "day": null, "id": "BRENT"}'
    assert isinstance(wti, Price)
    assert (wti.symbol, wti.delivery_start, wti.price) == ("WTI", datetime(2026, 1, 1, tzinfo=UTC), 60.0)
    assert isinstance(unobserved, Unobserved)
    assert isinstance(last, Price)
    assert last.price == 61.5


def test_the_server_narrows_to_the_range_and_keeps_rows_without_a_time(mariadb: MariaDb) -> None:
    since, until = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, 23, tzinfo=UTC)

    rows = list(source(mariadb).rows(since, until))

    assert [(row.symbol, str(row.event_time)) for row in rows] == [("BRENT", "None"), ("WTI", "2026-01-02")]


@pytest.mark.parametrize(
    ("column", "start"),
    [("at", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)), ("local", datetime(2026, 7, 1, 10, tzinfo=UTC))],
)
def test_a_timestamp_is_an_instant_and_a_datetime_a_time_of_the_market(
    mariadb: MariaDb, column: str, start: datetime
) -> None:
    own = source(
        mariadb,
        query=f"SELECT {column}, price FROM ticks",
        columns={"event_time": column, "prices": {"price": "DE"}},
        resolution="PT0S",
        time_zone="Europe/Berlin",
    )

    (price,) = map(check, own.rows(datetime(2026, 6, 30, tzinfo=UTC), None))

    assert isinstance(price, Price)
    assert (price.delivery_start, price.price) == (start, -4.2)


@pytest.mark.parametrize("end", [" -- all of them", "; # done", ";;\n", " /* of /* them */ ;", " # \"it's\n"])
def test_a_query_may_end_in_comments_and_semicolons(mariadb: MariaDb, end: str) -> None:
    query = r"SELECT id, `day`, close FROM quotes WHERE note <> '\'; # /* other' AND id = " + '"WTI"' + end

    rows = list(source(mariadb, query=query).rows(datetime(2026, 1, 2, tzinfo=UTC), None))

    assert [str(row.event_time) for row in rows] == ["2026-01-02", "2026-01-03"]


def test_the_query_cannot_write(mariadb: MariaDb) -> None:
    with pymysql.connect(
        host="127.0.0.1", port=mariadb.port, user="root", password=mariadb.admin_password, database="market"
    ) as connection:
        connection.cursor().execute("CREATE OR REPLACE TABLE seen (id int)")
        connection.cursor().execute(
            "CREATE OR REPLACE FUNCTION noted() RETURNS int DETERMINISTIC"
            " BEGIN INSERT INTO seen VALUES (1); RETURN 1; END"
        )
        connection.cursor().execute("GRANT EXECUTE ON market.* TO reader@'127.0.0.1'")
        connection.cursor().execute("GRANT INSERT ON market.seen TO reader@'127.0.0.1'")
    query = "SELECT 'WTI' AS id, CURRENT_DATE AS day, noted() AS close"

    with pytest.raises(SourceError, match="READ ONLY transaction"):
        list(source(mariadb, query=query).rows(None, None))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"query": "SELECT id, day FROM quotes"}, "close"),
        ({"query": "SELECT id, CAST(day AS char) AS day, close FROM quotes"}, "CAST it AS DATE or DATETIME"),
        ({"query": "SELEC"}, "error in your SQL syntax"),
        ({"query": "SELECT SLEEP(9) AS close, 'a' AS id, NOW() AS day", "timeout_seconds": 0.2}, "timed out"),
        ({"password_file": "/nowhere"}, "password_file /nowhere: No such file"),
        ({"user": "nobody"}, r"nobody@127\.0\.0\.1"),
        ({"port": free_ports(1)[0]}, "refused"),
        ({"ca_file": "/etc/hostname"}, r"reader@127\.0\.0\.1.*(ssl|SSL|certificate)"),
    ],
)
def test_what_is_wrong_is_named_and_the_password_is_not(
    mariadb: MariaDb, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceError, match=words) as raised:
        list(source(mariadb, **changed).rows(None, None))
    assert mariadb.password_file.read_text() not in str(raised.value)
