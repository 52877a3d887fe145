"""What the engine wrote down of a preview, read into the gate's model.

Three files: its answer (`--json`: the graph), the log of its calls (inputs as the providers checked them,
aliases; secrets in clear, so a run has dummy ones only), and its events (what the policies said).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from policies.pack import EXCEPTED
from tools.gate import marks
from tools.gate.model import PolicyResult, PolicyResults, Resource

_PROVIDER: Final = "pulumi:providers:"
_ROOT: Final = "pulumi:pulumi:Stack"


@dataclass
class Calls:
    """What the log of calls holds of each resource, by URN.

    Attributes:
        inputs: as the provider checked them, marks in place.
        registered: the program's own registrations.
        excepted: violations that a committed exception covers.
    """

    inputs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    registered: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    excepted: dict[tuple[str, str], PolicyResult] = field(default_factory=dict[tuple[str, str], PolicyResult])


def resources(answer: Mapping[str, Any], calls: Calls) -> tuple[Resource, ...]:
    """The graph."""
    steps: Sequence[dict[str, Any]] = answer.get("steps", ())
    states = [state for step in steps if (state := step.get("newState"))]
    aliases = _aliases(calls.registered)
    return tuple(
        Resource(
            urn=state["urn"],
            type=state["type"],
            name=_name(state["urn"]),
            custom=bool(state.get("custom")),
            parent=_parent(state),
            protect=bool(state.get("protect")),
            aliases=tuple(sorted(aliases.get(state["urn"], ()))),
            dependencies=tuple(sorted(state.get("dependencies") or ())),
            provider=(state.get("provider") or "").rpartition("::")[0],
            inputs=marks.plain(calls.inputs.get(state["urn"], state.get("inputs") or {})),
            ignores=tuple(calls.registered.get(state["urn"], {}).get("ignoreChanges") or ()),
        )
        for state in states
        if state["type"] != _ROOT
    )


def unknown_provider_inputs(calls: Calls) -> tuple[str, ...]:
    """`URN: input` of each input of a provider that is not known: behind it nothing is checked."""
    return tuple(
        f"{urn}: {name}"
        for urn, registration in calls.registered.items()
        if registration.get("type", "").startswith(_PROVIDER)
        for name, value in (registration.get("object") or {}).items()
        if marks.unknown(value)
    )


def calls(log: Path) -> Calls:
    """Read the log of calls."""
    found = Calls()
    for call in _lines(log):
        request, response = call.get("request") or {}, call.get("response") or {}
        match call.get("method", "").rpartition("/")[2]:
            case "RegisterResource" if "urn" in response:
                found.registered[response["urn"]] = request
            case "Check" | "CheckConfig" if "inputs" in response:
                found.inputs[request["urn"]] = response["inputs"]
            case "Analyze" | "AnalyzeStack":
                for skipped in response.get("notApplicable") or ():
                    if skipped.get("reason", "").startswith(EXCEPTED):
                        policy, urn = skipped["policyName"], request.get("urn", "")
                        result = PolicyResult(policy, urn, False, skipped["reason"].removeprefix(EXCEPTED))
                        found.excepted[policy, urn] = result
            case _:
                pass
    return found


def policies(events: Path, calls: Calls) -> PolicyResults:
    """What the policies said."""
    ran: Counter[str] = Counter()
    violations: list[PolicyResult] = []
    could_not_run: list[PolicyResult] = []
    for event in _lines(events):
        for kind in ("policyAnalyzeSummaryEvent", "policyAnalyzeStackSummaryEvent"):
            summary = event.get(kind) or {}
            ran.update([*(summary.get("passed") or ()), *(summary.get("failed") or ())])
        if said := event.get("policyEvent"):
            result = PolicyResult(
                policy=said["policyName"],
                urn=said.get("resourceUrn") or "",
                mandatory=said["enforcementLevel"] == "mandatory",
                message=_message(said["message"]),
            )
            (could_not_run if _NOT_RUN in said["message"] else violations).append(result)
    return PolicyResults(ran, tuple(violations), tuple(could_not_run), tuple(calls.excepted.values()))


_NOT_RUN: Final = "can't run policy"
"""How the SDK says that a policy met a value that is not known yet."""


def errors(events: Path, answer: Mapping[str, Any], *, broken: bool) -> tuple[str, ...]:
    """The engine's own errors, each once.

    Args:
        broken: whether a mandatory policy was: then that the preview failed is no error of its own, and the
            graph is whole all the same.
    """
    said = [event.get("diagnosticEvent") or {} for event in _lines(events)] if events.is_file() else []
    said += answer.get("diagnostics", ())
    found: dict[str, str] = {}
    for diagnostic in said:
        message = diagnostic.get("message", "").strip().removeprefix("error: ")
        if diagnostic.get("severity") == "error" and message:
            found[message] = found.get(message) or diagnostic.get("urn") or ""
    causes = {message: urn for message, urn in found.items() if not _SUMMARY.fullmatch(message)}
    told = causes or ({} if broken else found)
    return tuple(f"{urn}: {message}" if urn else message for message, urn in told.items())


_SUMMARY: Final = re.compile(r"preview failed|an unhandled error occurred: .*")
"""How the engine says that it failed, for a reason that it gave before."""


def _message(text: str) -> str:
    """The message without the policy's description, which the SDK puts before it."""
    description, _, rest = text.strip().partition("\n")
    return rest.strip() or description


def _parent(state: Mapping[str, Any]) -> str:
    parent: str = state.get("parent") or ""
    return "" if f"::{_ROOT}::" in parent else parent


def _aliases(registered: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Every URN that a state may know a resource under: its own aliases, below each of its parent's."""
    known: dict[str, set[str]] = {}
    for urn, request in registered.items():
        parent: str = request.get("parent") or ""
        own = [*(request.get("aliases") or ()), *({"urn": u} for u in request.get("aliasURNs") or ())]
        names = {(request["name"], request["type"])} | {
            (spec.get("name") or request["name"], spec.get("type") or request["type"])
            for spec in (alias.get("spec") or {} for alias in own)
            if spec and not spec.get("parentUrn") and not spec.get("noParent")
        }
        found = {former for alias in own for former in _own_alias(urn, request, alias)}
        for former in known.get(parent, ()):
            before, after = _name(parent), _name(former)
            for name, type_ in names:
                inherited = after + name.removeprefix(before) if name.startswith(before) else name
                found |= {_urn(former, type_, name, urn), _urn(former, type_, inherited, urn)}
        known[urn] = found - {urn}
    return known


def _own_alias(urn: str, request: Mapping[str, Any], alias: Mapping[str, Any]) -> Iterator[str]:
    if former := alias.get("urn"):
        yield former
    if spec := alias.get("spec"):
        parent = "" if spec.get("noParent") else spec.get("parentUrn") or request.get("parent") or ""
        stack, project = urn.split("::")[:2]
        start = f"urn:pulumi:{spec['stack']}" if spec.get("stack") else stack
        yield _urn(
            parent,
            spec.get("type") or request["type"],
            spec.get("name") or request["name"],
            f"{start}::{spec.get('project') or project}::",
        )


def _urn(parent: str, type_: str, name: str, beside: str) -> str:
    stack, project = beside.split("::")[:2]
    above = parent.split("::")[2] if parent else _ROOT
    qualified = type_ if above == _ROOT else f"{above}${type_}"
    return f"{stack}::{project}::{qualified}::{name}"


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _lines(log: Path) -> Iterator[dict[str, Any]]:
    with log.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


__all__: Sequence[str] = ["Calls", "calls", "errors", "policies", "resources", "unknown_provider_inputs"]
