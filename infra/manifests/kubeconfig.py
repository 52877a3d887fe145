"""Kubeconfig of an EKS cluster."""

from __future__ import annotations

import json


def kubeconfig(
    cluster: str, endpoint: str, certificate: str, *, region: str, role_arn: str | None = None
) -> str:
    """A kubeconfig without a credential: `aws eks get-token` makes one when it is used.

    Args:
        certificate: of the cluster's authority, base64.
        role_arn: role that is taken on for it.
    """
    arguments = ["eks", "get-token", "--cluster-name", cluster, "--region", region, "--output", "json"]
    if role_arn is not None:
        arguments += ["--role-arn", role_arn]
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": cluster,
            "clusters": [
                {
                    "name": cluster,
                    "cluster": {"server": endpoint, "certificate-authority-data": certificate},
                }
            ],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
            "users": [
                {
                    "name": cluster,
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1beta1",
                            "command": "aws",
                            "args": arguments,
                            "interactiveMode": "Never",
                        }
                    },
                }
            ],
        }
    )
