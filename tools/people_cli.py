"""`people`: who may sign in at the platform's own issuer, and the first password of each."""

from __future__ import annotations

import base64
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from tools import access, kube
from tools.errors import UsageError
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.keycloak import KEYCLOAK, KEYCLOAK_PREPARE, PEOPLE_KEY
from workloads.kit.contracts.namespaces import PLATFORM
from workloads.kit.contracts.people import RealmFacts, first_password

app = typer.Typer()


@app.command()
def people() -> None:
    """Show who may sign in, and first passwords: each is the person's own to change."""
    facts, key = declared(), people_key()
    table = Table(box=None, pad_edge=True)
    for column in ("name", "tenant", "roles", "first password or secret"):
        table.add_column(column)
    for name, one in {**facts.people, **facts.programs}.items():
        table.add_row(name, one.tenant or "", ", ".join(one.roles), first_password(key, name))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"at {access.where(access.by_name(KEYCLOAK.name))}, from {facts.hub}/hub/")


def declared() -> RealmFacts:
    """What the newest job was to make of the realm.

    Raises:
        UsageError: there is none.
    """
    label = f"app.kubernetes.io/name={KEYCLOAK_PREPARE.name}"
    jobs: list[dict[str, Any]] = kube.get("jobs", "-n", PLATFORM, "-l", label)["items"]
    if not jobs:
        raise UsageError("nobody signs in here by a password", remedy="make up WITH=identity")
    newest = max(jobs, key=lambda one: one["metadata"]["creationTimestamp"])
    [container] = newest["spec"]["template"]["spec"]["containers"]
    told = {one["name"]: one.get("value", "") for one in container["env"]}
    return RealmFacts.model_validate_json(told[env.REALM])


def people_key() -> str:
    """What first passwords follow from."""
    data = kube.get("secret", KEYCLOAK.name, "-n", PLATFORM)["data"]
    return base64.b64decode(data[PEOPLE_KEY]).decode()
