"""Which changes replace a resource instead of updating it, for the types where that is known.

The SDKs do not say. For AWS the table is the providers' own: arguments marked ForceNew in the Terraform
resource that pulumi-aws 7 wraps. For Kubernetes it is the real provider's (`forceNewProperties`), which is
what the API server refuses to update. The stand-in providers and the gate's snapshot both read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_ABSENT: Final = None


@dataclass(frozen=True)
class Rule:
    """What replaces a type.

    Attributes:
        changed: property paths whose change replaces it (`spec.selector`; through lists, every element).
        removed: property paths that replace it when they were set and are no more.
        holds_data: whether replacing it loses something that no program brings back.
    """

    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    holds_data: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        return (*self.changed, *self.removed)


def _holds(*changed: str, removed: tuple[str, ...] = ()) -> Rule:
    return Rule(changed, removed, holds_data=True)


AWS: Final[Mapping[str, Rule]] = {
    "aws:acm/certificate:Certificate": Rule(("domainName", "subjectAlternativeNames", "keyAlgorithm")),
    "aws:backup/vault:Vault": _holds("name", "kmsKeyArn"),
    "aws:budgets/budget:Budget": Rule(("name", "accountId")),
    "aws:cloudtrail/trail:Trail": _holds("name"),
    "aws:cloudwatch/logGroup:LogGroup": _holds("name", "logGroupClass"),
    "aws:dynamodb/table:Table": _holds(
        "name", "hashKey", "rangeKey", "localSecondaryIndexes", "importTable", "restoreSourceName"
    ),
    "aws:ec2/eip:Eip": _holds("domain", "publicIpv4Pool", "networkBorderGroup", "address"),
    "aws:ec2/flowLog:FlowLog": Rule(
        ("logDestination", "logDestinationType", "logFormat", "trafficType", "vpcId", "iamRoleArn")
    ),
    "aws:ec2/internetGateway:InternetGateway": Rule(()),
    "aws:ec2/natGateway:NatGateway": Rule(("subnetId", "allocationId", "connectivityType")),
    "aws:ec2/routeTable:RouteTable": Rule(("vpcId",)),
    "aws:ec2/securityGroup:SecurityGroup": Rule(("name", "namePrefix", "description", "vpcId")),
    "aws:ec2/subnet:Subnet": _holds("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"),
    "aws:ec2/vpc:Vpc": _holds("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Rule(("vpcId", "serviceName", "vpcEndpointType")),
    "aws:ecr/repository:Repository": _holds("name", "encryptionConfigurations"),
    "aws:efs/fileSystem:FileSystem": _holds(
        "creationToken", "encrypted", "kmsKeyId", "performanceMode", "availabilityZoneName"
    ),
    "aws:eks/cluster:Cluster": _holds(
        "name",
        "roleArn",
        "bootstrapSelfManagedAddons",
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "kubernetesNetworkConfig.ipFamily",
        "kubernetesNetworkConfig.serviceIpv4Cidr",
        "outpostConfig",
        removed=("encryptionConfig",),
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": _holds(
        "replicationGroupId", "subnetGroupName", "atRestEncryptionEnabled", "kmsKeyId", "port"
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Rule(("url",)),
    "aws:iam/policy:Policy": Rule(("name", "namePrefix", "path", "description")),
    "aws:iam/role:Role": Rule(("name", "namePrefix", "path")),
    "aws:kms/alias:Alias": Rule(("name", "namePrefix")),
    "aws:kms/key:Key": _holds("customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId"),
    "aws:kms/replicaKey:ReplicaKey": _holds("primaryKeyArn"),
    "aws:lb/loadBalancer:LoadBalancer": Rule(("name", "namePrefix", "internal", "loadBalancerType")),
    "aws:lb/targetGroup:TargetGroup": Rule(
        ("name", "namePrefix", "port", "protocol", "protocolVersion", "targetType", "vpcId", "ipAddressType")
    ),
    "aws:rds/cluster:Cluster": _holds(
        "clusterIdentifier",
        "engine",
        "engineMode",
        "databaseName",
        "masterUsername",
        "dbSubnetGroupName",
        "storageEncrypted",
        "kmsKeyId",
        "availabilityZones",
        "snapshotIdentifier",
    ),
    "aws:rds/instance:Instance": _holds(
        "identifierPrefix",
        "engine",
        "dbName",
        "username",
        "storageEncrypted",
        "kmsKeyId",
        "availabilityZone",
        "characterSetName",
        "snapshotIdentifier",
    ),
    "aws:rds/subnetGroup:SubnetGroup": Rule(("name", "namePrefix")),
    "aws:route53/zone:Zone": _holds("name", "delegationSetId"),
    "aws:s3/bucket:Bucket": _holds("bucket", "bucketPrefix", "objectLockEnabled"),
    "aws:secretsmanager/secret:Secret": _holds("name", "namePrefix"),
    "aws:sns/topic:Topic": Rule(("name", "namePrefix", "fifoTopic")),
    "aws:sqs/queue:Queue": _holds("name", "namePrefix", "fifoQueue"),
    "aws:wafv2/ipSet:IpSet": Rule(("name", "namePrefix", "scope", "ipAddressVersion")),
    "aws:wafv2/webAcl:WebAcl": Rule(("name", "namePrefix", "scope")),
}
"""By type token. Every type also has `region`, whose change replaces it."""

_NAMED: Final = ("metadata.name", "metadata.namespace")

KUBERNETES: Final[Mapping[str, Rule]] = {
    "kubernetes:apps/v1:DaemonSet": Rule(("spec.selector",)),
    "kubernetes:apps/v1:Deployment": Rule(("spec.selector",)),
    "kubernetes:apps/v1:StatefulSet": _holds(
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "kubernetes:batch/v1:Job": Rule(
        ("spec.completions", "spec.parallelism", "spec.selector", "spec.template")
    ),
    "kubernetes:core/v1:Namespace": _holds(),
    "kubernetes:core/v1:PersistentVolume": _holds("spec.csi", "spec.local", "spec.nfs", "spec.hostPath"),
    "kubernetes:core/v1:PersistentVolumeClaim": _holds(
        "spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"
    ),
    "kubernetes:core/v1:ResourceQuota": Rule(("spec.scopes",)),
    "kubernetes:core/v1:Service": Rule(("spec.clusterIP",)),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": Rule(("roleRef",)),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": Rule(("roleRef",)),
    "kubernetes:storage.k8s.io/v1:StorageClass": Rule(("parameters", "provisioner")),
    "kubernetes:kafka.strimzi.io/v1:Kafka": _holds(),
    "kubernetes:kafka.strimzi.io/v1:KafkaNodePool": _holds(),
    "kubernetes:kafka.strimzi.io/v1:KafkaTopic": _holds(),
    "kubernetes:postgresql.cnpg.io/v1:Cluster": _holds(),
    "kubernetes:postgresql.cnpg.io/v1:Database": _holds(),
}
"""By type token, besides `metadata.name` and `metadata.namespace`, which every object has."""

IMMUTABLE_CONTENT: Final[Mapping[str, Rule]] = {
    "kubernetes:core/v1:ConfigMap": Rule(("data", "binaryData")),
    "kubernetes:core/v1:Secret": Rule(("data", "stringData", "type")),
}
"""Replaced by new content unless the provider has enableConfigMapMutable and enableSecretMutable."""

_RELEASE: Final = "kubernetes:helm.sh/v3:Release"


def rule(token: str) -> Rule | None:
    """What is known to replace a type; None where nothing is known."""
    if token == _RELEASE:
        return Rule(("name", "namespace"))
    if token.startswith("kubernetes:"):
        own = KUBERNETES.get(token, Rule())
        return Rule((*_NAMED, *own.changed), own.removed, own.holds_data)
    known = AWS.get(token)
    return Rule((*known.changed, "region"), known.removed, known.holds_data) if known else None


def relevant(token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that decide about replacement: path → value, absent ones left out."""
    known = rule(token)
    values = {path: value_at(inputs, path) for path in known.paths} if known else {}
    return {path: value for path, value in values.items() if value is not _ABSENT}


def replaces(token: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The paths because of which a resource would be replaced.

    Args:
        before: path → value, as `relevant` gives it.
        after: likewise.
    """
    known = rule(token)
    if known is None:
        return []
    return [p for p in known.changed if before.get(p) != after.get(p)] + [
        p for p in known.removed if before.get(p) is not _ABSENT and after.get(p) is _ABSENT
    ]


def holds_data(token: str) -> bool:
    """Whether replacing a resource of this type loses data."""
    known = rule(token)
    return known is not None and known.holds_data


def value_at(inputs: Any, path: str) -> Any:
    """The value at a path; below a list, the list of its elements' values; None where there is none."""
    head, _, rest = path.partition(".")
    if isinstance(inputs, list):
        found = [value_at(inner, path) for inner in inputs]  # pyright: ignore[reportUnknownVariableType]
        return found if any(value is not _ABSENT for value in found) else _ABSENT
    if not isinstance(inputs, Mapping) or head not in inputs:
        return _ABSENT
    inner: Any = inputs[head]  # pyright: ignore[reportUnknownVariableType]
    return value_at(inner, rest) if rest else inner
