"""What all AWS components share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from infra.components.base import Component
from infra.names import Names
from infra.settings.aws import Aws, LogRetention
from infra.settings.base import Labels


@dataclass(frozen=True, kw_only=True)
class AwsSite:
    """Where a stack is, and what holds for all that it has there.

    Args:
        protect: whether the engine refuses to delete or replace what holds data.
        boundary: whether roles have the environment's permissions boundary.
        logs: how long which logs are kept.
    """

    names: Names
    labels: Labels
    protect: bool
    boundary: bool
    logs: LogRetention


def site(labels: Labels, settings: Aws) -> AwsSite:
    """The site that settings describe.

    Raises:
        ValueError: the environment cannot be part of a name at AWS.
    """
    return AwsSite(
        names=Names(labels.environment, settings.account_id, settings.region),
        labels=labels,
        protect=settings.protect,
        boundary=settings.boundary,
        logs=settings.logs,
    )


class AwsComponent(Component):
    """A component of AWS resources, which the Foundation's provider makes."""

    def child(self, suffix: str) -> str:
        """Name in the stack of a resource of the component."""
        return f"{self._name}-{suffix}"

    def below(
        self,
        *,
        after: Sequence[pulumi.Resource] = (),
        protect: bool = False,
        left_alone: Sequence[str] = (),
        retain: bool = False,
    ) -> pulumi.ResourceOptions:
        """Options of a resource of the component.

        Args:
            after: what must be there before it.
            protect: whether the engine refuses to delete or replace it.
            left_alone: inputs that are another's once it is made.
            retain: whether it stays at AWS when it leaves the stack.
        """
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=list(after),
            protect=protect or None,
            ignore_changes=list(left_alone),
            retain_on_delete=retain or None,
        )
