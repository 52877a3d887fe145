"""Namespaces of the cluster's operators, and the service accounts that hold rights at AWS.

The platform's own namespaces are in `workloads.kit.contracts.namespaces`: its workloads know them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workloads.kit.contracts.namespaces import PLATFORM

SYSTEM: Final = "kube-system"
STRIMZI: Final = "strimzi-system"
CLOUDNATIVE_PG: Final = "cnpg-system"
KYVERNO: Final = "kyverno"
VELERO: Final = "velero"
KUBECOST: Final = "kubecost"
EXTERNAL_SECRETS: Final = "external-secrets"
CERT_MANAGER: Final = "cert-manager"
KEDA: Final = "keda"


@dataclass(frozen=True)
class Account:
    """A service account."""

    namespace: str
    name: str


EBS_CSI_ACCOUNT: Final = Account(SYSTEM, "ebs-csi-controller-sa")
VPC_CNI_ACCOUNT: Final = Account(SYSTEM, "aws-node")
"""Names that EKS gives the accounts of its add-ons."""

KARPENTER_ACCOUNT: Final = Account(SYSTEM, "karpenter")
LOAD_BALANCER_ACCOUNT: Final = Account(SYSTEM, "aws-load-balancer-controller")
EXTERNAL_SECRETS_ACCOUNT: Final = Account(EXTERNAL_SECRETS, "external-secrets")
CERT_MANAGER_ACCOUNT: Final = Account(CERT_MANAGER, "cert-manager")
VELERO_ACCOUNT: Final = Account(VELERO, "velero-server")
MLFLOW_ACCOUNT: Final = Account(PLATFORM, "mlflow")
POSTGRES_ACCOUNT: Final = Account(PLATFORM, "postgres")
"""CloudNativePG names the account after the cluster."""
