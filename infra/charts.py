"""The one table of Helm charts: where each comes from, and which version is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart at one version.

    Attributes:
        name: in its repository.
        repository: URL of the index, or of the registry's directory that holds it (`oci://`).
        version: of the chart.
        app: version of what it installs.
        crds_upgraded: whether an upgrade of the release upgrades the custom resource definitions. Where the
            chart has them in its `crds` directory, Helm makes them once and never touches them again:
            whoever upgrades applies the new ones first.
    """

    name: str
    repository: str
    version: str
    app: str
    crds_upgraded: bool = True

    @property
    def is_oci(self) -> bool:
        """Whether it lies in a container registry."""
        return self.repository.startswith("oci://")


STRIMZI: Final = Chart(
    name="strimzi-kafka-operator",
    repository="oci://quay.io/strimzi-helm",
    version="1.2.0",
    app="1.2.0",
    crds_upgraded=False,
)
CLOUDNATIVE_PG: Final = Chart(
    name="cloudnative-pg",
    repository="https://cloudnative-pg.github.io/charts",
    version="0.29.0",
    app="1.30.0",
)
BARMAN_CLOUD: Final = Chart(
    name="plugin-barman-cloud",
    repository="https://cloudnative-pg.github.io/charts",
    version="0.7.0",
    app="0.13.0",
)
KYVERNO: Final = Chart(
    name="kyverno",
    repository="https://kyverno.github.io/kyverno",
    version="3.9.0",
    app="1.19.0",
)
VELERO: Final = Chart(
    name="velero",
    repository="https://vmware-tanzu.github.io/helm-charts",
    version="12.1.0",
    app="1.18.1",
    crds_upgraded=False,
)
KUBECOST: Final = Chart(
    name="kubecost",
    repository="https://kubecost.github.io/kubecost",
    version="3.2.1",
    app="3.2.1",
)
PROMETHEUS_CRDS: Final = Chart(
    name="prometheus-operator-crds",
    repository="oci://ghcr.io/prometheus-community/charts",
    version="31.0.1",
    app="0.93.1",
)
"""The definitions of kube-prometheus-stack alone: what brings a ServiceMonitor needs them before it."""

KUBE_PROMETHEUS_STACK: Final = Chart(
    name="kube-prometheus-stack",
    repository="oci://ghcr.io/prometheus-community/charts",
    version="88.5.3",
    app="0.93.1",
    crds_upgraded=False,
)
EXTERNAL_SECRETS: Final = Chart(
    name="external-secrets",
    repository="https://charts.external-secrets.io",
    version="2.9.0",
    app="2.9.0",
)
METRICS_SERVER: Final = Chart(
    name="metrics-server",
    repository="https://kubernetes-sigs.github.io/metrics-server",
    version="3.13.1",
    app="0.8.1",
)
KARPENTER: Final = Chart(
    name="karpenter",
    repository="oci://public.ecr.aws/karpenter",
    version="1.14.1",
    app="1.14.1",
    crds_upgraded=False,
)
LOAD_BALANCER_CONTROLLER: Final = Chart(
    name="aws-load-balancer-controller",
    repository="https://aws.github.io/eks-charts",
    version="3.5.0",
    app="3.5.0",
    crds_upgraded=False,
)
CERT_MANAGER: Final = Chart(
    name="cert-manager",
    repository="oci://quay.io/jetstack/charts",
    version="v1.21.1",
    app="1.21.1",
)
KEDA: Final = Chart(
    name="keda",
    repository="https://kedacore.github.io/charts",
    version="2.20.2",
    app="2.20.2",
)
VALKEY: Final = Chart(
    name="valkey",
    repository="https://valkey.io/valkey-helm",
    version="0.11.0",
    app="9.1.1",
)
MLFLOW: Final = Chart(
    name="mlflow",
    repository="https://community-charts.github.io/helm-charts",
    version="1.11.5",
    app="3.15.1",
)

ALL: Final = (
    STRIMZI,
    CLOUDNATIVE_PG,
    BARMAN_CLOUD,
    KYVERNO,
    VELERO,
    KUBECOST,
    PROMETHEUS_CRDS,
    KUBE_PROMETHEUS_STACK,
    EXTERNAL_SECRETS,
    METRICS_SERVER,
    KARPENTER,
    LOAD_BALANCER_CONTROLLER,
    CERT_MANAGER,
    KEDA,
    VALKEY,
    MLFLOW,
)
