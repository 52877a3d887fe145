"""A stack's configuration for a run of the gate: what is committed, and stand-ins for what a release brings.

It is checked here, before the engine starts: an unknown key, a wrong type, a missing section or secret. The
engine gets the stack's own file, as it does outside of the gate; the program lays that over the bases.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from infra.settings.base import NAMESPACE
from infra.settings.bases import ConfigLayer, ConfigLayers, SettingsError, layered
from infra.settings.parsing import parse
from infra.settings.stack import GIVEN_AT_RUN_TIME, PLATFORM
from tools import paths
from tools.errors import ToolError, UsageError
from tools.gate.model import Finding
from workloads.kit.contracts import tenants
from workloads.kit.contracts.platform import EGRESS_CLIENTS, IMAGES, PAGES, ROLES, SECRETS

CHECK: Final = "settings"
"""The check's id."""

_FILE_KEYS: Final = frozenset({"config", "secretsprovider", "encryptedkey", "encryptionsalt", "environment"})
_ENGINE_KEYS: Final = frozenset({"pulumi:disable-default-providers"})


def stacks() -> tuple[str, ...]:
    """Every committed stack."""
    return tuple(sorted(file.name.split(".")[1] for file in (paths.ROOT / "stacks").glob("Pulumi.*.yaml")))


def chosen(name: str) -> tuple[str, ...]:
    """The stacks that a name means: one, or every one for `all`.

    Raises:
        UsageError: no such stack; names those that exist.
    """
    known = stacks()
    if name == "all":
        return known
    if name not in known:
        raise UsageError(
            f"STACK={name!r} has no file stacks/Pulumi.{name}.yaml", remedy=f"There are: {', '.join(known)}"
        )
    return (name,)


def file(stack: str) -> Path:
    """The committed file, from the root of the checkout."""
    return Path("stacks") / f"Pulumi.{stack}.yaml"


def configuration(stack: str) -> dict[str, str]:
    """Key → value of the stack's own file as the engine takes them, with what the run brings filled in.

    Raises:
        ToolError: it is no stack file.
        SettingsError: its base is none.
    """
    return {key: _text(value) for key, value in (_read(stack)["config"] | _brought(stack)).items()}


def layers(stack: str) -> ConfigLayers:
    """The committed files of a stack.

    Raises:
        ToolError: its own is no stack file.
        SettingsError: its base is none.
    """
    sections = _sections(_read(stack)["config"])
    return layered(sections, file=str(file(stack)), root=paths.ROOT)


def whole(stack: str) -> ConfigLayers:
    """The committed files of a stack, and what the run brings over them."""
    brought = ConfigLayer("the run", _sections(_brought(stack)))
    return ConfigLayers((*layers(stack).files, brought))


def _sections(config: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{NAMESPACE}:"
    return {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}


def problems(stack: str) -> list[Finding]:
    """What is wrong with a stack's file; empty when all is well."""
    where = str(file(stack))
    try:
        found = _foreign_keys(stack)
    except ToolError as error:
        return [Finding(CHECK, "error", stack, where, error.message, error.remedy)]
    try:
        parse(configuration(stack), file=where, root=paths.ROOT)
    except SettingsError as error:
        for line in str(error).splitlines():
            message, _, remedy = line.partition(" Remedy: ")
            subject = message.partition(": ")[0]
            found.append(Finding(CHECK, "error", stack, subject, message, remedy))
    return found


def _foreign_keys(stack: str) -> list[Finding]:
    content = _read(stack)
    known = dict.fromkeys(content, _FILE_KEYS) | {
        key: _ENGINE_KEYS for key in content.get("config") or {} if not key.startswith(f"{NAMESPACE}:")
    }
    found: list[Finding] = []
    for key, allowed in known.items():
        if key in allowed:
            continue
        near = difflib.get_close_matches(key, sorted(allowed), n=1)
        remedy = f"write {near[0]} if that was meant" if near else f"remove it, or write {NAMESPACE}:…"
        where = str(file(stack))
        found.append(Finding(CHECK, "error", stack, where, f"{where}: {key} is not a setting.", remedy))
    return found


def _read(stack: str) -> dict[str, Any]:
    """A stack file's content.

    Raises:
        ToolError: it is not YAML, or has no map `config`.
    """
    why = "there is no map `config`"
    try:
        content = yaml.safe_load((paths.ROOT / file(stack)).read_text())
    except yaml.YAMLError as error:
        content, why = None, str(error)
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise ToolError(f"{file(stack)}: is no stack file: {why}", remedy="Write YAML with a map `config`.")
    return content


def _brought(stack: str) -> dict[str, Any]:
    """Images that a release would name, and the cluster and passwords of a stack that runs on any cluster."""
    committed = layers(stack).merged()
    if not (PLATFORM.model_fields.keys() - GIVEN_AT_RUN_TIME) & committed.keys():
        return {}
    images = {**_images(committed), **(committed.get("images") or {})}
    brought: dict[str, Any] = {f"{NAMESPACE}:images": images}
    if "cluster" not in committed:
        cluster = {"kind": "kubeconfig", "kubeconfig": "/dev/null", "identifier": stack}
        brought |= {
            f"{NAMESPACE}:cluster": cluster,
            f"{NAMESPACE}:addresses": {name: f"http://{name}.stand-in" for name in PAGES},
            f"{NAMESPACE}:secrets": _passwords(committed.get("tenants") or {}),
        }
    return brought


def _images(committed: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{_registry(committed)}/{name}@sha256:{_digest(name)}" for name in IMAGES}


def _registry(committed: Mapping[str, Any]) -> str:
    aws = committed.get("aws") or {}
    if {"account_id", "region"} <= aws.keys():
        return f"{aws['account_id']}.dkr.ecr.{aws['region']}.amazonaws.com/carbon"
    return "localhost/carbon"


def _passwords(names: Iterable[str]) -> dict[str, Any]:
    roles = (*ROLES, *map(tenants.role, names))
    return {
        "kind": "generated",
        "postgres_password": "stand-in-for-postgres",
        "redis_password": "stand-in-for-redis",
        "roles": {role: f"stand-in-for-{role}" for role in roles},
        "egress": {name: f"stand-in-for-{name}" for name in EGRESS_CLIENTS},
        "own": {name: f"stand-in-for-{name}" for name in SECRETS},
    }


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
