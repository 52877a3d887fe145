"""keycloak: who people and programs are, and the job that makes its realm once it answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pulumi
from pydantic import Field

from infra.components.keycloak import Keycloak, KeycloakArgs
from infra.components.migration_job import MigrationJob, MigrationJobArgs
from infra.manifests.probes import Http, Probes
from infra.manifests.workload import Workload
from infra.settings.base import Resources
from infra.settings.workloads import WorkloadSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite, with_role, with_variables
from workloads.kit.contracts import env, ports
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.keycloak import ADMIN_PASSWORD, KEYCLOAK, KEYCLOAK_PREPARE
from workloads.kit.contracts.declared.superset import SUPERSET
from workloads.kit.contracts.people import Person, PersonName, Program, RealmFacts

_DATA: Final = "/opt/keycloak/data"
_START_SECONDS: Final = 1200
"""Of the server: it makes its tables at its first start, on a machine that has other things to do."""
_PREPARE_SECONDS: Final = 1800


class KeycloakSettings(WorkloadSettings):
    """Keycloak."""

    people: dict[PersonName, Person] = Field(
        default={}, description="People by name; one that is no longer here may no longer sign in."
    )
    programs: dict[PersonName, Program] = Field(
        default={}, description="Programs that get tokens with a secret of their own, by name."
    )
    preparation: Resources = Field(description="Resources of the job that makes the realm.")


def _deploy(site: WorkloadSite, s: KeycloakSettings, opts: pulumi.ResourceOptions) -> None:
    port = KEYCLOAK.port
    assert port is not None, "it is a server"
    args = KeycloakArgs(workload=_server(site, s), port=port, paths=site.paths(KEYCLOAK))
    server = Keycloak(KEYCLOAK.name, args, opts)
    facts = RealmFacts(
        hub=site.addresses[DATA_API.name],
        dashboards=site.addresses.get(SUPERSET.name) if SUPERSET.name in site.network.running else None,
        tenants=list(site.tenants),
        people=s.people,
        programs=s.programs,
    )
    settings = WorkloadSettings(environment={}, resources=s.preparation)
    job = site.pod(KEYCLOAK_PREPARE, settings, variables={env.REALM: facts.model_dump_json()})
    prepare = MigrationJobArgs(
        workload=_with_secrets(site, KEYCLOAK_PREPARE, job),
        deadline_seconds=_PREPARE_SECONDS,
        paths=site.paths(KEYCLOAK_PREPARE),
    )
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[server]))
    MigrationJob(KEYCLOAK_PREPARE.name, prepare, after)


def _server(site: WorkloadSite, s: KeycloakSettings) -> Workload:
    w, role = site.pod(KEYCLOAK, s), KEYCLOAK.role or ""
    # A pooler that shares connections would give its locks to others.
    database = replace(site.services.postgres, host=site.services.postgres.direct_host)
    w = with_role(w, database, role, site.passwords.roles[role])
    variables = {
        env.KEYCLOAK_HOSTNAME: site.addresses[KEYCLOAK.name],
        env.KEYCLOAK_ADMIN_PASSWORD_FILE: f"{env.SECRETS_DIR}/{ADMIN_PASSWORD}",
    }
    w = replace(
        with_variables(w, variables),
        ports={**w.ports, "metrics": ports.METRICS},
        scratch={"data": _DATA},
        probes=Probes(
            live=Http("/health/live", ports.METRICS),
            ready=Http("/health/ready", ports.METRICS),
            startup_seconds=_START_SECONDS,
        ),
        exceptions={"scaler": "one server: sessions that begin are in its memory alone"},
    )
    return _with_secrets(site, KEYCLOAK, w)


def _with_secrets(site: WorkloadSite, declared: Declaration, w: Workload) -> Workload:
    own = {file: site.passwords.own[name] for file, name in declared.own_secrets.items()}
    return replace(w, secret_files={**w.secret_files, **own})


ROOM: Final = Room(
    declared=(KEYCLOAK, KEYCLOAK_PREPARE), settings=KeycloakSettings, deploy=_deploy, optional=True
)
