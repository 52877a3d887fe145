"""`keys`: API keys of tenants, made and ended within a pod of data-api."""

from __future__ import annotations

import getpass
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools import kube
from tools.errors import CommandFailed, UsageError
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.namespaces import PLATFORM

app = typer.Typer(no_args_is_help=True, help="API keys of tenants: create, list, rotate, revoke.")

MODULE = "workloads.data_api.manage_keys"

_WRONG = 2
"""Exit code of `manage_keys` where the question is wrong."""

_Tenant = Annotated[str, typer.Option(help="whose; its name under carbon:tenants")]
_Id = Annotated[str, typer.Option("--id", help="of the key, as list shows it: not the key itself")]
_Reason = Annotated[str, typer.Option(help="why; it is recorded")]
_Days = Annotated[float, typer.Option(help="until it expires")]


@app.command()
def create(
    tenant: _Tenant,
    name: Annotated[str, typer.Option(help="what it is for")],
    reason: _Reason,
    days: _Days = 90,
    scope: Annotated[list[str] | None, typer.Option(help="read, write, admin; again for more")] = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="of this key, within its tenant's")] = None,
) -> None:
    """Make a key and print it, once: nobody can read it again."""
    scopes = [f"--scope={one}" for one in scope or ["read"]]
    own = [f"--requests-per-minute={requests_per_minute}"] if requests_per_minute is not None else []
    named = (f"--tenant={tenant}", f"--name={name}", f"--days={days}")
    made = in_pod("create", *named, *scopes, *own, *who(reason))
    _show(made)


@app.command("list")
def listed(tenant: _Tenant) -> None:
    """A tenant's keys: which there are, until when, and what became of them."""
    table = Table(box=None, pad_edge=True)
    for column in ("id", "name", "state", "scopes", "until", "made by"):
        table.add_column(column)
    for key in in_pod("list", f"--tenant={tenant}"):
        colour = "green" if key["state"] == "valid" else "dim"
        table.add_row(
            key["id"],
            escape(key["name"]),
            f"[{colour}]{key['state']}",
            ", ".join(key["scopes"]),
            key["expires_at"],
            escape(key["created_by"]),
        )
    Console(highlight=False).print(table)


@app.command()
def rotate(
    tenant: _Tenant,
    key_id: _Id,
    reason: _Reason,
    overlap_hours: Annotated[float, typer.Option(help="how long the old one still holds")] = 24,
    days: _Days = 90,
) -> None:
    """Make a key in another's place; the old one ends after the overlap."""
    more = (f"--id={key_id}", f"--overlap-hours={overlap_hours}", f"--days={days}")
    made = in_pod("rotate", f"--tenant={tenant}", *more, *who(reason))
    _show(made)
    typer.echo(f"{key_id} ends at {made['old_ends_at']}", err=True)


@app.command()
def revoke(tenant: _Tenant, key_id: _Id, reason: _Reason) -> None:
    """End a key now: no pod takes it a few seconds later."""
    in_pod("revoke", f"--tenant={tenant}", f"--id={key_id}", *who(reason))
    typer.echo(f"{key_id} is revoked")


def who(reason: str) -> tuple[str, ...]:
    """The arguments of a change that say by whom and why."""
    return (f"--reason={reason}", f"--by={getpass.getuser()}")


def in_pod(*args: str) -> Any:
    """What `manage_keys` answers in a pod of data-api: its output goes nowhere else, no log holds a key.

    Raises:
        UsageError: the question is wrong, with the words of the answer.
        CommandFailed: the pod, the database or Kafka is away.
    """
    command = ("exec", "-n", PLATFORM, f"deploy/{DATA_API.name}", "--", "python", "-m", MODULE, *args)
    try:
        return json.loads(kube.kubectl(*command).strip().splitlines()[-1])
    except CommandFailed as error:
        if error.returncode == _WRONG:
            said = [line for line in error.output.splitlines() if "exit code" not in line]
            raise UsageError("\n".join(said), remedy="docs/access.md says what there is.") from error
        raise


def _show(made: dict[str, Any]) -> None:
    typer.echo(made["key"])
    typer.echo(
        f"key {made['id']} of {made['tenant']} ({', '.join(made['scopes'])}) until {made['expires_at']}:"
        " it is shown this once",
        err=True,
    )
