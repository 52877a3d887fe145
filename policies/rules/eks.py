"""The cluster's control plane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from policies.examples import aws
from policies.limits import Limits
from policies.networks import is_most
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule

CLUSTER = "aws:eks/cluster:Cluster"
ADDON = "aws:eks/addon:Addon"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
CIS = "CIS Amazon EKS Benchmark"

LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def _cluster(**props: Any) -> Resource:
    good: dict[str, Any] = {
        "vpcConfig": {"endpointPublicAccess": False, "endpointPrivateAccess": True},
        "encryptionConfig": {"provider": {"keyArn": "arn:aws:kms:demo"}, "resources": ["secrets"]},
        "enabledClusterLogTypes": list(LOGS),
        "accessConfig": {"authenticationMode": "API"},
        "deletionProtection": True,
    }
    return aws(CLUSTER, **{**good, **props})


def _addon(name: str, **values: Any) -> Resource:
    return aws(ADDON, addonName=name, configurationValues=json.dumps(values))


def _endpoint(cluster: Resource, _: Limits) -> Iterator[str]:
    if not cluster.get("vpcConfig.endpointPrivateAccess"):
        yield "the private endpoint is off: nodes would reach the API through the internet"
    # AWS opens the public one where nothing is said.
    if cluster.get("vpcConfig.endpointPublicAccess", True):
        networks: list[str] = cluster.get("vpcConfig.publicAccessCidrs", [])
        if not networks or any(is_most(network) for network in networks):
            yield "the public endpoint answers everybody"


def _encrypted(cluster: Resource, _: Limits) -> Iterator[str]:
    if not cluster.get("encryptionConfig.provider.keyArn"):
        yield "no KMS key encrypts its secrets"
    elif "secrets" not in cluster.get("encryptionConfig.resources", []):
        yield "encryptionConfig.resources does not name secrets"


def _logs(cluster: Resource, _: Limits) -> Iterator[str]:
    if missing := sorted(set(LOGS) - set(cluster.get("enabledClusterLogTypes", []))):
        yield f"it does not log {', '.join(missing)}"


def _entries(cluster: Resource, _: Limits) -> Iterator[str]:
    if (mode := cluster.get("accessConfig.authenticationMode")) != "API":
        yield f"its authentication mode is {mode}"


def _enforced(stack: Stack, _: Limits) -> Iterator[Finding]:
    addons = list(stack.of(ADDON))
    for cluster in stack.of(CLUSTER):
        if not any(a.get("addonName") == "vpc-cni" and _is_enforcing(a) for a in addons):
            yield Finding(cluster, "no vpc-cni add-on with enableNetworkPolicy")


def _is_enforcing(addon: Resource) -> bool:
    values: dict[str, Any] = json.loads(addon.get("configurationValues", "{}") or "{}")
    return str(values.get("enableNetworkPolicy")).lower() == "true"


RULES = (
    ResourceRule(
        id="eks-endpoint-closed",
        source=f"{CIS} 5.4.1, 5.4.2",
        title="the cluster's API answers its network, and from outside an allow-list at most",
        remedy="set endpointPrivateAccess, and endpointPublicAccess: false or publicAccessCidrs",
        types=frozenset({CLUSTER}),
        check=_endpoint,
        passes=(
            _cluster(),
            _cluster(
                vpcConfig={
                    "endpointPublicAccess": True,
                    "endpointPrivateAccess": True,
                    "publicAccessCidrs": ["192.0.2.0/24"],
                }
            ),
        ),
        refuses=(
            _cluster(vpcConfig={"endpointPublicAccess": True, "endpointPrivateAccess": True}),
            _cluster(vpcConfig={"endpointPrivateAccess": True}),
            _cluster(
                vpcConfig={
                    "endpointPublicAccess": True,
                    "endpointPrivateAccess": True,
                    "publicAccessCidrs": ["0.0.0.0/0"],
                }
            ),
            _cluster(vpcConfig={"endpointPublicAccess": False}),
        ),
    ),
    ResourceRule(
        id="eks-secrets-encrypted",
        source=f"{CIS} 5.3.1",
        title="a KMS key of the stack encrypts the cluster's secrets",
        remedy="set encryptionConfig with the key's ARN and resources: [secrets]",
        types=frozenset({CLUSTER}),
        check=_encrypted,
        passes=(_cluster(),),
        refuses=(
            _cluster(encryptionConfig=None),
            _cluster(encryptionConfig={"provider": {"keyArn": "arn:aws:kms:demo"}, "resources": []}),
        ),
    ),
    ResourceRule(
        id="eks-logs",
        source=f"{CIS} 2.1.1",
        title="the control plane writes all of its logs",
        remedy=f"set enabledClusterLogTypes to {', '.join(LOGS)}",
        types=frozenset({CLUSTER}),
        check=_logs,
        passes=(_cluster(),),
        refuses=(_cluster(enabledClusterLogTypes=["api", "audit"]), _cluster(enabledClusterLogTypes=None)),
    ),
    ResourceRule(
        id="eks-access-entries",
        source="EKS Best Practices Guide: identity and access",
        title="who may use the cluster is in access entries, not in a config map",
        remedy="set accessConfig.authenticationMode: API",
        types=frozenset({CLUSTER}),
        check=_entries,
        passes=(_cluster(),),
        refuses=(
            _cluster(accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"}),
            _cluster(accessConfig=None),
        ),
    ),
    StackRule(
        id="eks-network-policies-enforced",
        source=f"{CIS} 4.3.1",
        title="the cluster enforces network policies",
        remedy='give the vpc-cni add-on configurationValues {"enableNetworkPolicy": "true"}',
        about=(CLUSTER, ADDON),
        check=_enforced,
        passes=((_cluster(), _addon("vpc-cni", enableNetworkPolicy="true")),),
        refuses=(
            (_cluster(),),
            (_cluster(), _addon("vpc-cni"), _addon("coredns", enableNetworkPolicy="true")),
        ),
    ),
)
