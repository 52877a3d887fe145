"""Names of what a stack has at AWS, as its cluster's objects and its own rights write them: each is made.

Keys by alias, the nodes' profile and tags, cluster and queue, target groups and what is behind them,
repositories.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.objects import identity
from tools.gate.cluster_objects import Manifest, Objects, Pods
from tools.gate.model import Resource
from tools.gate.pod_ends import Broken

_ALIAS: Final = re.compile(r"alias/[\w/-]+")


def broken(objects: Objects) -> Broken:
    """All that is named and not there."""
    if objects.aws:
        for look in _LOOKS:
            yield from look(objects)


def _keys(objects: Objects) -> Broken:
    """An alias of a key that an object names is one of the stack's."""
    made = {r.inputs["name"] for r in of_type(objects, "kms/alias:Alias")}
    for o in objects.kind("StorageClass", "EC2NodeClass", "BackupStorageLocation"):
        for alias in sorted(set(_ALIAS.findall(json.dumps(o)))):
            if alias not in made:
                yield o, f"the key {alias} is not made"


def _nodes(objects: Objects) -> Broken:
    """Nodes of Karpenter find their profile, subnets and security groups."""
    profiles = {r.inputs["name"] for r in of_type(objects, "iam/instanceProfile:InstanceProfile")}
    tagged = {(r.inputs["key"], r.inputs["value"]) for r in of_type(objects, "ec2/tag:Tag")}
    for o in objects.kind("EC2NodeClass"):
        spec = o["spec"]
        if spec.get("instanceProfile") not in profiles:
            yield o, f"the instance profile {spec.get('instanceProfile')} is not made"
        for term in spec.get("subnetSelectorTerms", ()):
            subnets = [r.inputs.get("tags", {}) for r in of_type(objects, "ec2/subnet:Subnet")]
            if not any(term["tags"].items() <= tags.items() for tags in subnets):
                yield o, f"no subnet has the tags {term['tags']}"
        for term in spec.get("securityGroupSelectorTerms", ()):
            groups = [r.inputs.get("tags", {}) for r in of_type(objects, "ec2/securityGroup:SecurityGroup")]
            if not set(term["tags"].items()) <= tagged and not any(
                term["tags"].items() <= tags.items() for tags in groups
            ):
                yield o, f"no security group has the tags {term['tags']}"


def _settings(objects: Objects) -> Broken:
    """The cluster and the queue that charts are told of are the stack's."""
    clusters = {r.inputs["name"] for r in of_type(objects, "eks/cluster:Cluster")}
    queues = {r.inputs["name"] for r in of_type(objects, "sqs/queue:Queue")}
    for release in objects.charts:
        for values in (release.values, release.values.get("settings", {})):
            if values.get("clusterName", next(iter(clusters), None)) not in clusters:
                yield release.manifest, f"clusterName: {values['clusterName']} is no cluster of the stack"
            queue = values.get("interruptionQueue")
            if queue and queue not in queues:
                yield release.manifest, f"interruptionQueue: {queue} is not made"


def _targets(objects: Objects) -> Broken:
    """What a load balancer asks of pods is what they answer, and its security group lets it."""
    groups = {r.inputs["name"]: r for r in of_type(objects, "lb/targetGroup:TargetGroup")}
    open_ports = {
        int(r.inputs["fromPort"])
        for r in of_type(objects, "vpc/securityGroupEgressRule:SecurityGroupEgressRule")
        if r.inputs.get("fromPort") is not None
    }
    bound: set[str] = set()
    for o in objects.kind("TargetGroupBinding"):
        name, ref = o["spec"]["targetGroupName"], o["spec"]["serviceRef"]
        if (group := groups.get(name)) is None:
            yield o, f"the target group {name} is not made"
            continue
        bound.add(name)
        service = objects.get("Service", o["metadata"]["namespace"], ref["name"]) or {"spec": {"ports": []}}
        for port in (p for p in service["spec"]["ports"] if p["port"] == ref["port"]):
            for pods in objects.selected(
                o["metadata"]["namespace"], {"matchLabels": service["spec"]["selector"]}
            ):
                yield from ((o, said) for said in _unanswered(group, pods, port, open_ports))
    for name in sorted(groups.keys() - bound):
        yield subject(groups[name]), "no pods are bound to it"


