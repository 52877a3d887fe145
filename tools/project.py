"""A run's own Pulumi project: project and stack file, passphrase and state, in the instance's directory.

The committed files hold no secret, salt, provider path or image tag. Each run generates its project from
them: the committed stack's values, with what only the run knows laid over them.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from infra.settings.base import NAMESPACE
from infra.settings.bases import laid_over, layered
from tools import paths, proc, sets, toolchain
from tools.errors import CommandFailed, UsageError
from workloads.kit.contracts import tenants
from workloads.kit.contracts.platform import EGRESS_CLIENTS, ROLES, SECRETS

NAME = "carbon-platform"
PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-resource-kubernetes")
SECRETS_KEY = "carbon:secrets"


def directory() -> Path:
    """Where the run's project is."""
    return paths.state_dir() / "pulumi"


def environment() -> dict[str, str]:
    """What a plain `pulumi` needs to work on the run's project from any directory; holds no secret value."""
    here = directory()
    return {
        "PATH": toolchain.env_path(PROGRAMS),
        "PULUMI_OPTION_CWD": str(here),
        "PULUMI_BACKEND_URL": f"file://{here}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(here / "passphrase"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # What an interrupted run had begun to make is there under another manager's name: it is taken over.
        "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
    }


def stack_name() -> str:
    """The stack to run: `$STACK`, else `local`; it must have a committed file.

    Raises:
        UsageError: no such stack; names those that exist.
    """
    name = os.environ.get("STACK") or "local"
    if not _committed(name).is_file():
        known = sorted(p.name.split(".")[1] for p in (paths.ROOT / "stacks").glob("Pulumi.*.yaml"))
        raise UsageError(
            f"STACK={name!r} has no file stacks/Pulumi.{name}.yaml", remedy=f"There are: {known}"
        )
    return name


def generate(overlay: Mapping[str, Any], chosen: Sequence[str]) -> None:
    """Write the project and the stack file, keeping the secrets and the salt of an earlier run.

    Args:
        overlay: settings that only this run knows, laid over the committed ones key by key.
        chosen: its sets.
    """
    here, stack = directory(), stack_name()
    here.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_once(here / "passphrase", secrets.token_urlsafe(32))
    _replace(here / "Pulumi.yaml", yaml.safe_dump(_project_file(), sort_keys=False))
    target = here / f"Pulumi.{stack}.yaml"
    earlier = yaml.safe_load(target.read_text()) if target.is_file() else {}
    committed = yaml.safe_load(_committed(stack).read_text()) or {}
    config = laid_over(committed.get("config", {}), overlay) | {sets.KEY: list(chosen)}
    if kept := earlier.get("config", {}).get(SECRETS_KEY):
        config[SECRETS_KEY] = kept
    generated = {k: v for k, v in earlier.items() if k.startswith("encr")} | {"config": config}
    _replace(target, yaml.safe_dump(generated, sort_keys=False))
    pulumi("stack", "select", "--create", stack)
    _complete_secrets(stack)


def chosen_sets() -> list[str]:
    """Sets of the run as it was last brought up; none before that."""
    file = directory() / f"Pulumi.{stack_name()}.yaml"
    if not file.is_file():
        return []
    return list(yaml.safe_load(file.read_text(encoding="utf-8"))["config"].get(sets.KEY, []))


def pulumi(*args: str, stdin: str | None = None, timeout: float = 300) -> str:
    """Run the engine on the run's project and return its stdout."""
    return proc.output(["pulumi", *args], env=environment(), stdin=stdin, timeout=timeout)


def destroy() -> None:
    """Delete what the stack declared on a cluster that is not this instance's own, and the run's project."""
    if directory().is_dir():
        pulumi("destroy", "-s", stack_name(), "--yes", "--non-interactive", timeout=1800)
    shutil.rmtree(paths.state_dir(), ignore_errors=True)


def _project_file() -> dict[str, Any]:
    return {
        "name": NAME,
        "runtime": {"name": "python", "options": {"virtualenv": str(paths.ROOT / ".venv")}},
        "main": str(paths.ROOT / "infra"),
    }


def _committed(stack: str) -> Path:
    return paths.ROOT / "stacks" / f"Pulumi.{stack}.yaml"


def _complete_secrets(stack: str) -> None:
    """Make the secrets that are missing; those that exist stay, so that running twice changes nothing.

    They go to the engine on stdin: an argument list would show them to every process on the machine.
    """
    try:
        have: dict[str, Any] = json.loads(pulumi("config", "get", SECRETS_KEY, "-s", stack))
    except CommandFailed:
        have = {}
    config: dict[str, Any] = yaml.safe_load(_committed(stack).read_text())["config"]
    own = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items()}
    file = str(_committed(stack).relative_to(paths.ROOT))
    declared = layered(own, file=file, root=paths.ROOT).merged().get("tenants", {})
    want = {
        "postgres_password": None,
        "redis_password": None,
        "egress": dict.fromkeys(EGRESS_CLIENTS),
        "own": dict.fromkeys(SECRETS),
        "roles": dict.fromkeys((*ROLES, *map(tenants.role, declared))),
    }
    made = {"kind": "generated", **_filled(want, have)}
    if made != have:
        pulumi("config", "set", "--secret", SECRETS_KEY, "-s", stack, stdin=json.dumps(made))


def _filled(want: Mapping[str, Any], have: Mapping[str, Any]) -> dict[str, Any]:
    """`have` with what it lacks; what a person put there besides stays."""
    made = dict(have)
    for key, inner in want.items():
        if isinstance(inner, Mapping):
            made[key] = _filled(cast("Mapping[str, Any]", inner), have.get(key, {}))
        else:
            made[key] = have.get(key) or secrets.token_urlsafe(24)
    return made


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
    """Whole or not at all, readable by its owner alone."""
    part = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    part.replace(path)
