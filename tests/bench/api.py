"""data-api under people and programs: how long 100 users wait who ask for a mix, and how much it answers.

Beside it a bare route of Flask and psycopg over the same tables with as many workers, threads and
connections, which lacks tenants, revisions, pages and all else. `cached` is what a worker has in memory,
`uncached` what it asks the database for, under row security.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from tests.bench.chain import http_server
from tests.bench.http_load import Load, load, request
from tests.bench.measure import Failure, Measured, in_turn, sample
from tests.bench.report import Aim, Figure, Other, at_least, at_most, times_at_least
from tests.bench.rig import Rig
from tests.bench.users import met
from tests.services.access import add_key, entitle
from tests.services.clients import MigratedDatabase
from tests.services.servers import free_ports
from tools.console import Step
from workloads.kit.contracts.declared.data_api import DATA_API

_SERIES: Final = 200
_USERS: Final = 100
_PAUSE: Final = 1.0
"""Seconds that a user reads before the next question, in the mean."""
_MOST: Final = {"cached": 60, "uncached": 150}
"""Milliseconds in which 95 of 100 are to be answered."""
_WORKERS: Final = 2
_THREADS: Final = 24
_PEER: Final = "Flask, psycopg"
_START: Final = "2026-03-01T00:00:00Z"
_PROGRAMS: Final = 16
"""Programs that ask without a pause, for what is answered at most."""


def run(rig: Rig, step: Step) -> list[Figure]:
    database = rig.database.clone()
    try:
        step.detail("prices")
        fill(database, rig.sized(5_000, 50))
        entitle(database, bench={"requests_per_minute": 100_000_000})
        key = add_key(database, "bench")
        with _servers(rig, database) as (ours, peer):
            for url, asked in ((ours, _ours(ours, key)), (peer, _bare(peer))):
                for what in asked.values():  # as after a while
                    load(url, what, connections=4, count=200)
            figures = _people(rig, ours, peer, key, step)
            return [*figures, *_most(rig, ours, peer, key, step)]
    finally:
        database.drop()


def fill(database: MigratedDatabase, hours: int) -> None:
    """Hourly prices of 200 series, the last hours of them in March 2026."""
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, delivery_start, resolution,"
            " published_at, delivery_end, product, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset) SELECT 'bench', 'S' || series, at, 'PT1H',"
            " at - interval '1 day', at + interval '1 hour', 'day-ahead', 'power',"
            " round((80 + 40 * sin(n / 24.0))::numeric, 2),"
            " 'EUR', 'MWh', 'synthetic', false, 0, n"
            " FROM (SELECT series, n, timestamptz '2026-04-01Z' - n * interval '1 hour' AS at"
            " FROM generate_series(0, %s - 1) AS series, generate_series(1, %s) AS n) AS made",
            (_SERIES, hours),
        )
        connection.execute("VACUUM ANALYZE features.commodity_prices_daily")


def _people(rig: Rig, ours: str, peer: str, key: str, step: Step) -> list[Figure]:
    seconds = rig.sized(30, 4)

    def asking(url: str, requests: Mapping[str, Sequence[bytes]]) -> dict[str, Load]:
        return met(url, requests, users=_USERS, seconds=seconds, pause=_PAUSE)

    found = in_turn(
        {"ours": lambda: asking(ours, _ours(ours, key)), "peer": lambda: asking(peer, _bare(peer))},
        rig.sized(3, 1),
        step,
    )
    figures: list[Figure] = []
    for kind, most in _MOST.items():
        for name in ("p50", "p95"):
            mine = sample(found["ours"], lambda one, n=name, k=kind: getattr(one[k], n))
            others = sample(found["peer"], lambda one, n=name, k=kind: getattr(one[k], n))
            figures.append(
                Figure(
                    name=f"{_USERS} users, {kind} reads, {name}",
                    unit="ms",
                    ours=mine,
                    others=[Other(_PEER, "peer", others)],
                    aims=[at_most(mine, most)] if name == "p95" else [],
                    note=_note(kind, found["ours"]),
                )
            )
    answered = sample(found["ours"], lambda one: 100 * (1 - one["all"].refused))
    figures.append(
        Figure(
            name=f"{_USERS} users, answered",
            unit="%",
            ours=answered,
            others=[Other(_PEER, "peer", sample(found["peer"], lambda one: 100 * (1 - one["all"].refused)))],
            aims=[at_least(answered, 100)],
        )
    )
    return figures


def _note(kind: str, found: list[dict[str, Load]] | Failure) -> str:
    if kind != "cached" or isinstance(found, Failure):
        return ""
    rate = sum(one["all"].rate for one in found) / len(found)
    return f"each asks again after {_PAUSE:g} s in the mean: {rate:.0f} requests/s"


def _most(rig: Rig, ours: str, peer: str, key: str, step: Step) -> list[Figure]:
    count = rig.sized(3_000, 200)
    figures: list[Figure] = []
    for kind, mine, others in (
        ("catalogue", _ours(ours, key)["cached"][:1], _bare(peer)["cached"]),
        ("prices", _ours(ours, key)["uncached"][: _SERIES // 2], _bare(peer)["uncached"]),
    ):
        found = in_turn(
            {
                "ours": lambda m=mine: load(ours, m, connections=_PROGRAMS, count=count),
                "peer": lambda o=others: load(peer, o, connections=_PROGRAMS, count=count),
            },
            rig.repetitions,
            step,
        )
        rate: Measured = sample(found["ours"], lambda one: one.rate)
        beside = Other(_PEER, "peer", sample(found["peer"], lambda one: one.rate))
        aims: list[Aim] = [times_at_least(rate, beside, 2)] if kind == "catalogue" else []
        figures.append(
            Figure(
                name=f"reads of {kind} at most",
                unit="requests/s",
                ours=rate,
                others=[beside],
                aims=aims,
                note=f"{_PROGRAMS} programs without a pause, 100 rows each",
            )
        )
    return figures


def _ours(url: str, key: str) -> dict[str, list[bytes]]:
    """What is asked of ours, the first of each kind as the peer is asked it."""

    def asked(path: str) -> bytes:
        return request(f"{url}{path}", key=key)

    symbols = [f"S{number}" for number in range(0, _SERIES, 2)]
    prices = [asked(f"/v1/prices?symbol={one}&source=bench&start={_START}&limit=100") for one in symbols]
    end = "2026-03-08T00:00:00Z"
    days = [
        asked(f"/v1/aggregates?symbol={one}&every=day&tz=UTC&start={_START}&end={end}")
        for one in symbols[::10]
    ]
    catalogue = ("/v1/instruments?limit=100", "/v1/markets", "/v1/units", "/v1/instruments?symbol=S7")
    return {
        "cached": [asked(path) for path in catalogue] * (len(prices) // 2 // len(catalogue) * 2),
        "uncached": [*prices, *days, *(asked(f"/v1/skill?symbol={one}") for one in symbols[::10])],
    }


def _bare(url: str) -> dict[str, list[bytes]]:
    """The same of the peer, as far as it has it."""
    symbols = [f"S{number}" for number in range(0, _SERIES, 2)]
    prices = [request(f"{url}/prices?symbol={one}&start={_START}&limit=100") for one in symbols]
    return {"cached": [request(f"{url}/instruments?limit=100")] * len(prices), "uncached": prices}


@contextmanager
def _servers(rig: Rig, database: MigratedDatabase) -> Iterator[tuple[str, str]]:
    """Addresses of ours and of the peer."""
    directory = rig.new_directory("api")
    with ExitStack() as stack:
        addresses: list[str] = []
        for name, command, more in (
            ("data-api", [sys.executable, "-m", "workloads.data_api"], {}),
            (
                "peer",
                [
                    *(sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--keep-alive", "15"),
                    *("--workers", str(_WORKERS), "--threads", str(_THREADS)),
                    "tests.bench.peers.flask_psycopg:application()",
                ],
                {"PASSWORD": str(database.server.password_file)},
            ),
        ):
            (port,) = free_ports(1)
            given = {
                **database.env(DATA_API.role or ""),
                **more,
                "PORT": str(port),
                "WORKERS": str(_WORKERS),
                "THREADS": str(_THREADS),
                "METRICS_DIR": str(directory / f"metrics-{name}"),
                "LOG_LEVEL": "WARNING",
            }
            addresses.append(
                stack.enter_context(http_server(command, directory / f"{name}.log", given, port, "/readyz"))
            )
        yield addresses[0], addresses[1]
