"""The committed local stack for tests: its settings, and what the program registers from them."""

from __future__ import annotations

import asyncio
import copy
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import yaml
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.settings import ROOT as ROOT_RESOURCE

from infra.settings.parsing import parse
from infra.settings.stack import PlatformSettings, StackSettings
from infra.stack import Stack
from workloads.kit.contracts import tenants
from workloads.kit.contracts.platform import EGRESS_CLIENTS, IMAGES, PAGES, ROLES, SECRETS

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "stacks" / "Pulumi.local.yaml"

PILOTS = ("pilot-one", "pilot-two")
"""Tenants of the local stack."""

PASSWORDS = {
    "kind": "generated",
    "postgres_password": "superuser-secret-0001",
    "redis_password": "redis-secret-00000002",
    "roles": {role: f"{role}-secret-00000003" for role in (*ROLES, *map(tenants.role, PILOTS))},
    "egress": {name: f"{name}-secret-00000005" for name in EGRESS_CLIENTS},
    "own": {name: f"{name}-secret-00000006" for name in SECRETS},
    "sources": {"market-key": "source-secret-00000004"},
}


def values() -> dict[str, Any]:
    """Configuration of the local stack with what a run adds: key → value, to be changed by a test."""
    config: dict[str, Any] = yaml.safe_load(FILE.read_text())["config"]
    config["carbon:images"] = {name: f"localhost/carbon/{name}:0123456789abcdef" for name in IMAGES}
    config["carbon:cluster"] = {"kind": "kubeconfig", "kubeconfig": "/dev/null", "identifier": "test"}
    config["carbon:secrets"] = copy.deepcopy(PASSWORDS)
    config["carbon:kafka"]["external_port_base"] = 31000
    config["carbon:addresses"] = {name: f"http://127.0.0.1:{32000 + n}" for n, name in enumerate(PAGES)}
    return config


def as_engine(config: Mapping[str, Any]) -> dict[str, str]:
    """The configuration as the engine hands it to the program."""
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in config.items()}


def settings(config: Mapping[str, Any] | None = None) -> StackSettings:
    """Settings of the local stack, or of a changed one."""
    return parse(as_engine(config or values()), file="stacks/Pulumi.local.yaml")


def platform(config: Mapping[str, Any] | None = None) -> PlatformSettings:
    """What runs on the cluster of the local stack, or of a changed one."""
    read = settings(config).platform
    assert read is not None
    return read


@dataclass(frozen=True)
class Registration:
    """A resource as the program registered it."""

    urn: str
    type: str
    name: str
    parent: str
    provider: str
    protect: bool
    aliases: tuple[str, ...]
    depends_on: frozenset[str]
    ignores: tuple[str, ...]
    inputs: dict[str, Any]
    wire: dict[str, Any]
    """The inputs as they were sent: what is secret is marked."""

    @property
    def is_component(self) -> bool:
        return self.type.startswith("carbon:")


class _Echo(Mocks):
    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program calls {args.token}: it should look nothing up")

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", args.inputs


@dataclass
class Recorder(MockMonitor):
    """A monitor that keeps what the plain one hides: parents, protection, aliases, dependencies."""

    answers: Mocks = field(default_factory=_Echo)
    seen: dict[str, Registration] = field(default_factory=dict[str, Registration])
    completed: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def __post_init__(self) -> None:
        super().__init__(self.answers)

    def RegisterResource(self, request: Any) -> Any:
        answer = super().RegisterResource(request)
        if answer.urn in self.seen:
            raise AssertionError(f"{answer.urn} is registered twice")
        self.seen[answer.urn] = Registration(
            urn=answer.urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            provider=request.provider,
            protect=request.protect,
            aliases=tuple(alias.urn or alias.spec.name for alias in request.aliases),
            depends_on=frozenset(request.dependencies),
            ignores=tuple(request.ignoreChanges),
            inputs=_whole_numbers(rpc.deserialize_properties(request.object)),
            wire=MessageToDict(request.object),
        )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self.completed[request.urn] = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)


def _whole_numbers(value: Any) -> Any:
    """The wire knows one kind of number; Kubernetes knows two."""
    if isinstance(value, dict):
        return {key: _whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def record(program: Callable[[], object], *, mocks: Mocks | None = None, stack: str = "local") -> Recorder:
    """Run a program without an engine and keep what it registers.

    Args:
        mocks: what providers would answer; by default each resource's own inputs.
        stack: its name.
    """
    asyncio.set_event_loop(asyncio.new_event_loop())
    monitor = Recorder(mocks or _Echo())
    # The stack of a program before this one would otherwise stay the root, and not be registered again.
    ROOT_RESOURCE.set(None)
    pulumi.runtime.set_mocks(
        monitor.mocks, project="carbon-platform", stack=stack, preview=False, monitor=monitor
    )
    pulumi.runtime.test(lambda: program() and None)()
    return monitor


def registered(config: Mapping[str, Any] | None = None) -> Recorder:
    """What the program registers of the local stack, or of a changed one; not to be changed."""
    return _registered(json.dumps(config or values(), sort_keys=True))


@functools.lru_cache(maxsize=4)
def _registered(config: str) -> Recorder:
    return record(lambda: Stack(settings(json.loads(config))))
