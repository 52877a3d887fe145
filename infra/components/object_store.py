"""The object store that the platform runs itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import object_store, objects, scaling
from infra.manifests.network import Paths
from infra.manifests.resources.external_secrets import SecretValue
from infra.settings import Labels
from infra.settings.lake import ObjectStoreGateway
from workloads.kit.contracts import ports


@dataclass(frozen=True, kw_only=True)
class ObjectStoreArgs:
    """Args:
    domain: DNS domain of the cluster.
    secret: key of its one account.
    """

    identity: Labels
    image: str
    domain: str
    secret: SecretValue = field(repr=False)
    settings: ObjectStoreGateway
    paths: Paths


class ObjectStore(Component):
    """S3 over a volume; `access` is what clients need."""

    TYPE: ClassVar[str] = "carbon:storage:ObjectStore"

    def __init__(self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        settings = args.settings
        w = object_store.workload(
            args.identity, args.image, settings.resources, settings.storage, secret=args.secret
        )
        before = self.add_surroundings(w, args.paths)
        claim = self.add(objects.claim(w), protect=settings.storage.protect)
        self.add(objects.service(w, w.ports), after=before)
        self.add(scaling.disruption_budget(w))
        self.add(objects.deployment(w, scaling.RECREATE, replicas=1), after=[*before, claim])
        url = f"http://{w.host(args.domain)}:{ports.OBJECT_STORE}"
        self.access = object_store.access(url, args.secret)
        self.register_outputs({"url": url})
