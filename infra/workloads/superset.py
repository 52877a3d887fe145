"""superset: a server of dashboards, the job that makes them before it starts, one that reports figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pulumi
from pydantic import Field

from infra.components.migration_job import MigrationJob, MigrationJobArgs
from infra.components.scheduled_job import ScheduledJob, ScheduledJobArgs
from infra.components.web_server import WebServer
from infra.manifests.probes import Http, Probes
from infra.manifests.resources.external_secrets import rotating
from infra.manifests.workload import Workload
from infra.settings.base import Cron, Section
from infra.settings.issuer import IssuerSettings
from infra.settings.secrets import SourceName
from infra.workloads import servers
from infra.workloads.room import Room
from infra.workloads.servers import ServerSettings
from infra.workloads.site import WorkloadSite, with_role, with_variables
from workloads.kit.contracts import env, people, ports
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.superset import (
    ADMIN,
    ANALYSTS,
    READER,
    SUPERSET,
    SUPERSET_PREPARE,
    SUPERSET_REPORT,
    tenant_role,
)
from workloads.kit.contracts.egress import HostName
from workloads.kit.contracts.people import ANALYST, DASHBOARDS_CLIENT, OPERATOR, SECOND_FACTORS

_PREPARE_SECONDS: Final = 1800
"""Of the job: some 200 versions of its tables, the first time, on a machine that has other things to do."""

_REPORT_SECONDS: Final = 900


class OidcSettings(IssuerSettings):
    """An issuer at which people log in to the dashboards."""

    client_id: str = Field(description="Client at the issuer.")
    roles: dict[str, list[str]] = Field(
        default={}, description="What the claim `roles` may say → roles of Superset, such as Admin, Analysts."
    )
    second_factors: list[str] = Field(
        default=list(SECOND_FACTORS),
        description="Values of `amr`, one of which who is to be Admin has; without any none is asked for.",
    )


class ReportSettings(Section):
    """The large figures of dashboards, sent to a channel."""

    schedule: Cron = Field("0 6 * * 1", description="When, in UTC.")
    dashboards: list[str] = Field(
        min_length=1, description="Slugs of the dashboards whose figures are sent (docs/dashboards.md)."
    )
    webhook: SourceName = Field(
        description="Secret of `secrets.sources` with the address that takes the message."
    )
    host: HostName = Field("hooks.slack.com", description="Host name of that address.")
    address: str = Field(
        "", pattern=r"^(https?://[^\s]+)?$", description="Where people reach the dashboards, for links."
    )


class SupersetSettings(ServerSettings):
    """superset."""

    workers: int = Field(1, ge=1, description="Worker processes a pod.")
    oidc: OidcSettings | None = Field(
        None,
        description="Where people log in, by default at the stack's Keycloak; without either `admin` "
        "does, by its generated password.",
    )
    embedders: list[str] = Field(
        default=[],
        description="Origins whose pages may show dashboards to guests, such as https://hub.example.org.",
    )
    reports: ReportSettings | None = Field(None, description="Figures that are sent to a channel.")
    secure: bool = Field(False, description="Whether people come over HTTPS alone.")


def _deploy(site: WorkloadSite, s: SupersetSettings, opts: pulumi.ResourceOptions) -> None:
    outside = s.oidc.destinations if s.oidc else []
    prepared = MigrationJob(
        SUPERSET_PREPARE.name,
        MigrationJobArgs(
            workload=_connected(site, s, SUPERSET_PREPARE, site.pod(SUPERSET_PREPARE, s, args=["prepare"])),
            deadline_seconds=_PREPARE_SECONDS,
            paths=site.paths(SUPERSET_PREPARE),
        ),
        opts,
    )
    args = servers.arguments(SUPERSET, site, s, destinations=outside)
    health = Http("/health", ports.SUPERSET)
    w = replace(
        _connected(site, s, SUPERSET, args.workload),
        args=("serve",),
        probes=Probes(live=health, ready=health),
    )
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[prepared]))
    WebServer(w.name, replace(args, workload=w), after)
    if s.reports is not None:
        _report(site, s, s.reports, opts)


def _report(
    site: WorkloadSite, s: SupersetSettings, reports: ReportSettings, opts: pulumi.ResourceOptions
) -> None:
    password = f"{env.SECRETS_DIR}/{env.POSTGRES_PASSWORD}"
    told = {
        env.READER_USER: READER,
        env.READER_PASSWORD_FILE: password,
        env.TENANTS: json.dumps(list(site.tenants)),
        env.REPORT: reports.model_dump_json(include={"dashboards", "host", "address"}),
        env.REPORT_WEBHOOK_FILE: f"{env.SECRETS_DIR}/{reports.webhook}",
    }
    w = site.pod(SUPERSET_REPORT, s, args=["report"], variables=told)
    if (address := site.passwords.sources.get(reports.webhook)) is None:
        raise pulumi.RunError(
            f"carbon:{SUPERSET.section}: reports.webhook {reports.webhook} is no secret of this stack. "
            "Remedy: list it in carbon:secrets.sources."
        )
    webhook = {reports.webhook: address}
    args = ScheduledJobArgs(
        workload=replace(w, secret_files={**w.secret_files, **webhook}),
        schedule=reports.schedule,
        deadline_seconds=_REPORT_SECONDS,
        paths=site.paths(SUPERSET_REPORT),
    )
    ScheduledJob(w.name, args, opts)


def _hosts(s: SupersetSettings) -> Iterator[str]:
    if s.reports is not None:
        yield s.reports.host


def _connected(site: WorkloadSite, s: SupersetSettings, declared: Declaration, w: Workload) -> Workload:
    """As both roles, the owner of Superset's records and the reader of charts; with its own secrets."""
    owner = SUPERSET.role or ""
    w = with_role(w, site.services.postgres, owner, site.passwords.roles[owner])
    variables = {
        env.READER_USER: READER,
        env.READER_PASSWORD_FILE: f"{env.SECRETS_DIR}/{env.READER_PASSWORD}",
        env.TENANTS: json.dumps(list(site.tenants)),
        env.EMBEDDERS: json.dumps(s.embedders or _hub(site)),
        env.SECURE_COOKIES: str(s.secure).lower(),
    }
    if told := _issuer(site, s):
        variables[env.OIDC] = json.dumps(told, sort_keys=True)
    own = {file: site.passwords.own[name] for file, name in declared.own_secrets.items()}
    reader = rotating(env.READER_PASSWORD, site.passwords.roles[READER])
    return replace(with_variables(w, variables), secret_files={**w.secret_files, **reader, **own})


def _issuer(site: WorkloadSite, s: SupersetSettings) -> dict[str, object]:
    if s.oidc is not None:
        return s.oidc.model_dump(exclude={"destinations"})
    if (own := site.issuer) is None:
        return {}
    roles = {OPERATOR: [ADMIN], ANALYST: [ANALYSTS]}
    roles |= {people.tenant_role(name): [tenant_role(name)] for name in site.tenants}
    given = OidcSettings(issuer=own.issuer, client_id=DASHBOARDS_CLIENT, roles=roles)
    return {**given.model_dump(exclude={"destinations"}), "inside": own.inside}


def _hub(site: WorkloadSite) -> list[str]:
    """Where the hub, which shows a tenant its dashboard, is reached."""
    return [site.addresses[DATA_API.name]] if DATA_API.name in site.addresses else []


ROOM: Final = Room(
    declared=(SUPERSET, SUPERSET_PREPARE, SUPERSET_REPORT),
    settings=SupersetSettings,
    deploy=_deploy,
    optional=True,
    hosts=_hosts,
)
