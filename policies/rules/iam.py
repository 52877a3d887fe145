"""Rights at AWS are named one by one, and held by roles that somebody named may take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies import documents
from policies.examples import aws
from policies.limits import Limits
from policies.rule import Resource, ResourceRule

POLICY = "aws:iam/policy:Policy"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
INLINE = frozenset({ROLE_POLICY, "aws:iam/userPolicy:UserPolicy", "aws:iam/groupPolicy:GroupPolicy"})
DOCUMENTS = INLINE | {POLICY, ROLE}

FSBP = "AWS Foundational Security Best Practices"
WELL = "AWS Well-Architected, Security Pillar SEC03"
TOO_MUCH = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess", "AmazonS3FullAccess")


def _documents(resource: Resource) -> Iterator[documents.Statement]:
    if resource.type == ROLE:
        inline: Sequence[Mapping[str, Any]] = resource.get("inlinePolicies", [])
        for policy in inline:
            yield from documents.statements(policy.get("policy") or "{}")
    else:
        yield from documents.statements(resource.get("policy", "{}"))


def _wild_actions(resource: Resource, _: Limits) -> Iterator[str]:
    for statement in filter(documents.allows, _documents(resource)):
        if "NotAction" in statement:
            yield "a statement allows all actions but some"
        for action in documents.listed(statement, "Action"):
            if "*" in action and documents.is_write(action):
                yield f"it allows {action}"


def _wild_resources(resource: Resource, _: Limits) -> Iterator[str]:
    for statement in filter(documents.allows, _documents(resource)):
        if "NotResource" in statement:
            yield "a statement allows all resources but some"
        if documents.bound_to_a_tag(statement):
            continue
        wide = [r for r in documents.listed(statement, "Resource") if documents.is_everything(r)]
        for action in documents.listed(statement, "Action"):
            if found := [r for r in wide if documents.changes(action, r)]:
                yield f"it allows {action} on {', '.join(found)}"


def _inline_admin(resource: Resource, _: Limits) -> Iterator[str]:
    for statement in filter(documents.allows, _documents(resource)):
        actions = documents.listed(statement, "Action")
        if {"*", "*:*", "iam:*", "organizations:*"} & set(actions):
            yield f"it gives {', '.join(actions)}"


def _attached(resource: Resource, _: Limits) -> Iterator[str]:
    named: list[str] = [*resource.get("managedPolicyArns", []), resource.get("policyArn", "")]
    for arn in named:
        if arn.rsplit("/", 1)[-1] in TOO_MUCH:
            yield f"it holds {arn}"


def _anybody(role: Resource, _: Limits) -> Iterator[str]:
    for statement in filter(documents.allows, documents.statements(role.get("assumeRolePolicy", "{}"))):
        if "NotPrincipal" in statement or "*" in documents.principals(statement):
            yield "everybody may take the role"


def _any_subject(role: Resource, _: Limits) -> Iterator[str]:
    for statement in filter(documents.allows, documents.statements(role.get("assumeRolePolicy", "{}"))):
        if "sts:AssumeRoleWithWebIdentity" not in documents.listed(statement, "Action"):
            continue
        conditions = documents.conditions(statement)
        for claim, open_ended in (("sub", _is_open_subject), ("aud", _is_star)):
            values = [v for key, found in conditions.items() if key.endswith(f":{claim}") for v in found]
            if not values:
                yield f"no condition on the token's {claim}"
            elif wide := [v for v in values if open_ended(v)]:
                yield f"the condition on the token's {claim} takes {', '.join(wide)}"


def _is_star(value: str) -> bool:
    return "*" in value or "?" in value


def _is_open_subject(value: str) -> bool:
    """GitHub's subjects are `repo:<owner>/<repository>:<what>`: one that leaves owner, repository or all of
    what open is anybody's."""
    parts = value.split(":", 2)
    if parts[0] != "repo":
        return _is_star(value)
    return len(parts) < 3 or _is_star(parts[1]) or parts[2] in {"*", "ref:*", "environment:*"}


def _people(resource: Resource, _: Limits) -> Iterator[str]:
    yield f"{resource.type.rsplit(':', 1)[-1]} is a lasting credential"


