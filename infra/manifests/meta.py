"""Names, labels and annotations of every object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from infra.settings import Labels

Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one, as the API takes it."""

ANNOTATIONS: Final = "carbon"
"""Prefix of our own annotations."""

CONFIG_HASH: Final = f"{ANNOTATIONS}/config-hash"
EXCEPTION: Final = f"{ANNOTATIONS}/exception."
"""Followed by a rule's short name; the value is the reason why the workload does without it."""

NAME: Final = "app.kubernetes.io/name"


def labels(identity: Labels, name: str, component: str) -> dict[str, str]:
    """Standard labels of an object; `component` is its role in the platform."""
    return {
        NAME: name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "carbon-platform",
        "app.kubernetes.io/managed-by": "pulumi",
        "env": identity.environment,
        "owner": identity.owner,
        "team": identity.team,
        "product": identity.product,
        "cost-center": identity.cost_center,
    }


def version(image: str) -> str:
    """An image's tag, or the start of its digest, as a label's value."""
    reference = image.rsplit("/", 1)[-1]
    tag = reference.rsplit("@sha256:", 1)[1][:12] if "@sha256:" in reference else reference.rsplit(":", 1)[1]
    return re.sub(r"[^A-Za-z0-9_.-]", "-", tag)[:63].strip("-_.")


def selector(name: str) -> dict[str, str]:
    """Labels that pick one workload's pods; they never change, since a selector cannot."""
    return {NAME: name}


def metadata(
    name: str,
    namespace: str | None,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Metadata of an object; without a namespace for what belongs to the cluster."""
    made: Manifest = {"name": name, "labels": dict(labels)}
    if namespace is not None:
        made["namespace"] = namespace
    if annotations:
        made["annotations"] = dict(annotations)
    return made
