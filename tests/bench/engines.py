"""The queries of a dashboard over one Iceberg table, by engine: Trino, and two within a process."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.bench.measure import Failure, Measured, sample
from tests.bench.report import Figure, Other, at_most
from tests.bench.rig import Rig
from tests.services.clients import MigratedDatabase
from tests.trino import Client
from tools import environments, paths
from tools.console import Step
from tools.embedded.object_store import ObjectStore
from tools.embedded.trino import Trino
from workloads.kit.contracts import lake, tables
from workloads.kit.contracts.declared.services import TRINO

_REQUIREMENTS: Final = paths.ROOT / "tests" / "requirements-engines.txt"
_AIM_SECONDS: Final = 2.0
_SYMBOLS: Final = 40
_FIRST: Final = 1_250_000

_MAKE: Final = f"""
CREATE TABLE lake.analytics.ticks AS
SELECT 'S' || CAST(n % {_SYMBOLS} AS varchar) AS symbol,
    element_at(ARRAY['DE-LU', 'FR', 'NL', 'NO2'], CAST(1 + n % 4 AS integer)) AS market,
    date_add('second', n * 3, TIMESTAMP '2024-01-01 00:00:00.000000') AS moment,
    (n * 7919 % 20000) / 100.0e0 - 50 AS price, 1 + n % 50 / 4.0e0 AS quantity
FROM (
    SELECT a * 1250 + b AS n
    FROM UNNEST(sequence(0, 999)) AS many (a) CROSS JOIN UNNEST(sequence(0, 1249)) AS some (b)
)
"""
_MORE: Final = """
INSERT INTO lake.analytics.ticks
SELECT symbol, market, date_add('second', {shift}, moment), price + {step}, quantity FROM lake.analytics.ticks
"""

QUERIES: Final[Mapping[str, str]] = {
    "rows": "SELECT count(*) FROM {ticks}",
    "last day": "SELECT count(*), avg(price) FROM {ticks} WHERE moment >= TIMESTAMP '2024-12-01 00:00:00'",
    "by symbol": "SELECT symbol, count(*), min(price), max(price), avg(price) FROM {ticks} GROUP BY symbol",
    "weighted by symbol": "SELECT symbol, sum(price * quantity) / sum(quantity) FROM {ticks} GROUP BY symbol",
    "by day": "SELECT date_trunc('day', moment) AS d, sum(quantity) FROM {ticks}"
    " GROUP BY date_trunc('day', moment)",
    "by day and symbol": "SELECT date_trunc('day', moment) AS d, symbol, stddev_samp(price) FROM {ticks}"
    " GROUP BY date_trunc('day', moment), symbol",
    "by month and market": "SELECT date_trunc('month', moment) AS m, market, sum(price * quantity)"
    " FROM {ticks}"
    " GROUP BY date_trunc('month', moment), market",
    "negative prices": "SELECT market, count(*) FROM {ticks} WHERE price < 0 GROUP BY market",
    "one symbol": "SELECT date_trunc('hour', moment) AS h, avg(price) FROM {ticks} WHERE symbol = 'S7'"
    " GROUP BY date_trunc('hour', moment)",
    "largest": "SELECT symbol, moment, price FROM {ticks} ORDER BY price DESC, moment LIMIT 100",
}
"""What charts ask, in SQL that all of them take."""

_WITHIN: Final = """
import json, sys, time
at = json.load(sys.stdin)
files, found = at["files"], {}
if at["engine"] == "duckdb":
    import duckdb
    connection = duckdb.connect()
    listed = "[" + ", ".join(f"'{one}'" for one in files) + "]"
    ticks, ask = f"read_parquet({listed})", lambda text: connection.execute(text).fetchall()
else:
    from chdb.session import Session
    session = Session()
    ticks = "file('" + at["pattern"] + "', Parquet)"
    ask = lambda text: str(session.query(text, "CSV")).splitlines()
for name, text in at["queries"].items():
    times = []
    for _ in range(3):
        started = time.perf_counter()
        rows = ask(text.replace("{ticks}", ticks))
        times.append(time.perf_counter() - started)
    found[name] = [len(rows), *times]
print(json.dumps(found))
"""


def run(rig: Rig, step: Step) -> list[Figure]:
    doublings = rig.sized(3, 0)
    rows = _FIRST * 2**doublings
    store = ObjectStore(rig.new_directory("objects"))
    layers = MigratedDatabase(
        rig.database.server, rig.database.secrets_dir, tables.WAREHOUSE_DATABASE
    ).clone()
    try:
        password = (layers.secrets_dir / (TRINO.role or "")).read_text()
        at = f"127.0.0.1:{layers.server.port}/{layers.name}"
        server = Trino(rig.new_directory("trino"), at, password, store)
        try:
            return _measured(Client(server.url, source=lake.LARGE), store, rows, doublings, step)
        finally:
            server.stop()
    finally:
        store.stop()
        layers.drop()


def _measured(client: Client, store: ObjectStore, rows: int, doublings: int, step: Step) -> list[Figure]:
    step.detail(f"a table of {rows:,} rows")
    client.query("CREATE SCHEMA IF NOT EXISTS lake.analytics")
    client.query(_MAKE)
    for n in range(doublings):
        client.query(_MORE.format(shift=3 * _FIRST * 2**n, step=n + 1))
    files = sorted((store.directory / lake.BUCKET).glob("analytics/ticks*/data/**/*.parquet"))
    found: dict[str, dict[str, Measured]] = {"trino": {}}
    counts: dict[str, int] = {}
    for name, text in QUERIES.items():
        step.detail(f"trino, {name}")
        times: list[float] = []
        for _ in range(3):
            started = time.perf_counter()
            counts[name] = len(client.query(text.replace("{ticks}", "lake.analytics.ticks")))
            times.append(time.perf_counter() - started)
        found["trino"][name] = sample(times, float)
    for engine in ("duckdb", "chdb"):
        step.detail(engine)
        found[engine] = _within(engine, files, counts)
    return [
        Figure(
            name=f"{name}, {rows:,} rows",
            unit="s",
            ours=found["trino"][name],
            others=[Other(engine, "peer", found[engine][name]) for engine in ("duckdb", "chdb")],
            aims=[at_most(one, _AIM_SECONDS)] if not isinstance(one := found["trino"][name], Failure) else [],
        )
        for name in QUERIES
    ]


def _within(engine: str, files: list[Path], counts: Mapping[str, int]) -> dict[str, Measured]:
    """Raises AssertionError where an engine gives another number of rows than Trino."""
    given = {
        "engine": engine,
        "files": [str(file) for file in files],
        "pattern": f"{files[0].parent}/*.parquet",
        "queries": QUERIES,
    }
    done = subprocess.run(
        [environments.made("engines", _REQUIREMENTS.read_bytes()), "-c", _WITHIN],
        input=json.dumps(given),
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return dict.fromkeys(QUERIES, Failure(done.stderr[-300:]))
    told: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    differing = {name: (counts[name], count) for name, (count, *_) in told.items() if count != counts[name]}
    assert not differing, f"{engine} gives other rows than Trino: {differing}"
    return {name: sample(times, float) for name, (_, *times) in told.items()}