def _policy(token: str = POLICY, *, key: str = "policy", **statement: Any) -> Resource:
    base = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::demo/*"}
    return aws(token, **{key: json.dumps({"Version": "2012-10-17", "Statement": [{**base, **statement}]})})


_GITHUB = "token.actions.githubusercontent.com"


def _role(**statement: Any) -> Resource:
    base = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    trust = {"Version": "2012-10-17", "Statement": [{**base, **statement}]}
    return aws(ROLE, assumeRolePolicy=json.dumps(trust))


def _github(**claims: str) -> Resource:
    return _role(
        Principal={"Federated": f"arn:aws:iam::111122223333:oidc-provider/{_GITHUB}"},
        Action="sts:AssumeRoleWithWebIdentity",
        Condition={"StringEquals": {f"{_GITHUB}:{claim}": value for claim, value in claims.items()}},
    )


RULES = (
    ResourceRule(
        id="iam-no-wildcard-action",
        source=f"{FSBP} IAM.21; {WELL}",
        title="a policy names every action that changes something",
        remedy="name the actions; a wildcard may stand behind Get, List and Describe only",
        types=DOCUMENTS,
        check=_wild_actions,
        passes=(_policy(), _policy(Action=["ec2:Describe*", "s3:ListBucket"])),
        refuses=(
            _policy(Action="s3:*"),
            _policy(ROLE_POLICY, Action="s3:Put*"),
            _policy(Action="*"),
            _policy(Action="secretsmanager:Get*"),
            aws(ROLE, inlinePolicies=[{"policy": _policy(Action="s3:Delete*").props["policy"]}]),
        ),
    ),
    ResourceRule(
        id="iam-no-wildcard-resource",
        source=f"{WELL}; AWS Service Authorization Reference",
        title="a policy names what its actions may change",
        remedy="name the ARNs, or bound the statement by a tag of the resource",
        types=DOCUMENTS,
        check=_wild_resources,
        passes=(
            _policy(),
            _policy(Action="ec2:DescribeInstances", Resource="*"),
            _policy(Action="ecr:GetAuthorizationToken", Resource="*"),
            _policy(Action="ec2:RunInstances", Resource="arn:aws:ec2:eu-central-1:111122223333:subnet/*"),
            _policy(
                Action="ec2:TerminateInstances",
                Resource="*",
                Condition={"StringEquals": {"aws:ResourceTag/karpenter.sh/nodepool": "demo"}},
            ),
        ),
        refuses=(
            _policy(Resource="*"),
            _policy(Resource="arn:aws:s3:::*"),
            _policy(Action="iam:PassRole", Resource="arn:aws:iam::111122223333:role/*"),
            _policy(Action="ec2:RunInstances", Resource="arn:aws:ec2:eu-central-1:111122223333:instance/*"),
            _policy(Action="ec2:DeleteSubnet", Resource="arn:aws:ec2:eu-central-1:111122223333:subnet/*"),
            _policy(Action="secretsmanager:GetSecretValue", Resource="*"),
        ),
    ),
    ResourceRule(
        id="iam-no-admin",
        source=f"{FSBP} IAM.1",
        title="no policy gives every right, or every right over rights",
        remedy="name the actions that are needed",
        types=DOCUMENTS,
        check=_inline_admin,
        passes=(_policy(ROLE_POLICY),),
        refuses=(_policy(ROLE_POLICY, Action="*", Resource="*"), _policy(Action=["iam:*"])),
    ),
    ResourceRule(
        id="iam-no-admin-attachment",
        source=f"{FSBP} IAM.1",
        title="no role holds AWS's policies for administrators",
        remedy="attach a policy of the stack's own",
        types=frozenset({ROLE, ATTACHMENT, "aws:iam/policyAttachment:PolicyAttachment"}),
        check=_attached,
        passes=(aws(ATTACHMENT, policyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"),),
        refuses=(
            aws(ATTACHMENT, policyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
            aws(ROLE, managedPolicyArns=["arn:aws:iam::aws:policy/PowerUserAccess"]),
        ),
    ),
    ResourceRule(
        id="iam-trust-named",
        source=WELL,
        title="a role says who may take it",
        remedy="name the service, the role or the account as Principal",
        types=frozenset({ROLE}),
        check=_anybody,
        passes=(_role(),),
        refuses=(_role(Principal="*"), _role(Principal={"AWS": "*"})),
    ),
    ResourceRule(
        id="iam-oidc-subject",
        source="GitHub: security hardening with OpenID Connect in AWS",
        title="a role that an identity provider's tokens may take says whose, and for whom they are made",
        remedy="add conditions on the token's sub (repository and environment or branch) and aud",
        types=frozenset({ROLE}),
        check=_any_subject,
        passes=(
            _role(),
            _github(sub="repo:carbon/platform:environment:prod", aud="sts.amazonaws.com"),
            _github(sub="repo:carbon/platform:pull_request", aud="sts.amazonaws.com"),
        ),
        refuses=(
            _github(aud="sts.amazonaws.com"),
            _github(sub="repo:carbon/*:ref:refs/heads/main", aud="sts.amazonaws.com"),
            _github(sub="repo:carbon/platform:*", aud="sts.amazonaws.com"),
            _github(sub="repo:carbon/platform:pull_request"),
        ),
    ),
    ResourceRule(
        id="iam-no-lasting-credentials",
        source=f"{WELL}; AWS Well-Architected SEC02",
        title="there are no users and no access keys",
        remedy="people sign in through the identity provider; machines take roles",
        types=frozenset(
            {
                "aws:iam/user:User",
                "aws:iam/accessKey:AccessKey",
                "aws:iam/userLoginProfile:UserLoginProfile",
                "aws:iam/sshKey:SshKey",
                "aws:ec2/keyPair:KeyPair",
            }
        ),
        check=_people,
        passes=(),
        refuses=(aws("aws:iam/user:User"), aws("aws:iam/accessKey:AccessKey")),
    ),
)
