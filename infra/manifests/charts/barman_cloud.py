"""Values of the Barman Cloud plugin's chart."""

from __future__ import annotations

from infra.manifests import pods
from infra.manifests.meta import Manifest
from infra.manifests.resources import priority
from infra.settings import Resources


def values(settings: Resources) -> Manifest:
    """Values. One pod: an update stops all of them first, so more would gain nothing."""
    return {
        "replicaCount": 1,
        "priorityClassName": priority.OPERATORS,
        "resources": pods.resources(settings),
    }
