"""What a cluster would answer: names where none is given, what the API server fills in, ready statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.standin import sdk, values, wire
from tests.standin.values import Seed

RELEASE: Final = "kubernetes:helm.sh/v3:Release"


def checked(token: str, name: str, inputs: Mapping[str, Any], at: Seed) -> dict[str, Any]:
    """The inputs with a name made up where the program gives none, as the provider does."""
    if token == RELEASE:
        return dict(inputs) | ({} if inputs.get("name") else {"name": f"{name}-{at.hex(8)}"})
    metadata = inputs.get("metadata") or {}
    if wire.is_marked(metadata) or metadata.get("name") or metadata.get("generateName"):
        return dict(inputs)
    return dict(inputs) | {"metadata": {**metadata, "name": f"{name}-{at.hex(8)}"}}


def identifier(token: str, inputs: Mapping[str, Any]) -> str:
    """`namespace/name`, or the name alone of what belongs to no namespace."""
    holder = inputs if token == RELEASE else inputs.get("metadata") or {}
    namespace, name = holder.get("namespace"), holder.get("name")
    return f"{namespace}/{name}" if namespace else str(name)


def outputs(token: str, given: Mapping[str, Any], at: Seed) -> dict[str, Any]:
    """Every output: what was given, and what the cluster adds."""
    if token == RELEASE:
        return dict(given) | {"status": _release(given)} | {"resourceNames": {}, "manifest": {}}
    made = dict(given)
    metadata = given.get("metadata") or {}
    if not wire.is_marked(metadata):
        made["metadata"] = {
            **metadata,
            "uid": at.uuid,
            "resourceVersion": str(at.number(10**6)),
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        }
    if token == "kubernetes:core/v1:Service" and isinstance(spec := given.get("spec"), dict):
        address = "None" if spec.get("clusterIP") == "None" else f"172.20.0.{at.number(254) + 1}"
        made["spec"] = {"clusterIP": address, **spec}
    resource = sdk.resource_class(token)
    if resource is not None and "status" in sdk.outputs(resource) and "status" not in given:
        made["status"] = values.made_up(sdk.outputs(resource)["status"], "status", at)
    return made


def _release(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "appVersion": "",
        "chart": given.get("chart", ""),
        "name": given.get("name", ""),
        "namespace": given.get("namespace") or "default",
        "revision": 1,
        "status": "deployed",
        "version": given.get("version") or "",
    }