def _unanswered(group: Resource, pods: Pods, port: Mapping[str, Any], open_ports: set[int]) -> Iterator[str]:
    target = port.get("targetPort", port["port"])
    number, path = pods.ports.get(target), group.inputs["healthCheck"]["path"]
    asked = [c.get("readinessProbe", {}).get("httpGet", {}) for c in pods.containers]
    ready = {(pods.ports.get(probe.get("port")), probe.get("path")) for probe in asked}
    if (number, path) not in ready:
        yield f"the target group asks {path} at port {number}, and {identity(pods.owner)} is ready at {ready}"
    if number not in open_ports:
        yield f"the load balancer's security group does not let it to port {number}"


def _repositories(objects: Objects) -> Broken:
    """An image of the account's registry has a repository there; its path before the name is a release's."""
    made = {r.inputs["name"].rpartition("/")[2] for r in of_type(objects, "ecr/repository:Repository")}
    for pods in objects.pods:
        for container in pods.containers:
            host, _, name = container["image"].partition(".amazonaws.com/")
            image = re.split(r"[@:]", name.rpartition("/")[2])[0]
            if ".dkr.ecr." in host and made and image not in made:
                yield pods.owner, f"image {image} has no repository"


def _policies(objects: Objects) -> Broken:
    """A right that names a bucket, role, queue, secret or group of the stack names one that is made.

    Where the deployments' own way in is made, rights are to make other stacks, by patterns of their names."""
    if of_type(objects, "iam/openIdConnectProvider:OpenIdConnectProvider"):
        return
    copies = of_type(objects, "s3/bucketReplicationConfig:BucketReplicationConfig")
    copied_to = {rule["destination"]["bucket"] for r in copies for rule in r.inputs["rules"]}
    buckets = {r.inputs["bucket"] for r in of_type(objects, "s3/bucket:Bucket")}
    made = {
        # Where the copies go is another stack's: both ends are compared across stacks.
        "s3": sorted(buckets | {str(arn).rpartition(":")[2] for arn in copied_to}),
        "sqs": [r.inputs["name"] for r in of_type(objects, "sqs/queue:Queue")],
        "iam": [f"role/{r.inputs['name']}" for r in of_type(objects, "iam/role:Role")],
        "secretsmanager": [
            f"secret:{r.inputs['name']}-abcdef" for r in of_type(objects, "secretsmanager/secret:Secret")
        ],
        "eks": [f"cluster/{r.inputs['name']}" for r in of_type(objects, "eks/cluster:Cluster")],
        "logs": [f"log-group:{r.inputs['name']}" for r in of_type(objects, "cloudwatch/logGroup:LogGroup")],
    }
    for policy in of_type(objects, "iam/policy:Policy"):
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            resources = statement.get("Resource", ())
            for arn in [resources] if isinstance(resources, str) else resources:
                service = arn.split(":")[2] if arn.startswith("arn:") else ""
                if service in made and statement["Effect"] == "Allow" and not _meets(arn, made[service]):
                    yield subject(policy), f"{statement.get('Sid')}: {arn} is nothing that the stack has"


def _meets(arn: str, names: Sequence[str]) -> bool:
    """Whether a pattern is of one of these, itself or something within it."""
    # Of `arn:aws:service:region:account:name`, a bucket has neither region nor account.
    pattern = arn.split(":", 5)[5]
    return any(fnmatchcase(name, pattern) or pattern.startswith((f"{name}/", f"{name}:")) for name in names)


_LOOKS: Final[Sequence[Callable[[Objects], Broken]]] = (
    _keys,
    _nodes,
    _settings,
    _targets,
    _repositories,
    _policies,
)


def of_type(objects: Objects, kind: str) -> list[Resource]:
    """Resources of AWS of a type, such as `s3/bucket:Bucket`."""
    return [r for r in objects.aws if r.type == f"aws:{kind}"]


def subject(resource: Resource) -> Manifest:
    """What a finding about a resource of AWS names."""
    return {"kind": resource.type.rpartition(":")[2], "metadata": {"name": resource.name}}
