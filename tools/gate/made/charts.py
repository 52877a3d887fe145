"""What charts render in the platform's namespace.

Read in community-charts/helm-charts, charts/mlflow at 1.11.5 (`templates/deployment.yaml`), and in
valkey-io/valkey-helm, valkey at 0.11.0 (`templates/deploy_valkey.yaml`, `_helpers.tpl`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tools.gate import charts
from tools.gate.made.parts import Manifest, deployment, http_probe, service
from tools.gate.model import Resource

SEEN: Final = {"mlflow": "1.11.5", "valkey": "0.11.0"}


def mlflow(release: Resource) -> Iterator[Manifest]:
    """The server, with the container before it that brings its tables up to date."""
    values, app = _values("mlflow", release)
    name, account = values["fullnameOverride"], values["serviceAccount"]
    own = _chart_labels("mlflow", release)
    migrated = values["initImages"]["mlflowDbMigration"]
    secrets = [{"secretRef": {"name": f"{name}-env-secret"}}]
    database = values["backendStore"]["existingDatabaseSecret"]
    password = {"secretKeyRef": {"name": database["name"], "key": database["passwordKey"]}}
    both: Manifest = {
        "securityContext": values["securityContext"],
        "resources": values["resources"],
        "env": [{"name": "PGPASSWORD", "valueFrom": password}],
        "envFrom": secrets,
    }
    spec: Manifest = {
        "serviceAccountName": account["name"],
        "securityContext": values["podSecurityContext"],
        "initContainers": [
            {
                "name": "mlflow-db-migration",
                "image": f"{migrated['repository']}:{migrated['tag'] or app}",
                **both,
            }
        ],
        "containers": [
            {
                "name": "mlflow",
                "image": _image(values["image"], app),
                "livenessProbe": http_probe("/health", "http"),
                "readinessProbe": http_probe("/health", "http"),
                **both,
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}, *values.get("extraVolumes", [])],
    }
    labels = own | values.get("extraPodLabels", {})
    yield from deployment(_meta(release, name, own), labels, spec)
    yield service(_meta(release, name, own), own, values["service"]["port"])


def valkey(release: Resource) -> Iterator[Manifest]:
    """The server, with the container before it that writes its configuration."""
    values, app = _values("valkey", release)
    name, image = values["fullnameOverride"], values["image"]
    shared = _chart_labels(values["nameOverride"], release) | values["commonLabels"]
    of = f"{image['registry']}/{image['repository']}:{image['tag'] or app}"
    spec: Manifest = {
        "automountServiceAccountToken": values["serviceAccount"]["automount"],
        "serviceAccountName": values["serviceAccount"]["name"],
        "securityContext": values["podSecurityContext"],
        "initContainers": [
            {
                "name": f"{name}-init",
                "image": of,
                "securityContext": values["securityContext"],
                "resources": values["initResources"],
            }
        ],
        "containers": [
            {
                "name": name,
                "image": of,
                "securityContext": values["securityContext"],
                "resources": values["resources"],
                "startupProbe": {"tcpSocket": {"port": "tcp"}},
                "livenessProbe": {"tcpSocket": {"port": "tcp"}},
                "readinessProbe": {"tcpSocket": {"port": "tcp"}},
            }
        ],
        "volumes": [
            {"name": "scripts", "configMap": {"name": f"{name}-init-scripts"}},
            {"name": "valkey-users-secret", "secret": {"secretName": values["auth"]["usersExistingSecret"]}},
        ],
    }
    yield from deployment(_meta(release, name, shared), shared, spec)
    yield service(_meta(release, name, shared), shared, values["service"]["port"])


def _values(chart: str, release: Resource) -> tuple[Mapping[str, Any], str]:
    """A release's values over the chart's own, and the version of what it installs."""
    known = charts.load(chart)
    assert known is not None, f"tests/data/charts has {chart}"
    return charts.merge(known.values, release.inputs.get("values") or {}), known.app


def _image(image: Mapping[str, Any], app: str) -> str:
    if image.get("digest"):
        return f"{image['repository']}@{image['digest']}"
    return f"{image['repository']}:{image['tag'] or app}"


def _chart_labels(name: str, release: Resource) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": str(release.inputs["name"]),
        "app.kubernetes.io/managed-by": "Helm",
    }


def _meta(release: Resource, name: str, labels: Mapping[str, str]) -> Manifest:
    return {"name": name, "namespace": release.inputs["namespace"], "labels": dict(labels)}
