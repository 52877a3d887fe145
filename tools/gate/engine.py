"""The real engine with stand-in providers, on a project of the run's own.

The committed project names no provider's path and no committed file is written: `pulumi preview` outside the
gate needs AWS and the cluster, as it should.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tools import paths, proc, toolchain
from tools.errors import CommandFailed
from tools.gate import record, settings
from tools.gate.model import PolicyResults, StackPreview
from tools.project import NAME

PROGRAMS: Final = ("pulumi", "pulumi-language-python")
PACKAGES: Final = ("aws", "kubernetes")
AT_ONCE: Final = 2
"""Previews at a time: each is a program, an engine, two providers and the policies."""

_TIMEOUT: Final = 600.0
_SHOWN: Final = 4000
"""Characters of the engine's output that are shown where it names no error itself."""


@dataclass(frozen=True)
class Project:
    """A run's own project: its directory, and the environment that a plain `pulumi` needs for it."""

    stack: str
    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": toolchain.env_path(PROGRAMS),
            "PULUMI_HOME": str(self.directory / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.directory}",
            "PULUMI_CONFIG_PASSPHRASE": "stand-in",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
        }

    def pulumi(self, *args: str, env: Mapping[str, str] | None = None) -> str:
        """Run the engine and return its stdout.

        Raises:
            CommandFailed: with what it wrote in `output`.
        """
        return proc.output(
            ["pulumi", *args], env=self.environment | dict(env or {}), cwd=self.directory, timeout=_TIMEOUT
        )

    def configure(self, configuration: Mapping[str, str]) -> None:
        """Write the stack file, keeping what the engine keeps there."""
        target = self.directory / f"Pulumi.{self.stack}.yaml"
        kept = yaml.safe_load(target.read_text()) if target.is_file() else {}
        target.write_text(yaml.safe_dump({**kept, "config": dict(configuration)}))


@contextmanager
def project(stack: str, *, program: Path | None = None) -> Iterator[Project]:
    """A project with an empty state, in a directory that is gone afterwards.

    Args:
        program: the directory of the program, the committed one by default.
    """
    with tempfile.TemporaryDirectory(prefix=f"carbon-{stack}-") as directory:
        made = Project(stack, Path(directory))
        (made.directory / "Pulumi.yaml").write_text(yaml.safe_dump(_project_file(program)))
        made.pulumi("stack", "init", stack)
        yield made


def preview(stack: str, *, policies: bool = True) -> StackPreview:
    """A committed stack as the engine would make it from nothing.

    Args:
        policies: whether to run the policy pack.
    """
    with project(stack) as made:
        made.configure(settings.configuration(stack))
        return observe(made, policies=policies)


def preview_all(stacks: Sequence[str], *, policies: bool = True) -> list[StackPreview]:
    """Several stacks, a few at a time, the longest first: none is left to run alone at the end."""
    longest_first = sorted(stacks, key=lambda stack: -(paths.ROOT / settings.file(stack)).stat().st_size)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        running = {stack: pool.submit(preview, stack, policies=policies) for stack in longest_first}
        return [running[stack].result() for stack in stacks]


def observe(made: Project, *, policies: bool = True) -> StackPreview:
    """Preview a run's project and read what the engine wrote down.

    A preview that fails is an answer too: the errors are in its `diagnostics`.
    """
    started = time.monotonic()
    log, events = made.directory / "calls.json", made.directory / "events.json"
    for file in (log, events):
        file.unlink(missing_ok=True)
    command = ["preview", "-s", made.stack, "--json", "--non-interactive", "--event-log", str(events)]
    pack = ["--policy-pack", str(paths.ROOT / "policies")] if policies else []
    failed: tuple[str, ...] = ()
    try:
        text = made.pulumi(*command, *pack, env={"PULUMI_DEBUG_GRPC": str(log)})
    except CommandFailed as error:
        text, failed = error.output, (f"{error.message}\n{error.output[-_SHOWN:]}",)
    answer = _answer(text)
    calls = record.calls(log) if log.is_file() else record.Calls()
    policy = record.policies(events, calls) if policies and events.is_file() else PolicyResults()
    broken = any(violation.mandatory for violation in policy.violations)
    said = record.errors(events, answer, broken=broken)
    return StackPreview(
        stack=made.stack,
        resources=record.resources(answer, calls),
        policies=policy,
        diagnostics=(said or (() if broken else failed)) if failed else (),
        unknown_provider_inputs=record.unknown_provider_inputs(calls),
        seconds=time.monotonic() - started,
    )


def _answer(text: str) -> dict[str, Any]:
    """The JSON of the engine's stdout; it may stand between other words when the preview failed."""
    start = text.find("{\n")
    if start < 0:
        return {}
    try:
        return json.JSONDecoder().raw_decode(text[start:])[0]
    except json.JSONDecodeError:
        return {}


def _project_file(program: Path | None) -> dict[str, Any]:
    standins = paths.ROOT / "tests" / "standin"
    return {
        "name": NAME,
        "runtime": {"name": "python", "options": {"virtualenv": str(paths.ROOT / ".venv")}},
        "main": str(program or paths.ROOT / "infra"),
        "plugins": {"providers": [{"name": name, "path": str(standins / name)} for name in PACKAGES]},
    }
