"""A stack's life with the stand-in providers: what the engine does to each resource, step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.errors import CommandFailed
from tools.gate.engine import Project

MADE = "create"
SAME = "same"
UPDATED = "update"
REPLACED = "replace"
DELETED = "delete"


@dataclass(frozen=True)
class Outcome:
    """What an operation did.

    Attributes:
        done: URN without stack and project → what happened.
        said: the engine's words.
        failed: them again, if it failed.
    """

    done: Mapping[str, str]
    said: str
    failed: str

    def named(self, what: str) -> set[str]:
        """`Type name` of the resources that this happened to."""
        return {title(urn) for urn, happened in self.done.items() if happened == what}


def up(project: Project) -> Outcome:
    """Create, update and delete what the program asks for."""
    return _run(project, "up", "--yes", "--skip-preview")


def preview(project: Project) -> Outcome:
    """What `up` would do."""
    return _run(project, "preview")


def destroy(project: Project, *flags: str) -> Outcome:
    """Delete what is there."""
    return _run(project, "destroy", "--yes", "--skip-preview", *flags)


def state(project: Project) -> dict[str, dict[str, Any]]:
    """What the state holds by URN, without the stack itself."""
    exported = json.loads(project.pulumi("stack", "export", "-s", project.stack))
    resources = exported["deployment"].get("resources") or []
    return {r["urn"]: r for r in resources if r["type"] != "pulumi:pulumi:Stack"}


def title(urn: str) -> str:
    """`Type name` of a URN."""
    qualified, name = urn.split("::")[-2:]
    return f"{qualified.rpartition('$')[2].rpartition(':')[2]} {name}"


_ONCE_AT_THE_END = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""The whole state is written when an operation ends, not at each of its steps: most of an `up`'s time here,
where the providers answer at once."""


def _run(project: Project, *command: str) -> Outcome:
    events = project.directory / "events.json"
    events.unlink(missing_ok=True)
    flags = ["-s", project.stack, "--non-interactive", "--event-log", str(events)]
    failed = ""
    try:
        said = project.pulumi(*command, *flags, env=_ONCE_AT_THE_END)
    except CommandFailed as error:
        said = failed = error.output
    return Outcome(_happened(events), said, failed)


def _happened(events: Path) -> dict[str, str]:
    done: dict[str, str] = {}
    # An operation that is refused outright has no events.
    for line in events.read_text().splitlines() if events.is_file() else ():
        step = (json.loads(line).get("resourcePreEvent") or {}).get("metadata")
        if step is None or step["type"].startswith("pulumi:"):
            continue
        urn = step["urn"].split("::", 2)[2]
        # A replacement is told in three steps: the resource is replaced, whatever comes last.
        op = REPLACED if "replace" in step["op"] else step["op"]
        done[urn] = op if done.get(urn) != REPLACED else REPLACED
    return done
