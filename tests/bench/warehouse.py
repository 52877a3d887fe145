"""A legacy table through all layers of the warehouse, and a run that finds nothing new."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Final

from tests.bench.measure import Failure, Sample, sample
from tests.bench.report import Figure, Other, at_most
from tests.bench.rig import Rig, new_topic
from tests.services.clients import MigratedDatabase
from tests.services.legacy import Warehouse, execute
from tools import environments
from tools.console import Step
from tools.embedded.mariadb import MariaDb
from workloads.kit.contracts import tables

_AIM_SECONDS: Final = 60.0
_AIM_NOTHING_SECONDS: Final = 10.0

_TRADES: Final = """CREATE TABLE trades (
    trade_id bigint NOT NULL PRIMARY KEY, counterparty_id varchar(20), side varchar(4), market varchar(10),
    product varchar(20), delivery_start datetime, delivery_end datetime, quantity_mwh decimal(12, 3),
    price decimal(12, 4), currency char(3), status varchar(10), traded_at datetime,
    modified_at datetime(6))"""
_FILL: Final = """INSERT INTO trades
SELECT seq, CONCAT('c', seq % 400), IF(seq % 3, 'buy', 'sell'), ELT(1 + seq % 4, 'DE-LU', 'FR', 'NL', 'NO2'),
    'day-ahead', '2026-01-01' + INTERVAL seq % 8760 HOUR, '2026-01-01' + INTERVAL seq % 8760 + 1 HOUR,
    1 + seq % 50 / 4, (seq * 7919 % 20000) / 100 - 50, 'EUR', IF(seq % 97, 'open', 'cancelled'),
    '2025-12-01' + INTERVAL seq MOD 2000000 SECOND, '2026-01-01' + INTERVAL seq SECOND
FROM seq_1_to_{count}"""

_COPIED: Final = """
import json, sys, time, psycopg, pymysql
from pymysql.cursors import SSCursor
at = json.load(sys.stdin)
source = pymysql.connect(host="127.0.0.1", port=at["port"], user="reader", password=at["password"],
    database=at["database"], charset="utf8mb4")
target = psycopg.connect(at["target"])
started = time.perf_counter()
with source.cursor(SSCursor) as rows, target.cursor() as cursor:
    rows.execute("SELECT * FROM trades")
    names = ", ".join(f"c{n} text" for n in range(len(rows.description)))
    cursor.execute(f"CREATE TEMP TABLE copied ({names})")
    with cursor.copy("COPY copied FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
print(time.perf_counter() - started)
"""


def run(rig: Rig, step: Step) -> list[Figure]:
    count = rig.sized(1_000_000, 5_000)
    step.detail(f"a table of {count:,} trades")
    server = MariaDb(rig.new_directory("mariadb"), "etrm")
    try:
        execute(server, _TRADES, _FILL.format(count=count))
        layers = MigratedDatabase(
            rig.database.server, rig.database.secrets_dir, tables.WAREHOUSE_DATABASE
        ).clone()
        try:
            warehouse = Warehouse(
                rig.database,
                layers,
                rig.kafka.bootstrap,
                new_topic(rig.kafka, "warehouse"),
                rig.new_directory("warehouse"),
            )
            warehouse.sources = [_source(server)]
            step.detail("all of it, through every layer")
            started = time.perf_counter()
            whole = warehouse.run("2026-11-01T06:00Z")
            seconds = time.perf_counter() - started
            step.detail("again, with nothing new")
            started = time.perf_counter()
            nothing = warehouse.run("2026-11-01T12:00Z")
            idle = time.perf_counter() - started
            ((kept,),) = warehouse.query("SELECT count(*) FROM cleaned.trades")
            if (whole["rows"], nothing["rows"], kept) != (count, 0, count):
                raise AssertionError(f"{whole['rows']} staged, {kept} cleaned of {count}")
            copied = _copied(server, layers)
        finally:
            layers.drop()
    finally:
        server.stop()
    found, again = sample([seconds], float), sample([idle], float)
    limit = Other("read and COPY into one bare table", "limit", copied)
    parts = ", ".join(f"{name} {took:.1f} s" for name, took in whole["seconds"].items())
    return [
        Figure(
            name=f"legacy table to marts, {count:,} rows",
            unit="s",
            ours=found,
            others=[limit],
            aims=[at_most(found, _AIM_SECONDS)],
            note=parts,
        ),
        Figure(
            name="a run with nothing new",
            unit="s",
            ours=again,
            others=[],
            aims=[at_most(again, _AIM_NOTHING_SECONDS)],
        ),
    ]


def _source(server: MariaDb) -> dict[str, object]:
    return {
        "name": "etrm", "kind": "mysql", "host": "127.0.0.1", "port": server.port,
        "database": server.database, "user": "reader",
        "password_file": str(server.password_file),
        "tables": {"trades": {"key": ["trade_id"], "watermark": "modified_at"}},
    }  # fmt: skip


def _copied(server: MariaDb, layers: MigratedDatabase) -> Sample | Failure:
    given = {
        "port": server.port,
        "password": server.password_file.read_text(),
        "database": server.database,
        "target": f"host=127.0.0.1 port={layers.server.port} dbname={layers.name} user=postgres "
        f"password={layers.server.password_file.read_text()}",
    }
    done = subprocess.run(
        [environments.warehouse(), "-c", _COPIED],
        input=json.dumps(given),
        text=True,
        capture_output=True,
        check=False,
    )
    return sample([float(done.stdout)], float) if done.returncode == 0 else Failure(done.stderr[-300:])
