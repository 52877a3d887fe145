"""Whether each role may do what its controller calls, and no environment what is another's.

Nothing of AWS is asked: the documents that the previews show are judged by `access`, the calls stand in
`calls`. A role's policies and its boundary have to allow a call, and a key's own policy; a service has the
resource's policy alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from infra.manifests.iam import boundary
from infra.names import BOOTSTRAP, Key, Names, deploy
from infra.settings.aws import Aws, GitHub
from infra.settings.parsing import parse
from tools import paths
from tools.gate import calls, settings
from tools.gate.access import Call, Document, allows
from tools.gate.calls import Known
from tools.gate.model import CheckResult, Finding, StackPreview

CHECK = "permissions"

_MISSING = "Allow it in the document under infra/manifests/iam that is named, or correct tools/gate/calls.py."
_TOO_MUCH = "Bound it by the environment's name, tag, domain or path, as its neighbours are."


@dataclass(frozen=True)
class World:
    """The documents of a stack.

    Attributes:
        roles: policies of a role by its name.
        keys: ARN by what it encrypts.
        key_policies: the keys' own.
        bucket_policies: by the bucket's name.
    """

    names: Names
    roles: Mapping[str, Sequence[Document]]
    keys: Mapping[Key, str]
    key_policies: Mapping[Key, Document]
    bucket_policies: Mapping[str, Document]
    zone: str


def permissions(previews: Sequence[StackPreview]) -> CheckResult:
    """Judge every known call of every stack with roles."""
    began = time.monotonic()
    findings: list[Finding] = []
    unseen: list[str] = []
    examined = 0
    for preview in previews:
        aws = _aws(preview.stack)
        if aws is None or not preview.aws():
            continue
        world = _world(preview, aws)
        table = calls.of_roles(world.names, world.keys, world.zone)
        asked = [known for known in table if _is_there(world, known)]
        findings += [_missing(preview.stack, known) for known in asked if not _may(world, known, _github())]
        examined += len(asked)
        if silent := sorted(_purposes(world) - {known.who for known in asked}):
            unseen.append(f"{preview.stack}: roles whose calls stand in no table: {', '.join(silent)}")
        if aws.github is not None:
            examined += len(aws.github.environments)
            findings += _between(preview.stack, world, aws.github)
    return CheckResult(CHECK, findings, examined, unseen, time.monotonic() - began)


def _aws(stack: str) -> Aws | None:
    return parse(settings.configuration(stack), file=str(settings.file(stack)), root=paths.ROOT).aws


@cache
def _github() -> GitHub | None:
    found = _aws(BOOTSTRAP)
    return found.github if found is not None else None


def _world(preview: StackPreview, aws: Aws) -> World:
    environment = settings.layers(preview.stack).merged()["labels"]["environment"]
    names = Names(environment, aws.account_id, aws.region)
    named = {r.inputs["name"]: r for r in preview.aws("aws:iam/role:Role")}
    roles: dict[str, list[Document]] = {name: [] for name in named}
    for policy in preview.aws("aws:iam/policy:Policy"):
        owners = [name for name in roles if policy.inputs["name"].startswith(f"{name}-")]
        if owners:
            roles[max(owners, key=len)].append(json.loads(policy.inputs["policy"]))
    targets = {r.inputs["name"]: r.inputs["targetKeyId"] for r in preview.aws("aws:kms/alias:Alias")}
    policies = {r.name: json.loads(r.inputs["policy"]) for r in preview.aws("aws:kms/key:Key")}
    purposes: list[Key] = [key for key in calls.KEYS if names.key_alias(key) in targets]
    zones = {r.inputs["zoneId"] for r in preview.aws("aws:route53/record:Record")}
    domain = aws.edge.domain if aws.edge is not None else ""
    return World(
        names=names,
        roles=roles,
        keys={key: names.arn("kms", f"key/{targets[names.key_alias(key)]}") for key in purposes},
        key_policies={key: policies[f"keys-{key}"] for key in purposes},
        bucket_policies={
            r.inputs["bucket"]: json.loads(r.inputs["policy"])
            for r in preview.aws("aws:s3/bucketPolicy:BucketPolicy")
        },
        zone=next((f"arn:aws:route53:::hostedzone/{zone}#{domain}" for zone in sorted(zones)), ""),
    )


def _is_there(world: World, known: Known) -> bool:
    """Whether the stack has who calls, and what is called."""
    if known.bucket is not None and world.names.bucket(known.bucket) not in world.bucket_policies:
        return False
    return "." in known.who or world.names.role(known.who) in world.roles


def _purposes(world: World) -> set[str]:
    """Purposes of the roles with policies of ours, but for those that deploy."""
    start, github = f"{world.names.prefix}-", _github()
    deploying = {deploy(environment) for environment in github.environments} if github else set[str]()
    return {name.removeprefix(start) for name, documents in world.roles.items() if documents} - deploying


def _may(world: World, known: Known, github: GitHub | None) -> bool:
    if "." in known.who:
        return _service_may(world, known)
    names, call = world.names, known.call
    bounds = boundary.boundary(
        names,
        domain=github.domains.get(names.environment) if github else None,
        copies_to=github.copies.get(names.environment) if github else None,
    )
    policies = world.roles[names.role(known.who)]
    by_account = {"AWS": f"arn:aws:iam::{names.account_id}:root"}
    # Naming everybody, a key's policy lets in whom the role's policy lets in; alone it is not relied on.
    by_key = known.key is None or any(
        allows([world.key_policies[known.key]], call, by=by)
        for by in (by_account, {"AWS": names.role_arn(known.who)})
    )
    return allows(policies, call) and allows([bounds], call) and by_key


def _service_may(world: World, known: Known) -> bool:
    by = {"AWS": known.who} if known.who.startswith("arn:") else {"Service": known.who}
    if known.key is not None:
        return allows([world.key_policies[known.key]], known.call, by=by)
    assert known.bucket is not None, "a service is let in by a key or a bucket"
    policy = world.bucket_policies[world.names.bucket(known.bucket)]
    secure: dict[str, Any] = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", **known.call.context}
    return allows([policy], Call(known.call.action, known.call.resource, secure), by=by)


def _between(stack: str, world: World, github: GitHub) -> Iterator[Finding]:
    """What one environment's deployment, or a role below its boundary, may do to another."""
    project, state = _project(), world.names.bucket_arn("state")
    all_names = {
        environment: Names(environment, world.names.account_id, github.regions[0])
        for environment in github.environments
    }
    for environment, names in all_names.items():
        domain, copies = github.domains.get(environment), github.copies.get(environment)
        documents = {
            f"the deployment of {environment}": world.roles[world.names.role(deploy(environment))],
            f"a role of {environment}": [boundary.boundary(names, domain=domain, copies_to=copies)],
        }
        for call in calls.of_deployment(environment, project, state):
            who = f"the deployment of {environment}"
            if not allows(documents[who], call):
                yield _missing(stack, Known(who, call, "Pulumi's backend for object stores"))
        for other, theirs in all_names.items():
            if other == environment:
                continue
            for call in calls.of_another(theirs, project, state, github.domains.get(other)):
                for who, policies in documents.items():
                    if allows(policies, call):
                        what = f"may call {call.action} on {call.resource}, which is of {other}"
                        yield Finding(CHECK, "error", stack, who, what, _TOO_MUCH)


def _project() -> str:
    return str(yaml.safe_load((paths.ROOT / "Pulumi.yaml").read_text())["name"])


def _missing(stack: str, known: Known) -> Finding:
    call = known.call
    told = f" ({', '.join(f'{k}={v}' for k, v in call.context.items())})" if call.context else ""
    what = f"may not call {call.action} on {call.resource}{told}. It does: {known.source}"
    return Finding(CHECK, "error", stack, known.who, what, _MISSING)
