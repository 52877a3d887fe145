"""Secrets that External Secrets copies from AWS Secrets Manager into the cluster and keeps up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from infra.manifests.meta import Manifest
from infra.manifests.resources.ready import awaited
from infra.manifests.resources.secret_store import STORE
from infra.names import NEXT_PASSWORD, PASSWORD, PREVIOUS_PASSWORD
from workloads.kit.contracts import env

OPAQUE: Final = "Opaque"
BASIC_AUTH: Final = "kubernetes.io/basic-auth"
"""Types of a Secret."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A secret that stands elsewhere.

    Args:
        key: path of its entry in Secrets Manager.
        property: field of the entry's JSON.
        refresh: how often it is read, such as `15m`.
    """

    key: str
    property: str
    refresh: str


SecretValue = str | Remote
"""A secret's content, or where it stands."""


def rotating(name: str, password: SecretValue) -> dict[str, SecretValue]:
    """A password and, where it stands elsewhere and so rotates, those to come and before: by name."""
    if isinstance(password, str):
        return {name: password}
    fields = (PASSWORD, NEXT_PASSWORD, PREVIOUS_PASSWORD)
    return {
        f"{name}{suffix}": replace(password, property=field)
        for suffix, field in zip(env.PASSWORDS, fields, strict=True)
    }


def external_secret(
    meta: Manifest,
    values: Mapping[str, Remote],
    *,
    kind: str = OPAQUE,
    constants: Mapping[str, str] | None = None,
) -> Manifest:
    """An ExternalSecret, which makes a Secret of its own name.

    Args:
        meta: metadata of both.
        values: key in the Secret → where its value stands.
        kind: type of the Secret.
        constants: further keys of the Secret, whose values are no secrets.

    Raises:
        ValueError: the values are to be read at different intervals, which one ExternalSecret cannot do.
    """
    intervals = {value.refresh for value in values.values()}
    if len(intervals) != 1:
        raise ValueError(f"{meta['name']}: one interval for all values, not {sorted(intervals)}")
    template: Manifest = {"type": kind, "metadata": {"labels": dict(meta["labels"])}}
    if constants:
        template["mergePolicy"] = "Merge"
        template["data"] = dict(constants)
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": awaited(meta),
        "spec": {
            "refreshPolicy": "Periodic",
            "refreshInterval": intervals.pop(),
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": STORE},
            "target": {
                "name": meta["name"],
                "creationPolicy": "Owner",
                # An entry that is gone for a while must not take a running workload's password away.
                "deletionPolicy": "Retain",
                "template": template,
            },
            "data": [
                {
                    "secretKey": name,
                    "remoteRef": {
                        "key": value.key,
                        "property": value.property,
                        # The server's defaults, written out: each refresh would see a change.
                        "conversionStrategy": "Default",
                        "decodingStrategy": "None",
                        "metadataPolicy": "None",
                    },
                }
                for name, value in sorted(values.items())
            ],
        },
    }
