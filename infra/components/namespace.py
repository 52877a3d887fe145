"""A namespace with its defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import namespace
from infra.settings import Labels, Quota, Resources


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """Args:
    quota: what all its pods may ask for together.
    enforced: whether the cluster refuses objects there that break the policies.
    """

    identity: Labels
    quota: Quota
    enforced: bool = False


class Namespace(Component):
    """A namespace that takes restricted pods only, with quota, limits and closed network."""

    TYPE: ClassVar[str] = "carbon:cluster:Namespace"

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        made = self.add(namespace.namespace(name, args.identity, enforced=args.enforced))
        quota = args.quota
        defaults = namespace.defaults(
            name,
            args.identity,
            cpu=quota.cpu,
            memory=quota.memory,
            memory_limit=quota.memory_limit,
            pods=quota.pods,
            claims=quota.claims,
            container=Resources(cpu="50m", memory="64Mi", cpu_limit="500m", memory_limit="256Mi"),
        )
        self.add_all(defaults, after=[made])
        self.namespace = name
        self.register_outputs({"namespace": name})
