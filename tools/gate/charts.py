"""Every values key that a Helm release sets, checked against the chart's own values and its schema.

The charts' values lie in `tests/data/charts`, so that no chart repository is needed. Helm itself takes any
key: one that the chart does not know does nothing, without a word.

- A key is known when the chart's values or its schema have it. Many charts mention an optional key only in a
  comment (`# key: …`): it is accepted, and listed with its line.
- Below a map that the chart leaves empty, a null, or a list, the keys are whatever the chart passes them on
  to: they are open. So are fields that are Kubernetes' own, whatever the chart's example has in them.
- Values of another version than the pin prove nothing: the chart is listed as not checked, and what would
  have been an error is a warning.
"""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.gate import commented
from tools.gate.chart_schema import schema_keys, validator
from tools.gate.model import CheckResult, Finding, Resource, StackPreview
from tools.paths import ROOT

CHECK = "chart-values"
DATA = ROOT / "tests" / "data" / "charts"

KUBERNETES_FIELDS = frozenset(
    {
        "affinity",
        "annotations",
        "capabilities",
        "containerSecurityContext",
        "labels",
        "livenessProbe",
        "matchLabels",
        "namespaceSelector",
        "nodeSelector",
        "podAnnotations",
        "podAntiAffinity",
        "podLabels",
        "podSecurityContext",
        "readinessProbe",
        "resources",
        "securityContext",
        "startupProbe",
        "strategy",
        "updateStrategy",
    }
)
"""Keys below which a chart copies what it is given into an object: what may stand there, Kubernetes says."""

PASSED_ON: Mapping[tuple[str, str], str] = {
    ("kube-prometheus-stack", "alertmanager.config"): "Alertmanager's own configuration",
    ("kube-prometheus-stack", "grafana"): "a chart of its own, whose values are not here",
    ("kube-prometheus-stack", "kube-state-metrics"): "a chart of its own, whose values are not here",
    ("kube-prometheus-stack", "prometheus-node-exporter"): "a chart of its own, whose values are not here",
}
"""Chart and path below which a key that the chart does not name goes to something else, and to what."""

OWN_LISTS = frozenset({("velero", "configuration.backupStorageLocation")})
"""Lists of maps whose items' keys the chart reads itself: what its default's items have is all there is."""

Path_ = tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """A chart's values, as committed.

    Attributes:
        version: the chart's version.
        app: the version of what it installs; may be empty.
        mentioned: paths that only a comment names → the line.
        schema: None when the chart has none.
    """

    name: str
    version: str
    app: str
    values: Mapping[str, Any]
    mentioned: Mapping[Path_, int] = field(default_factory=dict[Path_, int])
    schema: Mapping[str, Any] | None = None


@dataclass
class Seen:
    """What a check of one release found.

    Attributes:
        wrong: (path, message, remedy) of each key that is wrong.
        keys: how many keys were looked up.
        from_comments: keys that only a comment names, each with its line.
        open: paths below which any key is taken.
    """

    wrong: list[tuple[Path_, str, str]] = field(default_factory=list[tuple[Path_, str, str]])
    keys: int = 0
    from_comments: list[str] = field(default_factory=list[str])
    open: list[str] = field(default_factory=list[str])


def chart_values(previews: Sequence[StackPreview]) -> CheckResult:
    """Check the values of every Helm release of every stack."""
    began = time.monotonic()
    findings: list[Finding] = []
    unseen: dict[str, None] = {}
    examined = 0
    for preview in previews:
        for release in preview.helm_releases():
            found, keys, notes = _release(preview.stack, release)
            findings += found
            examined += keys
            unseen |= dict.fromkeys(notes)
    return CheckResult(CHECK, findings, examined, tuple(unseen), time.monotonic() - began)


@cache
def load(name: str, data: Path = DATA) -> Chart | None:
    """A chart as committed; None when there is nothing of that name.

    `chart.txt` has the lines of the chart's Chart.yaml that say what it is; `release` there is its version
    where its repository keeps a placeholder.
    """
    directory = data / name
    if not directory.is_dir():
        return None
    about = yaml.safe_load((directory / "chart.txt").read_text(encoding="utf-8"))
    text = (directory / "values.yaml").read_text(encoding="utf-8")
    schema = directory / "values.schema.json"
    release = about.get("release")
    return Chart(
        name=name,
        version=str(release or about["version"]),
        app=str(release or about.get("appVersion") or about["version"]),
        values=yaml.load(text, Loader=yaml.CSafeLoader) or {},
        mentioned=commented.keys(text),
        schema=json.loads(schema.read_text(encoding="utf-8")) if schema.is_file() else None,
    )


def same_version(one: str, other: str) -> bool:
    """Whether two versions are the same, with or without the `v`."""
    return one.removeprefix("v") == other.removeprefix("v")


