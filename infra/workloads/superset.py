"""superset: a server of dashboards, and the job that makes them before it starts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import pulumi
from pydantic import Field

from infra.components.migration_job import MigrationJob, MigrationJobArgs
from infra.components.web_server import WebServer
from infra.manifests.probes import Http, Probes
from infra.manifests.resources.external_secrets import rotating
from infra.manifests.workload import Workload
from infra.settings.base import Section
from infra.settings.workloads import Destination
from infra.workloads import servers
from infra.workloads.room import Room
from infra.workloads.servers import ServerSettings
from infra.workloads.site import WorkloadSite, with_role, with_variables
from workloads.kit.contracts import env, ports
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.superset import READER, SUPERSET, SUPERSET_PREPARE

_PREPARE_SECONDS: Final = 1800
"""Of the job: some 200 versions of its tables, the first time, on a machine that has other things to do."""


class OidcSettings(Section):
    """An OpenID Connect issuer at which people log in, as a public client with a proof key."""

    issuer: str = Field(
        pattern=r"^https?://[^\s]+$", description="URL below which its .well-known document is."
    )
    client_id: str = Field(description="Client at the issuer.")
    roles: dict[str, list[str]] = Field(
        default={}, description="What the claim `roles` may say → roles of Superset, such as Admin, Analysts."
    )
    destinations: list[Destination] = Field(default=[], description="Addresses at which the issuer answers.")


class SupersetSettings(ServerSettings):
    """superset."""

    workers: int = Field(1, ge=1, description="Worker processes a pod.")
    oidc: OidcSettings | None = Field(
        None, description="Where people log in; without it `admin` does, by its generated password."
    )
    embedders: list[str] = Field(
        default=[],
        description="Origins whose pages may show dashboards to guests, such as https://hub.example.org.",
    )
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


def _connected(site: WorkloadSite, s: SupersetSettings, declared: Declaration, w: Workload) -> Workload:
    """As both roles, the owner of Superset's records and the reader of charts; with its own secrets."""
    owner = SUPERSET.role or ""
    w = with_role(w, site.services.postgres, owner, site.passwords.roles[owner])
    variables = {
        env.READER_USER: READER,
        env.READER_PASSWORD_FILE: f"{env.SECRETS_DIR}/{env.READER_PASSWORD}",
        env.TENANTS: json.dumps(list(site.tenants)),
        env.EMBEDDERS: json.dumps(s.embedders),
        env.SECURE_COOKIES: str(s.secure).lower(),
    }
    if s.oidc is not None:
        told = s.oidc.model_dump(include={"issuer", "client_id", "roles"})
        variables[env.OIDC] = json.dumps(told, sort_keys=True)
    own = {file: site.passwords.own[name] for file, name in declared.own_secrets.items()}
    reader = rotating(env.READER_PASSWORD, site.passwords.roles[READER])
    return replace(with_variables(w, variables), secret_files={**w.secret_files, **reader, **own})


ROOM: Final = Room(
    declared=(SUPERSET, SUPERSET_PREPARE), settings=SupersetSettings, deploy=_deploy, optional=True
)
