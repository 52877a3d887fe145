"""Kafka's topics and clients as Strimzi takes them, each client with its rights.

A client shows a certificate, which Strimzi makes and renews and keeps in a Secret. Every topic and every
client stands in the namespace of the cluster: the operators watch that one alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from infra.manifests.meta import Manifest
from infra.manifests.resources.ready import awaited
from infra.manifests.resources.strimzi import API, below
from infra.settings import Labels
from workloads.kit.contracts.declaration import NO_GROUP, KafkaUse, Quota
from workloads.kit.contracts.topics import Topic


def topics(
    identity: Labels,
    declared: Sequence[Topic],
    *,
    replication_factor: int,
    min_in_sync: int,
    retention_ms: Mapping[str, int],
) -> list[Manifest]:
    """Topics as declared.

    Args:
        retention_ms: by topic, where it is not the declared one.
    """
    return [
        {
            "apiVersion": API,
            "kind": "KafkaTopic",
            "metadata": awaited(below(identity, topic.name, "topic")),
            "spec": {
                "partitions": topic.partitions,
                "replicas": replication_factor,
                "config": {
                    "cleanup.policy": topic.cleanup,
                    "retention.ms": retention_ms.get(topic.name, topic.retention_ms),
                    "min.insync.replicas": min_in_sync,
                },
            },
        }
        for topic in declared
    ]


def user(identity: Labels, name: str, client: KafkaUse) -> Manifest:
    """A workload's certificate, and the rights that its declaration asks for.

    Args:
        name: of the workload.
    """
    return _user(
        identity,
        name,
        [
            *(_topic_acl(client, topic) for topic in dict.fromkeys((*client.reads, *client.writes))),
            *([_acl("group", client.group, "literal", "Read", "Describe")] if client.group else []),
            *(_acl("group", start, "prefix", "Read", "Describe") for start in client.more_groups),
            *([_acl("group", NO_GROUP, "literal", "Describe")] if client.reads else []),
            *(
                _acl("transactionalId", start, "prefix", "Write", "Describe")
                for start in client.transactional_ids
            ),
        ],
        client.quota,
    )


def _topic_acl(client: KafkaUse, topic: str) -> Manifest:
    allowed = [("Read", client.reads), ("Write", client.writes)]
    operations = [operation for operation, where in allowed if topic in where]
    return _acl("topic", topic, "literal", *operations, "Describe")


def tenant_user(identity: Labels, name: str, prefix: str, quota: Quota) -> Manifest:
    """A tenant's certificate: it may do everything with what starts with its prefix, nothing with the rest.

    Args:
        name: of the client.
        prefix: of its topics, consumer groups and transactional ids.
    """
    return _user(
        identity,
        name,
        [
            _acl("topic", prefix, "prefix", "Read", "Write", "Describe", "DescribeConfigs"),
            _acl("group", prefix, "prefix", "Read", "Describe", "Delete"),
            _acl("transactionalId", prefix, "prefix", "Write", "Describe"),
        ],
        quota,
    )


def _user(identity: Labels, name: str, acls: Sequence[Manifest], quota: Quota | None) -> Manifest:
    spec: dict[str, Any] = {
        "authentication": {"type": "tls"},
        "authorization": {"type": "simple", "acls": list(acls)},
    }
    if quota is not None:
        spec["quotas"] = {
            "producerByteRate": quota.produce_bytes,
            "consumerByteRate": quota.consume_bytes,
            "requestPercentage": quota.request_percent,
        }
    return {
        "apiVersion": API,
        "kind": "KafkaUser",
        "metadata": awaited(below(identity, name, "client")),
        "spec": spec,
    }


def _acl(resource: str, name: str, pattern: str, *operations: str) -> Manifest:
    return {
        "type": "allow",
        "resource": {"type": resource, "name": name, "patternType": pattern},
        "operations": list(operations),
        "host": "*",
    }
