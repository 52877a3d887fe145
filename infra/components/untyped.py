"""Kubernetes objects of kinds that the SDK has no class for."""

from __future__ import annotations

import pulumi

from infra.manifests.meta import Manifest


class Untyped(pulumi.CustomResource):
    """An object of any kind. The SDK's own class for these takes `spec` and no other field, and a snapshot
    class has none; the provider takes an object whole.
    """

    def __init__(self, name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> None:
        token = f"kubernetes:{manifest['apiVersion']}:{manifest['kind']}"
        super().__init__(token, name, dict(manifest), opts)
