"""Third-party APIs through api-integration: 200 requests a second over 5,000 questions, few of them often
(Zipf), before a provider that takes 300 ms and fails one time in twenty; beside nginx's cache.

Two processes of ours share Redis. Both start cold and take the load for a minute; the next minute counts,
with answers fresh for an hour as in the table. Then everything is stale and the provider is down.
"""

from __future__ import annotations

import json
import random
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.chain import http_server
from tests.bench.measure import Failure, Measured, Sample, percentile, reason
from tests.bench.report import Aim, Figure, Other, at_least, at_most
from tests.bench.rig import Rig
from tests.bench.steady import Got, steady
from tests.providers import most_within
from tests.services.servers import Redis, free_ports
from tools import debian
from tools.console import Step
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION
from workloads.kit.contracts.providers import PROVIDERS

_KEYS: Final = 5_000
_RATE: Final = 200.0
_CONNECTIONS: Final = 64
_LIMIT: Final = (4_000, 60)
"""Calls in seconds that the provider allows."""
_FRESH: Final = 3_600
_SOON_STALE: Final = 4
"""Seconds for which answers are fresh before the provider goes down."""
_PEER: Final = "nginx proxy_cache"
_FORECAST: Final = "latitude={}&longitude={}&hourly=temperature_2m&forecast_days=7&timezone=GMT"


Serving = Callable[[Rig, Path, str, int], AbstractContextManager[tuple[list[str], list[str]]]]
"""(rig, directory, provider's address, seconds that answers are fresh) → addresses, and paths of the keys."""


@dataclass(frozen=True)
class Outcome:
    """What a load met: shares in percent, times in ms."""

    hit_rate: float
    p95_hits: float
    p95_all: float
    errors: int
    most_calls: int
    stale_errors: int
    stale_answers: int


def run(rig: Rig, step: Step) -> list[Figure]:
    found: dict[str, Outcome | Failure] = {}
    for name, serving in (("ours", _ours), ("nginx", _nginx)):
        try:
            found[name] = _measured(rig, name, serving, step)
        except Exception as error:
            found[name] = Failure(reason(error))
    calls, seconds = _LIMIT

    def figure(name: str, unit: str, field: str, *aims: tuple[str, float]) -> Figure:
        values: dict[str, Measured] = {
            who: one if isinstance(one, Failure) else Sample.of([float(getattr(one, field))])
            for who, one in found.items()
        }
        ours = values["ours"]
        kinds = {"least": at_least, "most": at_most, "none": _none}
        told: list[Aim] = [kinds[kind](ours, bound) for kind, bound in aims]
        return Figure(
            name=name, unit=unit, ours=ours, others=[Other(_PEER, "peer", values["nginx"])], aims=told
        )

    return [
        figure("hit rate in the second minute", "%", "hit_rate", ("least", 90)),
        figure("p95 of hits", "ms", "p95_hits", ("most", 10)),
        figure("p95 of all", "ms", "p95_all", ("most", 700)),
        figure("answers that were none", "requests", "errors"),
        figure(f"most calls in {seconds} s", "calls", "most_calls", ("most", calls)),
        figure("errors while something stale is at hand", "requests", "stale_errors", ("none", 0)),
        figure("stale answers in that time", "requests", "stale_answers", ("least", 1)),
    ]


def _none(ours: Measured, _bound: float) -> Aim:
    reached = None if isinstance(ours, Failure) else ours.median == 0
    return Aim(text="0", against=None, reached=reached, found="")


def _measured(rig: Rig, name: str, serving: Serving, step: Step) -> Outcome:
    seconds = rig.sized(60, 4)
    directory = rig.new_directory(f"integration-{name}")
    chosen = random.Random(11)
    weights = [1 / rank for rank in range(1, _KEYS + 1)]

    def load(urls: Sequence[str], paths: Sequence[str], count: int) -> list[Got]:
        asked = chosen.choices(paths, weights[: len(paths)], k=count)
        return steady(urls, asked, per_second=_RATE, connections=_CONNECTIONS)

    with _provider(directory, 0.3, 0.05) as provider:
        with serving(rig, directory / "load", provider, _FRESH) as (urls, paths):
            step.detail(f"{name}: from cold, {seconds} s")
            load(urls, paths, int(_RATE * seconds))
            step.detail(f"{name}: measured, {seconds} s")
            got = load(urls, paths, int(_RATE * seconds))
        times = _seen(provider)
    hits = sorted(one.seconds for one in got if one.cache == "HIT" and one.status == 200)
    everything = sorted(one.seconds for one in got)
    step.detail(f"{name}: the provider goes down")
    stale_errors, stale_answers = _outage(rig, directory, serving)
    return Outcome(
        hit_rate=100 * len(hits) / len(got),
        p95_hits=1000 * percentile(hits, 0.95),
        p95_all=1000 * percentile(everything, 0.95),
        errors=sum(one.status != 200 for one in got),
        most_calls=most_within(times, _LIMIT[1]),
        stale_errors=stale_errors,
        stale_answers=stale_answers,
    )


