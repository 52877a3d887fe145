"""What operators and charts make, against the rules that the cluster enforces on it; and exceptions for it.

An exception that is `rendered` is about objects that no preview shows: here each of its rules has to be
broken by something that is known to be made (`tools.gate.made`), or it excuses nothing and is an error. What
is made and excused by none would be refused in the cluster, long after the update began.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from infra import charts
from infra.manifests import admission
from policies import cel, exceptions, limits, objects
from policies.rules import OBJECT_RULES
from tools.gate import made
from tools.gate.model import CheckResult, Finding, StackPreview

CHECK: Final = "rendered"

_REFUSED: Final = (
    "Have the operator or chart make it otherwise, by its template or values; where it cannot, say so in "
    "policies/exceptions.yaml by the name that it really has."
)
_IDLE: Final = "Take the rule out of the entry, or correct the name in `resource`."
_BY_ITSELF: Final = {
    (
        "kube-prometheus-stack",
        ("prometheusOperator", "admissionWebhooks", "failurePolicy"),
    ): "Fail",
}
"""Chart and path → the value with which its own webhook refuses what the same release makes, since nothing
answers it yet (prometheus-community/helm-charts#2020)."""

_FIRST: Final = "Let it fail on upgrades alone: the chart has a value for that (IgnoreOnInstallOnly)."
_STALE: Final = "Read that version's source, then correct the functions and SEEN in tools/gate/made."


def rendered(previews: Sequence[StackPreview]) -> CheckResult:
    """Evaluate the rules over what others make in namespaces where they are enforced."""
    began = time.monotonic()
    findings = list(stale())
    unseen: list[str] = []
    examined = 0
    for preview in previews:
        enforced = _enforced(preview)
        found = [one for one in made.of(preview) if one["metadata"]["namespace"] in enforced]
        examined += len(found)
        findings += judge(preview.stack, found)
        findings += first_install(preview)
        blind = sorted(
            made.chart_of(release)
            for release in preview.helm_releases()
            if release.inputs.get("namespace") in enforced and made.chart_of(release) not in made.VERSIONS
        )
        if blind:
            unseen.append(f"{preview.stack}: charts in enforced namespaces: {', '.join(blind)}")
    return CheckResult(CHECK, findings, examined, unseen, time.monotonic() - began)


def judge(stack: str, found: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    """A finding for each rule that is broken without excuse, and each exception that excuses nothing."""
    mine = exceptions.of(stack)
    today = datetime.datetime.now(datetime.UTC).date()
    used: set[tuple[exceptions.RuleException, str]] = set()
    for one in found:
        for rule in admission.enforceable(OBJECT_RULES):
            if one["kind"] not in rule.enforced_kinds or cel.holds(rule, one, limits.of(stack)):
                continue
            covering = [e for e in mine if rule.id in e.rules and today <= e.expires and e.matches("", one)]
            used |= {(e, rule.id) for e in covering}
            if not covering and rule.severity == "mandatory":
                name = objects.identity(one)
                yield Finding(
                    f"{CHECK}/{rule.id}", "error", stack, name, f"is refused: {rule.title}", _REFUSED
                )
    for exception in mine:
        idle = [rule for rule in exception.rules if (exception, rule) not in used]
        if exception.rendered and idle:
            said = f"{exception.label(idle)} matches nothing that is made"
            yield Finding(CHECK, "error", stack, "policies/exceptions.yaml", said, _IDLE)


def first_install(preview: StackPreview) -> Iterator[Finding]:
    """A finding for each release that its own webhook stops when it is installed first."""
    for release in preview.helm_releases():
        for (chart, path), stops in _BY_ITSELF.items():
            value: Any = release.inputs.get("values") or {}
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            if made.chart_of(release) == chart and value == stops:
                said = f"{'.'.join(path)} {value} refuses the chart's own objects on its first install"
                yield Finding(f"{CHECK}/first-install", "error", preview.stack, release.urn, said, _FIRST)


def stale() -> Iterator[Finding]:
    """A finding for each maker whose pinned version is not the one whose source was read."""
    for chart in charts.ALL:
        seen = made.VERSIONS.get(chart.name)
        if seen is not None and seen != chart.version:
            said = f"the source that was read is of {seen}, and infra/charts.py pins {chart.version}"
            yield Finding(CHECK, "error", "every stack", f"chart {chart.name}", said, _STALE)


def _enforced(preview: StackPreview) -> set[str]:
    return {
        manifest["metadata"]["name"]
        for _, manifest in preview.kubernetes_objects()
        if manifest.get("kind") == "Namespace"
        and admission.ENFORCED.items() <= manifest["metadata"].get("labels", {}).items()
    }
