"""warehouse-etl: a job on a schedule, and one that maintains what it made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Self

import pulumi
from pydantic import Field, ValidationError, model_validator

from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.components.singleton_deployment import SingletonDeployment, SingletonDeploymentArgs
from infra.manifests import connect_config
from infra.manifests.probes import Http, Probes, Tcp
from infra.manifests.resources.external_secrets import SecretValue
from infra.settings.base import Cron
from infra.settings.workloads import Destination, WorkloadSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite, with_variables
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.warehouse_connect import KEYSTORE, WAREHOUSE_CONNECT
from workloads.kit.contracts.declared.warehouse_etl import (
    PSEUDONYM_KEY,
    WAREHOUSE_ETL,
    WAREHOUSE_MAINTENANCE,
)
from workloads.kit.contracts.egress import host_of
from workloads.kit.contracts.sources.legacy import HttpLegacy, LegacySource, LegacySources, MySqlLegacy

_DEADLINE_SECONDS: Final = 4 * 3600
_MAINTENANCE_SECONDS: Final = 2 * 3600
_FINAL: Final = (2, 3)
"""Exit codes of a run that somebody has to look at."""
_CONNECT_SECONDS: Final = 600
"""Of Kafka Connect, to answer: it waits for brokers and topics."""
_SOURCES: Final = "sources.yaml"
_CONFIG: Final = "/etc/carbon"


class ChangeLogSettings(WorkloadSettings):
    """warehouse-connect."""

    heap_mib: int = Field(320, ge=192, description="Java heap, in MiB; the pod takes about 200 more.")


class WarehouseEtlSettings(WorkloadSettings):
    """warehouse-etl."""

    schedule: Cron = Field("0 0,6,12,18 * * *", description="When it runs, in UTC.")
    compare_hours: list[int] = Field(
        default=[0],
        description="Hours in UTC whose run compares keys and figures with the sources, and sees deletes.",
    )
    maintenance: Cron = Field("40 3 * * *", description="When the lake's tables are maintained, in UTC.")
    sources: list[LegacySource] = Field(
        min_length=1,
        description=f"Legacy systems (docs/warehouse.md). A secret of `secrets.sources` is the file "
        f"{env.SECRETS_DIR}/<name>.",
    )
    destinations: list[Destination] = Field(
        default=[], description="Networks that its databases are in; HTTP APIs are reached by name."
    )
    change_log: ChangeLogSettings | None = Field(
        default=None, description="Who reads the logs of databases; without it no table says `changes: log`."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        try:
            LegacySources(sources=tuple(self.sources))
        except ValidationError as error:
            said = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(f"sources: {said}") from None
        if wrong := [hour for hour in self.compare_hours if not 0 <= hour <= 23]:
            raise ValueError(f"compare_hours: {wrong[0]} is no hour of a day: give 0 to 23")
        for number, source in enumerate(self.sources):
            if self.change_log is None and isinstance(source, MySqlLegacy) and source.logged:
                raise ValueError(
                    f"sources.{number}: {source.name} has changes: log of {', '.join(source.logged)}, and "
                    "nobody reads logs: give change_log its resources, or the tables a watermark"
                )
            if isinstance(source, HttpLegacy):
                try:
                    host_of(source.url)
                except ValueError as error:
                    raise ValueError(f"sources.{number}.url of {source.name}: {error}") from None
        return self


def _hosts(s: WarehouseEtlSettings) -> Iterator[str]:
    return (host_of(source.url) for source in s.sources if isinstance(source, HttpLegacy))


def _deploy(site: WorkloadSite, s: WarehouseEtlSettings, opts: pulumi.ResourceOptions) -> None:
    told = {
        **site.lake,
        env.WAREHOUSE_SOURCES_FILE: f"{_CONFIG}/{_SOURCES}",
        env.WAREHOUSE_PSEUDONYM_KEY_FILE: f"{env.SECRETS_DIR}/{PSEUDONYM_KEY}",
        env.WAREHOUSE_COMPARE_HOURS: json.dumps(s.compare_hours),
    }
    listed = {"sources": [source.model_dump(mode="json", exclude_unset=True) for source in s.sources]}
    w = site.pod(WAREHOUSE_ETL, s, args=["run"], variables=told)
    own = {file: site.passwords.own[name] for file, name in WAREHOUSE_ETL.own_secrets.items()}
    # Its lock and its temporary tables are of a session, which a pooler would lend to others.
    w = with_variables(w, {env.POSTGRES_HOST: site.services.postgres.direct_host})
    w = replace(
        w,
        files={_SOURCES: json.dumps(listed, indent=1)},
        files_at=_CONFIG,
        secret_files={**_secrets(site, s.sources), **w.secret_files, **own},
    )
    run = ScheduledJobArgs(
        workload=w,
        schedule=s.schedule,
        deadline_seconds=_DEADLINE_SECONDS,
        paths=site.paths(WAREHOUSE_ETL, s.destinations),
        final=_FINAL,
    )
    if s.change_log is not None:
        _connect(site, s, s.change_log, opts)
    ScheduledJob(w.name, run, opts)
    maintained = ScheduledJobArgs(
        workload=site.pod(WAREHOUSE_MAINTENANCE, s, args=["maintain"]),
        schedule=s.maintenance,
        deadline_seconds=_MAINTENANCE_SECONDS,
        paths=site.paths(WAREHOUSE_MAINTENANCE),
    )
    ScheduledJob(WAREHOUSE_MAINTENANCE.name, maintained, opts)


def _connect(
    site: WorkloadSite, s: WarehouseEtlSettings, log: ChangeLogSettings, opts: pulumi.ResourceOptions
) -> None:
    """Kafka Connect, which a run tells what to read."""
    w, port = site.pod(WAREHOUSE_CONNECT, log), WAREHOUSE_CONNECT.port
    assert port is not None, "it is a server"
    tls = site.services.kafka.tls
    place = connect_config.ConnectPlace(
        bootstrap=site.services.kafka.bootstrap,
        address="0.0.0.0",  # noqa: S104 - its pod's, which warehouse-etl alone has a path to
        port=port,
        plugins="/opt/connect/plugins",
        secrets=env.SECRETS_DIR,
        keystore=KEYSTORE if tls else None,
        ca=f"{w.env[env.KAFKA_TLS_DIR]}/{env.TLS_CA}" if tls else None,
    )
    logged = [source for source in s.sources if isinstance(source, MySqlLegacy) and source.logged]
    w = replace(
        w,
        env={**w.env, "CONNECT_HEAP_OPTS": f"-Xmx{log.heap_mib}m"},
        files={"worker.properties": connect_config.worker(place)},
        files_at="/etc/connect",
        secret_files={**_secrets(site, logged), **w.secret_files},
        # While brokers are away it is not well, and a restart would not help.
        probes=Probes(live=Tcp(port), ready=Http("/health", port), startup_seconds=_CONNECT_SECONDS),
        exceptions={"scaler": "one worker: a log is read by one, in its order"},
    )
    paths = site.paths(WAREHOUSE_CONNECT, s.destinations)
    SingletonDeployment(w.name, SingletonDeploymentArgs(workload=w, paths=paths, port=port), opts)


def _secrets(site: WorkloadSite, sources: Sequence[LegacySource]) -> dict[str, SecretValue]:
    """Those of `secrets.sources` that these sources name."""
    named = {
        str(file)
        for source in sources
        for field in ("password_file", "token_file")
        if (file := getattr(source, field, None)) is not None
    }
    return {
        name: value for name, value in site.passwords.sources.items() if f"{env.SECRETS_DIR}/{name}" in named
    }


ROOM: Final = Room(
    declared=(WAREHOUSE_ETL, WAREHOUSE_MAINTENANCE, WAREHOUSE_CONNECT),
    settings=WarehouseEtlSettings,
    deploy=_deploy,
    optional=True,
    hosts=_hosts,
)
