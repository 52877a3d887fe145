"""Waiting until an operator has done what a custom resource asks."""

from __future__ import annotations

from typing import Any, Final

from infra.manifests.meta import Manifest

AWAIT_READY: Final = {"pulumi.com/waitFor": "condition=Ready"}
"""Annotation: the engine goes on, and starts what depends on the object, when its operator calls it ready."""


def awaited(meta: Manifest) -> Manifest:
    """Metadata of an object that the engine waits for."""
    notes: dict[str, Any] = meta.get("annotations", {})
    return {**meta, "annotations": {**notes, **AWAIT_READY}}
