"""A Secret, or what makes one of the same name and keys."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from infra.manifests.meta import Manifest
from infra.manifests.resources.external_secrets import OPAQUE, Remote, SecretValue, external_secret


def secret(
    meta: Manifest,
    values: Mapping[str, SecretValue],
    *,
    kind: str = OPAQUE,
    constants: Mapping[str, str] | None = None,
) -> Manifest:
    """A Secret with its content in clear, whose typed resource marks `data` as secret, or an ExternalSecret.

    Args:
        meta: metadata of it.
        values: key → content, or where it stands.
        kind: type of the Secret.
        constants: further keys, whose values are no secrets.

    Raises:
        ValueError: some values stand elsewhere and some do not.
    """
    remote = {name: value for name, value in values.items() if isinstance(value, Remote)}
    contents = {name: value for name, value in values.items() if isinstance(value, str)}
    if remote and contents:
        raise ValueError(
            f"{meta['name']}: {sorted(contents)} stand in the stack file and {sorted(remote)} do not"
        )
    if remote:
        return external_secret(meta, remote, kind=kind, constants=constants)
    data = {
        name: base64.b64encode(content.encode()).decode()
        for name, content in {**(constants or {}), **contents}.items()
    }
    return {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": meta, "data": data}
