"""The pods behind a public name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests.meta import labels
from infra.manifests.resources import load_balancer
from infra.settings import Labels


@dataclass(frozen=True, kw_only=True)
class PublicBindingArgs:
    """Args:
    namespace, service, port: the Service whose pods they are.
    target_group: name of the target group at AWS.
    from_cidrs: networks that the load balancer's requests come from.
    """

    identity: Labels
    namespace: str
    service: str
    port: int
    target_group: str
    from_cidrs: Sequence[str]


class PublicBinding(Component):
    """The pods of a Service are the targets of a target group, and the load balancer may reach them."""

    TYPE: ClassVar[str] = "carbon:services:PublicBinding"

    def __init__(
        self, name: str, args: PublicBindingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        theirs = labels(args.identity, args.service, "public")
        opened = self.add(
            load_balancer.admission(
                name, args.namespace, theirs, workload=args.service, port=args.port, cidrs=args.from_cidrs
            )
        )
        binding = load_balancer.target_group_binding(
            name,
            args.namespace,
            theirs,
            target_group=args.target_group,
            service=args.service,
            port=args.port,
        )
        self.add(binding, after=[opened])
        self.register_outputs({"target_group": args.target_group})