def _outage(rig: Rig, directory: Path, serving: Serving) -> tuple[int, int]:
    """Errors and stale answers of questions that were answered before the provider went down."""
    with ExitStack() as stack:
        (port,) = free_ports(1)
        up = ExitStack()
        provider = up.enter_context(_provider(directory, 0.05, 0.0, port))
        urls, paths = stack.enter_context(serving(rig, directory / "outage", provider, _SOON_STALE))
        warm = steady(urls, paths[:200] * 3, per_second=100.0, connections=_CONNECTIONS)
        known = sorted({one.path for one in warm if one.status == 200})
        up.close()
        down = stack.enter_context(_provider(directory, 0.05, 1.0, port))
        count = int(_RATE * rig.sized(20, 8))
        got = steady(
            urls, [known[n % len(known)] for n in range(count)], per_second=_RATE, connections=_CONNECTIONS
        )
        if not _seen(down):
            raise RuntimeError("the provider was not asked while it was down: nothing was stale")
    return sum(one.status != 200 for one in got), sum(one.cache == "STALE" for one in got)


@contextmanager
def _provider(directory: Path, delay: float, failing: float, port: int = 0) -> Iterator[str]:
    port = port or free_ports(1)[0]
    command = [sys.executable, "-m", "tests.providers", str(port), str(delay), str(failing)]
    with http_server(command, directory / f"provider-{failing:g}.log", {}, port, "/-/seen") as url:
        yield url


def _seen(provider: str) -> list[float]:
    with urllib.request.urlopen(f"{provider}/-/seen", timeout=30) as answer:
        return [at for at, _ in json.loads(answer.read())]


@contextmanager
def _ours(rig: Rig, directory: Path, provider: str, fresh: int) -> Iterator[tuple[list[str], list[str]]]:
    directory.mkdir()
    (directory / "redis").mkdir()
    redis = Redis(directory / "redis")
    calls, seconds = _LIMIT
    try:
        with ExitStack() as stack:
            urls: list[str] = []
            for port in free_ports(2):
                given = {
                    **rig.database.env(API_INTEGRATION.role or ""),
                    **redis.env,
                    "KAFKA_BOOTSTRAP": rig.kafka.bootstrap,
                    "PORT": str(port),
                    "WORKERS": "1",
                    "METRICS_DIR": str(directory / f"metrics-{port}"),
                    "KEYS_DIR": str(directory),
                    "PROVIDER_URLS": json.dumps(dict.fromkeys(PROVIDERS, provider)),
                    "QUOTA_LIMITS": json.dumps({"open-meteo": [{"calls": calls, "seconds": seconds}]}),
                    "TTL_SECONDS": str(fresh),
                }
                command = [sys.executable, "-m", "workloads.api_integration"]
                urls.append(
                    stack.enter_context(
                        http_server(command, directory / f"{port}.log", given, port, "/readyz")
                    )
                )
            yield urls, [f"/v1/weather/forecast?latitude={a}&longitude={b}" for a, b in _points()]
    finally:
        redis.stop()


@contextmanager
def _nginx(rig: Rig, directory: Path, provider: str, fresh: int) -> Iterator[tuple[list[str], list[str]]]:
    directory.mkdir()
    (port,) = free_ports(1)
    temporary = "\n".join(
        f"    {kind}_temp_path {directory}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = directory / "nginx.conf"
    config.write_text(f"""
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
worker_processes 2;
events {{ worker_connections 1024; }}
http {{
{temporary}
    access_log off;
    proxy_cache_path {directory}/cache keys_zone=answers:16m max_size=256m inactive=24h use_temp_path=off;
    upstream provider {{ server {provider.removeprefix("http://")} max_fails=0; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_cache answers;
            proxy_cache_valid 200 {fresh}s;
            proxy_cache_lock on;
            proxy_cache_lock_timeout 5s;
            proxy_cache_use_stale error timeout http_500 http_502 http_503 http_504;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
}}
""")
    command = [
        str(debian.path("nginx")),
        "-c",
        str(config),
        "-p",
        str(directory),
        "-e",
        f"{directory}/error.log",
    ]
    with http_server(command, directory / "nginx.log", {}, port, None) as url:
        yield [url], [f"/v1/forecast?{_FORECAST.format(a, b)}" for a, b in _points()]


def _points() -> list[tuple[float, float]]:
    return [(n // 100 - 25.0, n % 100 - 50.0) for n in range(_KEYS)]
