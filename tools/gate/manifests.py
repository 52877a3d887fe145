"""A stack's Kubernetes objects as a file for other programs, and their words back to the objects' URNs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Key = tuple[str, str, str]
"""Kind, namespace and name; the namespace is empty where an object has none."""


def as_yaml(objects: Iterable[Mapping[str, Any]]) -> str:
    """The objects as YAML documents. (JSON is YAML, and nothing is lost in it.)"""
    return "".join(f"---\n{json.dumps(manifest)}\n" for manifest in objects)


def key(manifest: Mapping[str, Any]) -> Key:
    """What a report calls the object."""
    about = manifest.get("metadata", {})
    return manifest.get("kind", ""), about.get("namespace", ""), about.get("name", "")


def urns(objects: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[Key, str]:
    """Each object's URN by its key."""
    return {key(manifest): urn for urn, manifest in objects}


def named(found: Key) -> str:
    """The object in words: `Deployment carbon/api`."""
    kind, namespace, name = found
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
