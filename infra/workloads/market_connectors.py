"""market-connectors: a job on a schedule for each group of power markets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Self

import pulumi
from pydantic import Field, model_validator

from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.settings.base import Cron
from infra.settings.workloads import WorkloadSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.market_connectors import MARKET_JOBS
from workloads.kit.contracts.market import Group
from workloads.kit.contracts.markets import MARKETS, hosts

_DEADLINE_SECONDS: Final = 3600
_LIVE_SECONDS: Final = 295
"""Below its schedule, so that one run is over before the next is due."""
_STAY_SECONDS: Final = 570
_LIVE_STAY_SECONDS: Final = 270
"""Likewise: a run brings what is published until shortly before the next one begins."""


class MarketConnectorsSettings(WorkloadSettings):
    """market-connectors."""

    markets: list[str] = Field(
        min_length=1,
        description="Names of its markets, of those in docs/markets.md.",
    )
    europe: Cron = Field(
        "*/10 8-18 * * *", description="When Europe's day-ahead markets are looked at, in UTC."
    )
    america: Cron = Field(
        "*/10 14-23 * * *", description="When America's day-ahead markets are looked at, in UTC."
    )
    australia: Cron = Field(
        "*/10 18-23 * * *", description="When Australia's daily reports are looked at, in UTC."
    )
    live: Cron = Field("*/5 * * * *", description="When markets of live prices are looked at, in UTC.")

    @model_validator(mode="after")
    def _of_the_table(self) -> Self:
        if unknown := sorted(set(self.markets) - set(MARKETS)):
            raise ValueError(
                f"markets: there is no {', '.join(unknown)}; docs/markets.md lists them: {', '.join(MARKETS)}"
            )
        if twice := sorted({name for name in self.markets if self.markets.count(name) > 1}):
            raise ValueError(f"markets: {', '.join(twice)} is listed twice")
        return self


def _deploy(site: WorkloadSite, s: MarketConnectorsSettings, opts: pulumi.ResourceOptions) -> None:
    def job(group: Group, schedule: str, seconds: int, stays: int) -> None:
        declared = MARKET_JOBS[group]
        markets = [MARKETS[name] for name in MARKETS if name in s.markets and MARKETS[name].group == group]
        if not markets:
            return
        told = {env.MARKETS: ",".join(market.name for market in markets), env.STAY_SECONDS: str(stays)}
        w = site.pod(declared, s, args=["run", "--group", group], variables=told)
        keys = {market.secret for market in markets if market.secret is not None}
        if missing := sorted(keys - set(site.passwords.sources)):
            names = ", ".join(market.name for market in markets if market.secret in missing)
            raise pulumi.RunError(
                f"carbon:market_connectors.markets: {names} needs the secret {', '.join(missing)}. "
                "Remedy: list it in carbon:secrets.sources, or leave the market out."
            )
        files = {name: site.passwords.sources[name] for name in sorted(keys)}
        w = replace(w, secret_files={**files, **w.secret_files})
        ScheduledJob(
            declared.name,
            ScheduledJobArgs(
                workload=w,
                schedule=schedule,
                deadline_seconds=seconds,
                paths=site.paths(declared),
            ),
            opts,
        )

    job("europe", s.europe, _DEADLINE_SECONDS, _STAY_SECONDS)
    job("america", s.america, _DEADLINE_SECONDS, _STAY_SECONDS)
    job("australia", s.australia, _DEADLINE_SECONDS, _STAY_SECONDS)
    job("live", s.live, _LIVE_SECONDS, _LIVE_STAY_SECONDS)


def _hosts(s: MarketConnectorsSettings) -> Iterable[str]:
    return hosts(MARKETS[name] for name in s.markets)


ROOM: Final = Room(
    declared=tuple(MARKET_JOBS.values()),
    settings=MarketConnectorsSettings,
    deploy=_deploy,
    optional=True,
    hosts=_hosts,
)
