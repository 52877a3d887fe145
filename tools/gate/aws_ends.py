"""What lets the cluster's pods in at AWS, and by which password: both ends are one.

Secrets and their fields, passwords, roles of service accounts, places in buckets with the rights on them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from infra.names import NEXT_PASSWORD, PASSWORD, PREVIOUS_PASSWORD, USERNAME, VALUE
from policies.objects import identity
from tools.gate.access import Call, allows
from tools.gate.aws_names import of_type, subject
from tools.gate.cluster_objects import Manifest, Objects, Pods
from tools.gate.model import Resource
from tools.gate.pod_ends import Broken

_S3: Final = re.compile(r"s3a?://([a-z0-9.-]+)/?([^\s\"']*)")
_ALWAYS: Final = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
_OTHERS: Final[Mapping[str, str]] = {
    "aws-node": "the VPC CNI, an add-on of EKS",
    "ebs-csi-controller-sa": "the EBS driver, an add-on of EKS",
}
"""Accounts in `kube-system` that add-ons bring."""


def broken(objects: Objects) -> Broken:
    """All that is named and not there, or does not let who names it."""
    if objects.aws:
        for look in _LOOKS:
            yield from look(objects)


def _secrets(objects: Objects) -> Broken:
    """A copied secret is one of the stack's, with that field."""
    rotated = {r.name for r in of_type(objects, "secretsmanager/secretRotation:SecretRotation")}
    fields: dict[str, set[str]] = {}
    for secret in of_type(objects, "secretsmanager/secret:Secret"):
        generated = secret.inputs.get("tags", {}).get("generated") == "true"
        held = {PASSWORD, *_seeded(objects, secret.name)} if generated else {VALUE}
        fields[secret.inputs["name"]] = held | (
            {NEXT_PASSWORD, PREVIOUS_PASSWORD} if secret.name in rotated else set()
        )
    for copy in _copies(objects):
        for entry in copy["spec"].get("data", ()):
            ref = entry["remoteRef"]
            if (held := fields.get(ref["key"])) is None:
                yield copy, f"secret {ref['key']} is not made at AWS"
            elif ref.get("property") not in held:
                yield (
                    copy,
                    f"secret {ref['key']} has no field {ref.get('property')}, only {', '.join(sorted(held))}",
                )


def _seeded(objects: Objects, name: str) -> set[str]:
    """Fields that a generated secret has besides its password."""
    for call in of_type(objects, "lambda/invocation:Invocation"):
        if call.name == name:
            return set(json.loads(call.inputs["input"]).get("Fields", {})) & {USERNAME}
    return set()


def _passwords(objects: Objects) -> Broken:
    """Who logs in as a role of the database shows the password that lets that role in."""
    let_in = {
        role["name"]: _sources(
            objects, cluster["metadata"]["namespace"], role["passwordSecret"]["name"], PASSWORD
        )
        for cluster in objects.kind("Cluster")
        for role in cluster["spec"].get("managed", {}).get("roles", ())
    }
    for cluster in objects.kind("Cluster"):
        superuser, at = (
            cluster["spec"].get("superuserSecret", {}).get("name"),
            cluster["metadata"]["namespace"],
        )
        let_in["postgres"] = _sources(objects, at, superuser, PASSWORD)
    for pods in objects.pods:
        if not (pods.declared and let_in):
            continue
        for container in pods.containers:
            told = {e["name"]: str(e["value"]) for e in container.get("env", ()) if "value" in e}
            for variable, role in told.items():
                if not variable.endswith("POSTGRES_USER"):
                    continue
                file = told.get(f"{variable.removesuffix('USER')}PASSWORD_FILE", "").rpartition("/")[2]
                shown = _sources(objects, pods.namespace, _secret_with(pods, file), file)
                if role not in let_in:
                    yield pods.owner, f"{variable}: the database has no role {role}"
                elif shown and let_in[role] and shown != let_in[role]:
                    ends = f"{', '.join(shown)} is shown and {', '.join(let_in[role])} lets in"
                    yield pods.owner, f"{variable}: of the role {role}, {ends}"


def _secret_with(pods: Pods, file: str) -> str:
    for volume in pods.spec.get("volumes", ()):
        if volume["name"] == "secrets" and file:
            return str(volume["secret"]["secretName"])
    return ""


def _sources(objects: Objects, namespace: str, secret: str | None, key: str) -> set[str]:
    """Where a key of a secret comes from at AWS."""
    return {
        entry["remoteRef"]["key"]
        for copy in _copies(objects)
        if (copy["metadata"]["namespace"], copy["spec"]["target"]["name"]) == (namespace, secret)
        for entry in copy["spec"].get("data", ())
        if entry["secretKey"] == key
    }


def _copies(objects: Objects) -> Iterator[Manifest]:
    """What External Secrets copies from AWS."""
    for copy in objects.kind("ExternalSecret"):
        ref = copy["spec"]["secretStoreRef"]
        store = objects.get(ref["kind"], "", ref["name"]) if ref["kind"] == "ClusterSecretStore" else None
        if store is not None and "aws" in store["spec"].get("provider", {}):
            yield copy


