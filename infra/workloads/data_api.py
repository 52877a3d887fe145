"""data-api."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import pulumi
from pydantic import Field

from infra.components.web_server import WebServer
from infra.manifests.workload import Workload
from infra.settings.issuer import IssuerSettings, Origin
from infra.workloads import servers
from infra.workloads.room import Room
from infra.workloads.servers import ServerSettings
from infra.workloads.site import WorkloadSite, with_variables
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.data_api import DATA_API, DOWNLOAD_WORKER
from workloads.kit.contracts.declared.superset import GUEST_KEY, SUPERSET
from workloads.kit.contracts.people import (
    AUDIENCE,
    HUB_CLIENT,
    ROLES_CLAIM,
    SECOND_FACTORS,
    TENANT_CLAIM,
)


class ApiIssuerSettings(IssuerSettings):
    """An issuer whose tokens are taken, and at which people sign in to the hub."""

    audience: str = Field(default=AUDIENCE, description="What tokens have to be for.")
    client_id: str | None = Field(
        default=None, description="Public client of the hub; without it no one signs in."
    )
    hub: Origin | None = Field(
        default=None, description="Address at which people reach the hub, without a path."
    )
    tenant_claim: str = Field(default=TENANT_CLAIM, description="Claim that says whose somebody is.")
    roles_claim: str = Field(default=ROLES_CLAIM, description="Claim that says what somebody may do.")
    mfa_amr: list[str] = Field(
        default=list(SECOND_FACTORS), description="Values of amr that say: a second factor."
    )
    mfa_acr: list[str] = Field(default=[], description="Values of acr that say so.")


class DataApiSettings(ServerSettings):
    """data-api."""

    oidc: ApiIssuerSettings | None = Field(
        None, description="Whose tokens are taken beside API keys; by default those of the stack's Keycloak."
    )


def _deploy(site: WorkloadSite, s: DataApiSettings, opts: pulumi.ResourceOptions) -> None:
    told = _issuer(site, s)
    variables = {env.OIDC: json.dumps(told, sort_keys=True)} if told else {}
    # Jobs are taken where somebody does them.
    if DOWNLOAD_WORKER.name in site.network.running:
        variables |= site.downloads
    outside = s.oidc.destinations if s.oidc else []
    args = servers.arguments(DATA_API, site, s, variables, outside)
    WebServer(DATA_API.name, replace(args, workload=_with_dashboards(site, args.workload)), opts)


def _with_dashboards(site: WorkloadSite, w: Workload) -> Workload:
    """Able to show each tenant its dashboard, where there are any and a browser reaches them."""
    if SUPERSET.name not in site.network.running or SUPERSET.name not in site.addresses:
        return w
    variables = {
        env.DASHBOARDS: site.addresses[SUPERSET.name],
        env.DASHBOARDS_KEY_FILE: f"{env.SECRETS_DIR}/{GUEST_KEY}",
    }
    key = {GUEST_KEY: site.passwords.own[SUPERSET.own_secrets[GUEST_KEY]]}
    return replace(with_variables(w, variables), secret_files={**w.secret_files, **key})


def _issuer(site: WorkloadSite, s: DataApiSettings) -> dict[str, object]:
    if s.oidc is not None:
        return s.oidc.model_dump(mode="json", exclude={"destinations"}, exclude_none=True)
    if (own := site.issuer) is None:
        return {}
    # All else is as `ApiIssuerSettings` has it by default.
    given = ApiIssuerSettings(issuer=own.issuer, client_id=HUB_CLIENT, hub=site.addresses[DATA_API.name])
    return {**given.model_dump(mode="json", exclude={"destinations"}), "inside": own.inside}


ROOM: Final = Room(declared=(DATA_API,), settings=DataApiSettings, deploy=_deploy)
