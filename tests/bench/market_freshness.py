"""How long after a market published a day it is in the API: the real job, Kafka, consumer and table.

The job is a run that stays, as the platform's schedule has it. What it cannot show within minutes is the gap
between two runs: half a minute in ten, and the start of a pod.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from flask.testing import FlaskClient

from tests.bench.measure import Sample, percentile
from tests.bench.report import Figure, at_most
from tests.bench.rig import Rig
from tests.markets.all import KEYS, Stood, everything
from tests.markets.platform import Connectors
from tests.services.access import let_in
from tests.services.consumers import running
from tests.services.servers import until
from tests.services.test_access import settings
from tools.console import Step
from workloads.data_api.app import create_app
from workloads.data_api.store import Store
from workloads.kit.contracts.markets import MARKETS
from workloads.market_connectors.feeds import Feed

_AIM_SECONDS = 60.0
_LOOK_SECONDS = 0.25
"""Between two questions to the API."""


def figure(rig: Rig, step: Step, zones: list[str]) -> Figure:
    """Each zone publishes its newest day once, at a random time while the job runs."""
    world, stood = everything(rig.new_directory("fresh-hosts"))
    env = {"KAFKA_BOOTSTRAP": rig.kafka.bootstrap, **rig.database.env("market_connectors")}
    connectors = Connectors(world, rig.new_directory("fresh"), zones, KEYS, env, seconds=1800)
    last = Feed(MARKETS[zones[0]]).last_day(datetime.now(UTC))
    for name in zones:
        stood[name].market.until = last - timedelta(days=1)
    published_over = rig.sized(120, 10)
    try:
        step.detail("what is there before")
        connectors.run("--from", str(last - timedelta(days=4)), "--to", str(last - timedelta(days=1)))
        with (
            running(
                "workloads.analytics_consumer", rig.kafka, rig.database, rig.new_directory("fresh-c")
            ) as group,
            _api(rig) as api,
            ThreadPoolExecutor() as threads,
        ):
            group.finish(600)
            asked = len(world.asked)
            # Whatever the time is, their publication is as if it had just been due.
            run = threads.submit(
                *(connectors.command, "run"),
                STAY_SECONDS=str(published_over + 90),
                PRESS_MINUTES="100000",
                REQUESTS_PER_SECOND="2",
            )
            until(lambda: len(world.asked) >= asked + len(zones), "the job has looked once", 300)
            step.detail("published and looked for")
            seconds = _seconds(api, stood, zones, last, published_over)
            run.result()
    finally:
        world.close()
    ordered = sorted(seconds)
    ours = Sample.of([percentile(ordered, 0.95)])
    middle = percentile(ordered, 0.5)
    return Figure(
        name=f"published to readable in the API, p95 of {len(ordered)} zones",
        unit="s",
        ours=ours,
        others=[],
        aims=[at_most(ours, _AIM_SECONDS)],
        note=f"median {middle:.1f} s, most {ordered[-1]:.1f} s; of it up to 20 s until the job looks again",
    )


@contextmanager
def _api(rig: Rig) -> Iterator[FlaskClient]:
    store = Store(settings(rig.database))
    try:
        api = let_in(rig.database, create_app(settings(rig.database), store))
        until(lambda: api.get("/v1/markets").status_code == 200, "the API answers", 60)
        yield api
    finally:
        store.close()


def _seconds(
    api: FlaskClient, stood: dict[str, Stood], zones: list[str], last: date, over: float
) -> list[float]:
    """Of each zone, from its publication until its last period is answered."""
    draw = random.Random(20)
    began = time.monotonic()
    due = sorted((began + draw.uniform(0, over), name) for name in zones)
    out: dict[str, float] = {}
    waiting: dict[str, float] = {}
    ends = began + over + 85
    while len(out) < len(zones):
        now = time.monotonic()
        if now > ends:
            raise RuntimeError(f"not in the API: {', '.join(sorted(set(zones) - set(out)))}")
        while due and due[0][0] <= now:
            _, name = due.pop(0)
            stood[name].market.until = None
            waiting[name] = now
        for name, at in list(waiting.items()):
            market = stood[name].market
            start = market.day(stood[name].name, last)[-1][0]
            query = {"symbol": MARKETS[name].symbol, "start": start.isoformat(), "limit": "1"}
            if api.get("/v1/prices", query_string=query).get_json()["items"]:
                out[name] = time.monotonic() - at
                del waiting[name]
        time.sleep(_LOOK_SECONDS)
    return list(out.values())