def _roles(objects: Objects) -> Broken:
    """A role given to a service account trusts it, and some pod runs as it."""
    known = {(p.namespace, p.spec.get("serviceAccountName")) for p in objects.pods}
    known |= {(release.namespace, name) for release in objects.charts for name in release.accounts}
    roles = {r.inputs["name"]: r for r in of_type(objects, "iam/role:Role")}
    for given in of_type(objects, "eks/podIdentityAssociation:PodIdentityAssociation"):
        at, account = given.inputs["namespace"], given.inputs["serviceAccount"]
        said = f"{at}/{account}"
        if account not in _OTHERS and (at, account) not in known:
            yield subject(given), f"nothing runs as the service account {said}"
        role = roles.get(str(given.inputs["roleArn"]).rpartition("/")[2])
        if role is None:
            yield subject(given), f"the role {given.inputs['roleArn']} is not made"
            continue
        cluster = f"cluster/{given.inputs['clusterName']}"
        context = {
            "aws:SourceAccount": str(given.inputs["roleArn"]).split(":")[4],
            "aws:RequestTag/kubernetes-namespace": at,
            "aws:RequestTag/kubernetes-service-account": account,
            "aws:RequestTag/eks-cluster-arn": _trusted_cluster(role, cluster),
        }
        trust = json.loads(role.inputs["assumeRolePolicy"])
        for action in ("sts:AssumeRole", "sts:TagSession"):
            call = Call(action, "*", context)
            if not allows([trust], call, by={"Service": "pods.eks.amazonaws.com"}):
                yield (
                    subject(role),
                    f"it does not let {said} of {given.inputs['clusterName']} take it on ({action})",
                )


def _trusted_cluster(role: Resource, cluster: str) -> str:
    """ARN of the cluster, with what the trust policy says of account and region."""
    found = re.search(r"arn:aws:eks:[\w-]+:\d+:", role.inputs["assumeRolePolicy"])
    return f"{found[0] if found else 'arn:aws:eks:::'}{cluster}"


def _objects(objects: Objects) -> Broken:
    """A place in a bucket is in one of the stack's, and who is told of it may read and write there."""
    buckets = {r.inputs["bucket"] for r in of_type(objects, "s3/bucket:Bucket")}
    for owner, who, bucket, prefix in _once(_places(objects)):
        if bucket not in buckets:
            yield owner, f"the bucket {bucket} is not made"
            continue
        policies = _policies_of(objects, *who)
        for action in ("s3:GetObject", "s3:PutObject"):
            place = "/".join(part for part in (f"arn:aws:s3:::{bucket}", prefix.strip("/"), "x") if part)
            if not allows(policies, Call(action, place, _ALWAYS)):
                yield owner, f"{'/'.join(who)} may not {action} in s3://{bucket}/{prefix}"
                break


Place = tuple[Manifest, tuple[str, str], str, str]
"""Object, namespace and account of who goes there, bucket and prefix."""


def _once(places: Iterator[Place]) -> list[Place]:
    """Each once."""
    return list(
        {
            (identity(o), who, bucket, prefix): (o, who, bucket, prefix) for o, who, bucket, prefix in places
        }.values()
    )


def _places(objects: Objects) -> Iterator[Place]:
    for pods in objects.pods:
        if pods.declared:
            who = (pods.namespace, str(pods.spec.get("serviceAccountName")))
            for container in pods.containers:
                for variable in container.get("env", ()):
                    for found in _S3.finditer(str(variable.get("value", ""))):
                        yield pods.owner, who, found[1], found[2]
    for store in objects.kind("ObjectStore"):
        found = _S3.match(store["spec"]["configuration"]["destinationPath"])
        for cluster in objects.kind("Cluster"):
            plugins = [one.get("parameters", {}) for one in cluster["spec"].get("plugins", ())]
            if found and store["metadata"]["name"] in {one.get("barmanObjectName") for one in plugins}:
                who = (cluster["metadata"]["namespace"], cluster["metadata"]["name"])
                yield store, who, found[1], found[2]
    for location in objects.kind("BackupStorageLocation"):
        at, place = location["metadata"]["namespace"], location["spec"]["objectStorage"]
        for release in objects.charts:
            for account in release.accounts if release.namespace == at else ():
                yield location, (at, account), place["bucket"], place.get("prefix", "")
    for release in objects.charts:
        s3 = release.values.get("artifactRoot", {}).get("s3", {})
        for account in release.accounts if s3.get("enabled") else ():
            yield release.manifest, (release.namespace, account), s3["bucket"], s3.get("path", "")


def _policies_of(objects: Objects, namespace: str, account: str) -> list[Mapping[str, Any]]:
    roles = {
        str(given.inputs["roleArn"]).rpartition("/")[2]
        for given in of_type(objects, "eks/podIdentityAssociation:PodIdentityAssociation")
        if (given.inputs["namespace"], given.inputs["serviceAccount"]) == (namespace, account)
    }
    return [
        json.loads(policy.inputs["policy"])
        for policy in of_type(objects, "iam/policy:Policy")
        if any(policy.inputs["name"].startswith(f"{role}-") for role in roles)
    ]


_LOOKS: Final[Sequence[Callable[[Objects], Broken]]] = (_secrets, _passwords, _roles, _objects)
