"""What the rooms of consumers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pydantic import Field

from infra.components.consumer_deployment import ConsumerDeployment, ConsumerDeploymentArgs
from infra.manifests.scaling import Lag
from infra.settings.workloads import Scaler, WorkloadSettings
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts.declaration import Declaration


class ConsumerSettings(WorkloadSettings):
    """A consumer of a topic."""

    scaler: Scaler = Field(description="How many pods run.")


def deploy(
    declared: Declaration,
    site: WorkloadSite,
    s: ConsumerSettings,
    opts: pulumi.ResourceOptions,
    variables: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
) -> None:
    """The members of a workload's consumer group.

    Args:
        declared: it is a member of a group, and reads one topic.
        variables, args: as `WorkloadSite.pod` takes them.
    """
    assert declared.kafka is not None, "a consumer reads a topic"
    assert declared.kafka.group is not None, "a consumer is a member of a group"
    (topic,) = declared.kafka.reads
    made = ConsumerDeploymentArgs(
        workload=site.pod(declared, s, args=args, variables=variables),
        scaler=s.scaler,
        lag=Lag(kafka=site.services.kafka, group=declared.kafka.group, topic=topic),
        paths=site.paths(declared),
    )
    ConsumerDeployment(declared.name, made, opts)
