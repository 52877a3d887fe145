"""What the gate knows about a stack, and what a check says about it.

A check is a function over all previews. It is listed in `tools.gate.checks.CHECKS`, and names what it could
not look at: nothing unseen is ever counted as passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

KUBERNETES = "kubernetes:"
RELEASE = "kubernetes:helm.sh/v3:Release"
_NOT_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Resource:
    """A resource as the engine would create it.

    Attributes:
        urn: its URN.
        type: its type token.
        name: its name in the program.
        custom: whether a provider makes it; a component is not custom.
        parent: the parent's URN; empty for the stack itself.
        protect: whether the engine refuses to delete or replace it.
        aliases: every URN under which a state may hold it, sorted.
        dependencies: URNs of what it is made after, sorted.
        provider: the URN of its explicit or default provider; empty for components.
        inputs: its inputs after the provider's check, secrets in clear (a run has dummy ones only).
        ignores: property paths that the engine leaves alone.
    """

    urn: str
    type: str
    name: str
    custom: bool
    parent: str = ""
    protect: bool = False
    aliases: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    provider: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ignores: tuple[str, ...] = ()


@dataclass(frozen=True)
class PolicyResult:
    """What a policy said of one resource; `urn` is empty where it said it of the whole stack."""

    policy: str
    urn: str
    mandatory: bool
    message: str


@dataclass(frozen=True)
class PolicyResults:
    """What the policy pack did.

    Attributes:
        ran: policy → how many resources it decided on (1 for a policy on the whole stack).
        violations: mandatory and advisory ones.
        could_not_run: a policy that met an unknown value or failed: nothing is known of that resource.
        excepted: violations that a committed exception covers.
    """

    ran: Mapping[str, int] = field(default_factory=dict[str, int])
    violations: tuple[PolicyResult, ...] = ()
    could_not_run: tuple[PolicyResult, ...] = ()
    excepted: tuple[PolicyResult, ...] = ()


@dataclass(frozen=True)
class StackPreview:
    """A stack as the real engine previews it from nothing.

    Attributes:
        stack: its name.
        resources: in the order in which the program registers them.
        policies: what the policy pack said.
        diagnostics: the engine's own errors; empty when the preview went through.
        unknown_provider_inputs: `URN: input` of each input of a provider that is unknown.
        seconds: how long the preview took.
    """

    stack: str
    resources: tuple[Resource, ...]
    policies: PolicyResults = field(default_factory=PolicyResults)
    diagnostics: tuple[str, ...] = ()
    unknown_provider_inputs: tuple[str, ...] = ()
    seconds: float = 0.0

    def kubernetes_objects(self) -> list[tuple[str, dict[str, Any]]]:
        """Each Kubernetes object with its URN, as the API server would take it, secrets in clear."""
        return [(r.urn, _plain(r.inputs)) for r in self.resources if _is_object(r)]

    def helm_releases(self) -> list[Resource]:
        """The Helm releases: `inputs` has chart, version, repositoryOpts, namespace, values."""
        return [r for r in self.resources if r.type == RELEASE]

    def aws(self, type_: str = "") -> list[Resource]:
        """AWS resources, of one type token (`aws:s3/bucket:Bucket`) or all."""
        return [r for r in self.resources if r.type.startswith("aws:") and type_ in ("", r.type)]


@dataclass(frozen=True)
class Finding:
    """Something that a check found.

    Attributes:
        check: the check's id, kebab-case; `policy/<rule>` for a rule of the pack.
        severity: an `error` fails the gate.
        stack: the stack it was found in.
        subject: the URN, file or key it is about.
        message: what is wrong, in one sentence or the tool's own words.
        remedy: what to do about it.
    """

    check: str
    severity: Severity
    stack: str
    subject: str
    message: str
    remedy: str


@dataclass(frozen=True)
class CheckResult:
    """What a check did.

    Attributes:
        name: the check's id.
        findings: empty when all is well.
        examined: how many things it looked at.
        unseen: what it could not look at, and why, one line each.
        seconds: how long it took.
        cut_short: stacks whose preview did not go through, so that it saw a part of them at most.
    """

    name: str
    findings: Sequence[Finding]
    examined: int
    unseen: Sequence[str] = ()
    seconds: float = 0.0
    cut_short: Sequence[str] = ()


Check = Callable[[Sequence[StackPreview]], CheckResult]


def short_urn(urn: str) -> str:
    """A URN without `urn:pulumi:<stack>::<project>::`."""
    return urn.split("::", 2)[2] if urn else ""


def _is_object(r: Resource) -> bool:
    return r.custom and r.type.startswith(KUBERNETES) and not r.type.startswith(_NOT_OBJECTS)


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Without the engine's own keys (`__…`), which only ever stand at the top."""
    return dict(_own(inputs))


def _own(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in inputs.items() if not key.startswith("__"))
