"""Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import objects, redis, scaling
from infra.manifests.network import Paths
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import RedisAccess
from infra.settings import Labels
from infra.settings.data import RedisDeployment


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    """Args:
    domain: DNS domain of the cluster.
    password: of its one user.
    """

    identity: Labels
    image: str
    domain: str
    password: SecretValue = field(repr=False)
    settings: RedisDeployment
    paths: Paths


class Redis(Component):
    """A cache; `access` is where clients find it."""

    TYPE: ClassVar[str] = "carbon:storage:Redis"

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        w = redis.workload(
            args.identity,
            args.image,
            args.settings.resources,
            password=args.password,
            max_memory_mib=args.settings.max_memory_mib,
        )
        before = self.add_surroundings(w, args.paths)
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.RECREATE, replicas=1), after=before)
        self.access = RedisAccess(host=w.host(args.domain))
        self.register_outputs({"host": self.access.host})
