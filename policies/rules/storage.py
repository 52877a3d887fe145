"""What holds data is encrypted and is not deleted by a slip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.examples import aws, kubernetes, obj, protected
from policies.limits import Limits
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule
from policies.rules.ec2 import NODE_CLASS, TEMPLATE
from policies.rules.eks import CLUSTER

VOLUME = "aws:ebs/volume:Volume"
BY_DEFAULT = "aws:ebs/encryptionByDefault:EncryptionByDefault"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
QUEUE = "aws:sqs/queue:Queue"
TOPIC = "aws:sns/topic:Topic"
FSBP = "AWS Foundational Security Best Practices"

HOLDS_DATA = frozenset(
    {
        "aws:s3/bucket:Bucket",
        "aws:kms/key:Key",
        "aws:kms/replicaKey:ReplicaKey",
        "aws:ecr/repository:Repository",
        "aws:secretsmanager/secret:Secret",
        "aws:ebs/volume:Volume",
        "aws:efs/fileSystem:FileSystem",
        "aws:rds/instance:Instance",
        "aws:rds/cluster:Cluster",
        "aws:dynamodb/table:Table",
        "aws:route53/zone:Zone",
        "aws:cloudtrail/trail:Trail",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:kafka.strimzi.io/v1:Kafka",
        "kubernetes:kafka.strimzi.io/v1:KafkaNodePool",
        "kubernetes:kafka.strimzi.io/v1:KafkaTopic",
        "kubernetes:postgresql.cnpg.io/v1:Cluster",
    }
)
"""Types whose deletion loses what cannot be made again."""


def _unprotected(resource: Resource, limits: Limits) -> Iterator[str]:
    holds = resource.props.get("kind") != "StatefulSet" or resource.get("spec.volumeClaimTemplates")
    if limits.protect and holds and not resource.protect:
        yield "nothing keeps the engine from deleting it"


def _mappings(resource: Resource) -> Sequence[Mapping[str, Any]]:
    path = "spec.blockDeviceMappings" if resource.is_object else "blockDeviceMappings"
    return resource.get(path, [])


def _plain(resource: Resource, _: Limits) -> Iterator[str]:
    if resource.type == VOLUME:
        if not resource.get("encrypted"):
            yield "encrypted is not set"
    elif resource.type == STORAGE_CLASS:
        if (
            resource.get("provisioner") == "ebs.csi.aws.com"
            and resource.get("parameters.encrypted") != "true"
        ):
            yield 'parameters.encrypted is not "true"'
    else:
        for mapping in _mappings(resource):
            ebs: Mapping[str, Any] | None = mapping.get("ebs")
            if ebs is not None and str(ebs.get("encrypted", "")).lower() != "true":
                yield f"{mapping.get('deviceName', 'a device')} is not encrypted"
        if not _mappings(resource):
            yield "it has no blockDeviceMappings: the image decides whether its disk is encrypted"


def _off(stack: Stack, _: Limits) -> Iterator[Finding]:
    on = any(setting.get("enabled", True) for setting in stack.of(BY_DEFAULT))
    if not on:
        for cluster in stack.of(CLUSTER):
            yield Finding(cluster, "its account does not encrypt new volumes by default")


def _queue(resource: Resource, _: Limits) -> Iterator[str]:
    if not resource.get("kmsMasterKeyId") and not resource.get("sqsManagedSseEnabled"):
        yield "neither kmsMasterKeyId nor sqsManagedSseEnabled is set"


_CLAIM = obj("v1", "PersistentVolumeClaim", spec={"accessModes": ["ReadWriteOnce"]})
_STATEFUL = obj("apps/v1", "StatefulSet", spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}}]})


def _template(**ebs: Any) -> Resource:
    return aws(TEMPLATE, blockDeviceMappings=[{"deviceName": "/dev/xvda", "ebs": ebs}])


def _class(**parameters: str) -> Resource:
    return kubernetes(
        obj(
            "storage.k8s.io/v1",
            "StorageClass",
            namespace=None,
            provisioner="ebs.csi.aws.com",
            parameters=parameters,
        )
    )


RULES = (
    ResourceRule(
        id="data-protected",
        source="AWS Well-Architected, Reliability Pillar REL09",
        title="what holds data is protected where the stack asks for it",
        remedy="give the resource protect=True; runbooks/operations/RemoveProtection.md tells how one goes "
        "on purpose",
        types=HOLDS_DATA,
        check=_unprotected,
        passes=(
            protected(aws("aws:s3/bucket:Bucket")),
            protected(kubernetes(_STATEFUL)),
            kubernetes(obj("apps/v1", "StatefulSet", spec={})),
        ),
        refuses=(
            aws("aws:s3/bucket:Bucket"),
            aws("aws:kms/key:Key"),
            kubernetes(_CLAIM),
            kubernetes(_STATEFUL),
        ),
    ),
    ResourceRule(
        id="volumes-encrypted",
        source=f"{FSBP} EC2.3",
        title="every disk and volume is encrypted",
        remedy="set encrypted on the device, the volume or the storage class",
        types=frozenset({VOLUME, TEMPLATE, NODE_CLASS, STORAGE_CLASS}),
        check=_plain,
        passes=(_template(encrypted="true"), aws(VOLUME, encrypted=True), _class(encrypted="true")),
        refuses=(
            _template(encrypted="false"),
            _template(),
            aws(TEMPLATE),
            aws(VOLUME),
            _class(type="gp3"),
            kubernetes(obj("karpenter.k8s.aws/v1", "EC2NodeClass", namespace=None, spec={})),
        ),
    ),
    StackRule(
        id="volumes-encrypted-by-default",
        source=f"{FSBP} EC2.7",
        title="an account that runs a cluster encrypts new volumes by default",
        remedy="add an aws.ebs.EncryptionByDefault",
        about=(CLUSTER, BY_DEFAULT),
        check=_off,
        passes=((aws(CLUSTER), aws(BY_DEFAULT, enabled=True)), (aws(VOLUME),)),
        refuses=((aws(CLUSTER),), (aws(CLUSTER), aws(BY_DEFAULT, enabled=False))),
    ),
    ResourceRule(
        id="messages-encrypted",
        source=f"{FSBP} SQS.1, SNS.1",
        title="queues and topics are encrypted",
        remedy="set kmsMasterKeyId, or sqsManagedSseEnabled on a queue",
        types=frozenset({QUEUE, TOPIC}),
        check=_queue,
        passes=(aws(QUEUE, sqsManagedSseEnabled=True), aws(TOPIC, kmsMasterKeyId="alias/demo")),
        refuses=(aws(QUEUE), aws(TOPIC)),
    ),
)
