"""What the cluster's pods may do at AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import ClassVar, Final

import pulumi

from infra.components.aws.base import AwsComponent, AwsSite
from infra.components.aws.keys import Keys
from infra.components.aws.pod_role import PodRole, PodRoleArgs
from infra.manifests.iam import pods
from infra.manifests.iam.document import Document, text
from infra.names import Bucket
from infra.namespaces import (
    CERT_MANAGER_ACCOUNT,
    EBS_CSI_ACCOUNT,
    EXTERNAL_SECRETS_ACCOUNT,
    LOAD_BALANCER_ACCOUNT,
    MLFLOW_ACCOUNT,
    POSTGRES_ACCOUNT,
    VELERO_ACCOUNT,
    Account,
)
from workloads.kit.contracts.declared.data_api import DATA_API, DOWNLOAD_WORKER
from workloads.kit.contracts.namespaces import PLATFORM

_OF_TENANTS: Final = (pods.downloads, "Files that tenants asked for")
_OBJECTS: Final = dict.fromkeys((DATA_API.name, DOWNLOAD_WORKER.name), _OF_TENANTS)
"""Workloads that reach a part of the warehouse's bucket alone."""


@dataclass(frozen=True, kw_only=True)
class PodRightsArgs:
    """Args:
    buckets: that the stack has.
    secrets: whether it has secrets.
    zone_arn: of its DNS zone, if it has one.
    lake: names of the workloads that keep objects in the warehouse's bucket.
    """

    site: AwsSite
    cluster_name: pulumi.Input[str]
    keys: Keys
    buckets: Set[Bucket]
    secrets: bool
    zone_arn: pulumi.Output[str] | None
    lake: Sequence[str] = ()


class PodRights(AwsComponent):
    """A role for each service account that needs one; nobody has a right to what the stack does not have.

    `ready` is what must be there before the pods: they ask for their role when they start.
    """

    TYPE: ClassVar[str] = "carbon:aws:PodRights"

    def __init__(self, name: str, args: PodRightsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.ready: list[pulumi.Resource] = []
        names = args.site.names
        policy = args.keys.arn("volumes").apply(lambda arn: text(pods.ebs_csi(names, arn)))
        self._give("ebs-csi", "Volumes", EBS_CSI_ACCOUNT, policy)
        self._give(
            "load-balancer",
            "Pods behind the load balancer",
            LOAD_BALANCER_ACCOUNT,
            text(pods.load_balancer_controller(names)),
        )
        if args.secrets:
            policy = args.keys.arn("secrets").apply(lambda arn: text(pods.external_secrets(names, arn)))
            self._give("external-secrets", "Secrets in the cluster", EXTERNAL_SECRETS_ACCOUNT, policy)
        if args.zone_arn is not None:
            policy = args.zone_arn.apply(lambda arn: text(pods.cert_manager(arn)))
            self._give("cert-manager", "Proofs for certificates", CERT_MANAGER_ACCOUNT, policy)
        if "recovery" in args.buckets:
            self._give("velero", "Backups of the cluster", VELERO_ACCOUNT, self._objects(pods.velero))
            self._give("postgres", "Backups of PostgreSQL", POSTGRES_ACCOUNT, self._objects(pods.postgres))
        if "mlflow" in args.buckets:
            self._give("mlflow", "Artifacts of models", MLFLOW_ACCOUNT, self._objects(pods.mlflow))
        for workload in args.lake:
            account = Account(PLATFORM, workload)
            one, of = _OBJECTS.get(workload, (pods.lake, "Objects of the lake"))
            self._give(workload, of, account, self._objects(one))
        self.register_outputs({})

    def _objects(self, document: Callable[..., Document]) -> pulumi.Output[str]:
        """Policy on objects, which are encrypted with the storage key."""
        names = self._args.site.names
        return self._args.keys.arn("storage").apply(lambda arn: text(document(names, arn)))

    def _give(self, purpose: str, description: str, account: Account, policy: pulumi.Input[str]) -> None:
        policies: Mapping[str, pulumi.Input[str]] = {"own": policy}
        role = PodRole(
            self.child(purpose),
            PodRoleArgs(
                site=self._args.site,
                cluster_name=self._args.cluster_name,
                purpose=purpose,
                description=description,
                account=account,
                policies=policies,
            ),
            self.below(),
        )
        self.ready += role.ready