def check_values(chart: Chart, values: Mapping[str, Any]) -> Seen:
    """Look each key of a release's values up in the chart's, and hold the whole against its schema."""
    seen = Seen()
    _look_up(chart, values, chart.values, (), seen)
    if chart.schema is not None:
        reported = {path for path, _, _ in seen.wrong}
        merged = merge(chart.values, values)
        for error in validator(chart.schema).iter_errors(merged):
            path = tuple(str(part) for part in error.absolute_path)
            # It says again that a key is unknown, and names all that are.
            if error.validator == "additionalProperties" and any(p[:-1] == path for p in reported):
                continue
            message = f"{'.'.join(path) or 'the values'}: {error.message}"
            seen.wrong.append((path, message, "Give it a value that the chart's schema takes."))
    return seen


def merge(default: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """The values as Helm merges them: maps key by key, all else whole, and a null takes a key away."""
    merged = dict(default)
    for key, value in ours.items():
        before = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[key] = merge(before, value)
        else:
            merged[key] = value
    return merged


def _release(stack: str, release: Resource) -> tuple[list[Finding], int, list[str]]:
    inputs = release.inputs
    name = str(inputs.get("chart", "")).rstrip("/").rsplit("/", 1)[-1]
    pin = str(inputs.get("version") or "")
    if not pin:
        message, remedy = f"chart {name} has no version", "Pin it: without one, Helm takes the newest."
        return [Finding(CHECK, "error", stack, release.urn, message, remedy)], 0, []
    values = inputs.get("values") or {}
    chart = load(name)
    if chart is None:
        return [], 0, [f"chart {name}: not checked (no data of it in tests/data/charts)"] if values else []
    seen = check_values(chart, values)
    checked = same_version(chart.version, pin)
    findings = [
        Finding(
            CHECK, "error" if checked else "warning", stack, release.urn, f"chart {name}: {message}", remedy
        )
        for _, message, remedy in seen.wrong
    ]
    if not checked:
        stale = f"chart {name}: not checked (data of version {chart.version}, pin {pin})"
        return findings, 0, [stale]
    notes = [f"chart {name}: {key}" for key in seen.from_comments]
    if seen.open:
        notes.append(f"chart {name}: open, so not looked into: {', '.join(sorted(set(seen.open)))}")
    return findings, seen.keys, notes


def _look_up(
    chart: Chart, ours: Mapping[str, Any], default: Mapping[str, Any], path: Path_, seen: Seen
) -> None:
    known = {str(key) for key in default} | schema_keys(chart.schema, path)
    for key, value in ours.items():
        here = (*path, key)
        dotted = ".".join(here)
        seen.keys += 1
        if key in known:
            _compare(chart, value, default.get(key), here, seen)
        elif line := chart.mentioned.get(here):
            seen.from_comments.append(f"{dotted} stands in a comment only (values.yaml line {line})")
        elif passed_on := _passed_on(chart, path):
            seen.open.append(f"{'.'.join(path)} ({passed_on})")
        else:
            remedy = _nearest(chart, key, sorted(known), path)
            seen.wrong.append((here, f"it does not know the key {dotted}", remedy))


def _compare(chart: Chart, value: Any, default: Any, path: Path_, seen: Seen) -> None:
    dotted = ".".join(path)
    if isinstance(value, Mapping):
        if path[-1] in KUBERNETES_FIELDS:
            seen.open.append(dotted)
        elif isinstance(default, Mapping) and default:
            _look_up(chart, value, default, path, seen)
        elif value and default not in (None, "", [], {}):
            remedy = f"The chart's default is {json.dumps(default)}."
            seen.wrong.append((path, f"{dotted} is a map, and the chart has none there", remedy))
        elif value:
            seen.open.append(dotted)
    elif isinstance(default, Mapping) and default and value is not None:
        message = f"{dotted} is {json.dumps(value)}, and the chart has a map there"
        seen.wrong.append((path, message, f"Its keys are {', '.join(map(str, default))}."))
    elif isinstance(value, list) and (chart.name, dotted) in OWN_LISTS:
        example = merge({}, {k: v for item in default for k, v in item.items()})
        for item in value:
            _look_up(chart, item, example, (*path, "[]"), seen)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        seen.open.append(dotted)


def _nearest(chart: Chart, key: str, known: Sequence[str], path: Path_) -> str:
    def alike(cutoff: float) -> str | None:
        close = difflib.get_close_matches(key, known, n=1, cutoff=cutoff)
        return f"The nearest key there is {'.'.join((*path, close[0]))}." if close else None

    elsewhere = next((p for p in _paths(chart.values) if p[-1].lower() == key.lower()), None)
    if typo := alike(0.85):
        return typo
    if elsewhere:
        return f"The chart has {'.'.join(elsewhere)}."
    return alike(0.6) or f"It knows there: {', '.join(known)}."


def _paths(values: Mapping[str, Any], path: Path_ = ()) -> Iterator[Path_]:
    """Each key's path, outer ones first."""
    for key in values:
        yield (*path, str(key))
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _paths(value, (*path, str(key)))


def _passed_on(chart: Chart, path: Path_) -> str | None:
    prefixes = (".".join(path[: n + 1]) for n in range(len(path)))
    return next((to for p in prefixes if (to := PASSED_ON.get((chart.name, p)))), None)
