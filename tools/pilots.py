"""The pilots on this machine: what the local stack entitles them to, and the key that a run makes for one.

The key stands in a file that curl reads a header from (`curl -H @file`), so that no list of processes and no
environment shows it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from infra.settings.base import NAMESPACE
from infra.settings.tenants import TenantSettings
from tools import keys_cli, paths
from tools.cluster.instance import write_atomically
from workloads.kit.contracts.entitlements import Entitlement

TENANT: Final = "pilot-one"
"""The pilot that has every product."""

VARIABLE: Final = "API_AUTH"
"""Environment variable that names the file."""

_DAYS: Final = 30.0
_REASON: Final = "made by the run on this machine"
_NAME: Final = "this machine"


def entitlements() -> dict[str, Entitlement]:
    """What each tenant of the local stack gets."""
    text = (paths.ROOT / "stacks" / "Pulumi.local.yaml").read_text(encoding="utf-8")
    declared: dict[str, Any] = yaml.safe_load(text)["config"].get(f"{NAMESPACE}:tenants", {})
    return {name: TenantSettings.model_validate(one).entitlement for name, one in declared.items()}


def file(directory: Path) -> Path:
    """Where a run keeps the header."""
    return directory / f"{TENANT}.header"


def keep_key(directory: Path) -> None:
    """Make the pilot's key unless the one that is there still holds."""
    there = file(directory)
    if there.is_file():
        found = re.search(r"ck_([0-9a-f]{12})_", there.read_text(encoding="utf-8"))
        known = {key["id"]: key["state"] for key in keys_cli.in_pod("list", f"--tenant={TENANT}")}
        if found and known.get(found[1]) == "valid":
            return
    more = (f"--name={_NAME}", f"--days={_DAYS}", "--scope=read", "--scope=write", *keys_cli.who(_REASON))
    write(directory, keys_cli.in_pod("create", f"--tenant={TENANT}", *more)["key"])


def made(create: Callable[..., dict[str, Any]], directory: Path) -> None:
    """Make it with `manage_keys.create`, where the database is at hand."""
    given = {"name": _NAME, "days": _DAYS, "by": "make try", "reason": _REASON}
    write(directory, create(tenant=TENANT, scopes=("read", "write"), **given)["key"])


def write(directory: Path, key: str) -> None:
    """Put the header where only its owner reads it."""
    write_atomically(file(directory), f"Authorization: Bearer {key}\n", mode=0o600)


def example(directory: Path, url: str) -> str:
    """A question that a person can ask at once."""
    return f"curl -s -H {shlex.quote(f'@{file(directory)}')} '{url}/v1/prices?symbol=WTI&limit=2'"
