"""Downloads over HTTP from one worker of data-api, beside psql's COPY of the same rows.

ROWS says how many (default 1,000,000). All read the same table in the order of its key; ours also looks for
the revision that held, under row security. Each is taken by a client that throws it away, but for the file of
a job, which its worker leaves in the object store.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.chain import http_server
from tests.bench.download_jobs import Got, forget_peak, made_by_job, peak
from tests.bench.measure import Failure, in_turn, sample
from tests.bench.report import Aim, Figure, Other, at_least, at_most
from tests.bench.rig import Rig
from tests.services.access import add_key, entitle
from tests.services.clients import MigratedDatabase
from tests.services.servers import free_ports
from tools import debian
from tools.console import Step
from workloads.data_api.prices import Price
from workloads.kit.contracts.declared.data_api import DATA_API

_SERIES: Final = 12
_LARGE: Final = 10_000_000
_SECONDS: Final = 20.0
"""In which so many rows are to be there."""
_MEMORY: Final = 300.0
_PEER: Final = "psql COPY, CSV"
_PART: Final = 1 << 20
_NAMES: Final = {"job": "parquet as a job", "parquet": "parquet", "csv": "csv"}


def run(rig: Rig, step: Step) -> list[Figure]:
    rows = int(os.environ.get("ROWS", "") or rig.sized(1_000_000, 6_000))
    database = rig.database.clone()
    try:
        step.detail(f"{rows:,} rows")
        _fill(database, rows)
        entitle(database, bench={})
        with made_by_job(rig, database) as places, _server(rig, database, places.env) as (url, pid):
            key = add_key(database, "bench")
            contenders: dict[str, Callable[[], Got]] = {
                "job": lambda: places.made(url, key, rows),
                "parquet": lambda: _ours(url, key, pid, "parquet", rows),
                "csv": lambda: _ours(url, key, pid, "csv", rows),
                "psql": lambda: _psql(database, rows),
            }
            found = in_turn(contenders, rig.repetitions, step, warm_ups=0)
    finally:
        database.drop()
    peer = Other(_PEER, "peer", sample(found["psql"], lambda one: rows / one.seconds))
    figures: list[Figure] = []
    for form in ("job", "parquet", "csv"):
        got = found[form]
        speed, memory = sample(got, lambda one: rows / one.seconds), sample(got, lambda one: one.memory)
        speeds: list[Aim] = [] if form == "csv" else [at_least(speed, _LARGE / _SECONDS)]
        size = "" if isinstance(got, Failure) else f"{got[-1].megabytes:.1f} MB"
        figures += [
            Figure(
                name=f"{_NAMES[form]} of {rows:,} prices",
                unit="rows/s",
                ours=speed,
                others=[peer],
                aims=speeds,
                note=size,
            ),
            Figure(
                name=f"{_NAMES[form]}, seconds",
                unit="s",
                ours=sample(got, lambda one: one.seconds),
                others=[Other(_PEER, "peer", sample(found["psql"], lambda one: one.seconds))],
                aims=[],
            ),
            Figure(
                name=f"{_NAMES[form]}, most memory of the worker",
                unit="MiB",
                ours=memory,
                others=[],
                aims=[at_most(memory, _MEMORY)],
            ),
        ]
    return figures


def _fill(database: MigratedDatabase, rows: int) -> None:
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, delivery_start, resolution,"
            " published_at, delivery_end, product, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset) SELECT 'bench', 'S' || mod(n, %(series)s), at, 'PT15M',"
            " at - interval '1 day', at + interval '15 minutes', 'day-ahead', 'power',"
            " round((80 + 40 * sin(n / 96.0) + mod(n, 7))::numeric, 2), 'EUR', 'MWh', 'synthetic',"
            " false, 0, n"
            " FROM (SELECT n, timestamptz '2000-01-01Z' + n / %(series)s * interval '15 minutes' AS at"
            " FROM generate_series(0, %(rows)s - 1) AS n) AS made",
            {"series": _SERIES, "rows": rows},
        )
        connection.execute("VACUUM ANALYZE features.commodity_prices_daily")


@contextmanager
def _server(rig: Rig, database: MigratedDatabase, more: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Address of data-api, and the id of its one worker."""
    directory = rig.new_directory("downloads")
    (port,) = free_ports(1)
    given = {
        **database.env(DATA_API.role or ""),
        **more,
        "PORT": str(port),
        "WORKERS": "1",
        "METRICS_DIR": str(directory / "metrics"),
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "workloads.data_api"]
    with http_server(command, directory / "data-api.log", given, port, "/readyz") as url:
        yield url, _worker(port)


def _worker(port: int) -> int:
    """Of the processes that were started with this port the one that another of them started."""
    with_port = [
        int(one.name)
        for one in Path("/proc").iterdir()
        if one.name.isdigit() and f"\0PORT={port}\0".encode() in _text(one / "environ")
    ]
    (worker,) = [one for one in with_port if _parent(one) in with_port]
    return worker


def _text(file: Path) -> bytes:
    try:
        return b"\0" + file.read_bytes()
    except OSError:
        return b""


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _ours(url: str, key: str, pid: int, form: str, rows: int) -> Got:
    forget_peak(pid)
    request = urllib.request.Request(
        f"{url}/v1/downloads?format={form}", headers={"Authorization": f"Bearer {key}"}
    )
    started, size, lines, end = time.perf_counter(), 0, 0, b""
    with urllib.request.urlopen(request, timeout=600) as answer:
        while part := answer.read(_PART):
            size += len(part)
            lines += part.count(b"\n") if form == "csv" else 0
            end = part[-4:]
    seconds = time.perf_counter() - started
    if not (lines == rows + 1 if form == "csv" else end == b"PAR1"):
        raise RuntimeError(f"the {form} file is not whole: {size} bytes, {lines} lines")
    return Got(seconds, size / 1e6, peak(pid))


def _psql(database: MigratedDatabase, rows: int) -> Got:
    columns = ", ".join(Price.model_fields)
    statement = (
        f"COPY (SELECT {columns} FROM features.commodity_prices_daily"
        " ORDER BY source, symbol, delivery_start, resolution, published_at) TO STDOUT csv"
    )
    server = database.server
    command = [
        *(str(debian.path("psql")), "-qAtX", "-h", "127.0.0.1", "-p", str(server.port)),
        *("-U", "postgres", "-d", database.name, "-v", "ON_ERROR_STOP=1", "-c", statement),
    ]
    given = {
        **os.environ,
        "PGPASSWORD": server.password_file.read_text().strip(),
        "PGOPTIONS": "-c random_page_cost=1.1 -c TimeZone=UTC",  # as ours: out of the index, unsorted
    }
    started, size, lines = time.perf_counter(), 0, 0
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while part := process.stdout.read(_PART):
            size += len(part)
            lines += part.count(b"\n")
    if process.returncode or lines != rows:
        raise RuntimeError(f"psql ended with {process.returncode} after {lines} lines")
    return Got(time.perf_counter() - started, size / 1e6)
