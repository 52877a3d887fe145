"""Every IAM policy document of every stack, through an offline linter (parliament).

It knows AWS's actions, the resources and the condition keys that each takes: it finds the misspelt action,
the ARN that the action never has, the condition that is never there, the star that hands out rights.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from textwrap import shorten
from typing import Any

from tools.gate.model import CheckResult, Finding, StackPreview

with warnings.catch_warnings():
    # It asks setuptools for its data in a way that setuptools warns of.
    warnings.simplefilter("ignore", UserWarning)
    import parliament
    from parliament.statement import get_arn_format, get_privilege_info

CHECK = "iam-lint"

_LONGEST = 300
"""Characters of what the linter says: of a star it lists every action that it covers."""

_REMEDY = "Correct the statement; what is meant so goes into ACCEPTED in tools/gate/iam.py with its reason."


@dataclass(frozen=True)
class Accepted:
    """A finding of the linter that is known and meant; all but the reason are patterns, `*` for anything.

    Attributes:
        issue: the linter's name of it.
        where: resource type, property and the resource's name, as in `aws:kms/key:Key.policy keys-logs`.
        detail: what the linter says; of actions and resources one by one: `ec2:RunInstances on arn:…`.
        reason: why it stays.
    """

    issue: str
    where: str
    detail: str
    reason: str


ACCEPTED: Sequence[Accepted] = (
    Accepted("RESOURCE_STAR", "aws:kms/*.policy *", "*", "in a key's own policy the star is the key"),
    Accepted(
        "RESOURCE_STAR", "*.assumeRolePolicy *", "*", "a trust policy names no resource: it is the role's"
    ),
    Accepted(
        "UNKNOWN_FEDERATION_SOURCE",
        "*.assumeRolePolicy *",
        "*:oidc-provider/token.actions.githubusercontent.com",
        "the linter knows no OpenID Connect providers but four",
    ),
    Accepted(
        "UNKNOWN_CONDITION_FOR_ACTION",
        "*.assumeRolePolicy *",
        "Unknown condition token.actions.githubusercontent.com:* for action sts:AssumeRoleWithWebIdentity",
        "the claims of GitHub's tokens, which the linter does not know",
    ),
    Accepted(
        "MISMATCHED_TYPE",
        "aws:s3/bucketPolicy:BucketPolicy.policy *",
        "*s3:TlsVersion requires a value of type Numeric but given ?'1.2'?",
        "the linter takes whole numbers alone; AWS's own example says 1.2",
    ),
    Accepted(
        "UNKNOWN_CONDITION_FOR_ACTION",
        "aws:s3/bucketPolicy:BucketPolicy.policy *",
        "Unknown condition s3:TlsVersion for action s3:*",
        "the statement denies all of s3, and a few of its actions do not know the version",
    ),
    Accepted(
        "UNKNOWN_CONDITION_FOR_ACTION",
        "aws:kms/key:Key.policy keys-logs",
        "Unknown condition kms:EncryptionContext:aws:logs:arn for action kms:DescribeKey",
        "as AWS has it for log groups: describing has no context, so the condition just does not grant it",
    ),
    Accepted(
        "MISMATCHED_TYPE",
        "aws:kms/key:Key.policy keys-logs",
        "Type mismatch: ArnLike requires a value of type Arn but given String",
        "as AWS has it for log groups: what the context holds is an ARN",
    ),
    Accepted(
        "UNKNOWN_CONDITION_FOR_ACTION",
        "*",
        "Unknown condition kms:ResourceAliases for action kms:*",
        "AWS KMS has it for every action on a key; the linter's list does not",
    ),
    Accepted(
        "RESOURCE_MISMATCH",
        "*",
        "elasticloadbalancing:* on arn:*:elasticloadbalancing:*:*:*/net/*",
        "one kind of load balancer or the other: ours are application load balancers",
    ),
    Accepted(
        "RESOURCE_MISMATCH",
        "*",
        "route53:ChangeTagsForResource on arn:*:route53:::healthcheck/*",
        "a zone or a health check: we have no health checks",
    ),
    Accepted(
        "RESOURCE_MISMATCH",
        "*",
        "ssm:GetParameter on arn:*:ssm:*:*:parameter/*",
        "the parameters that AWS publishes belong to no account, and the linter asks for one",
    ),
    Accepted(
        "RESOURCE_MISMATCH",
        "*",
        "elasticloadbalancing:SetWebAcl on [*]",
        "AWS WAF asks for it on the load balancer, whatever the list of actions says",
    ),
    Accepted(
        "RESOURCE_MISMATCH",
        "aws:iam/policy:Policy.policy github-boundary-*",
        "ec2:*",
        "a boundary bounds: its lists of actions and of resources stand beside each other",
    ),
    Accepted(
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION",
        "aws:iam/policy:Policy.policy github-deploy-*-data",
        "Possible resource policy privilege escalation on arn:aws:s3:::carbon-*",
        "who manages a bucket can open it to others; who may deploy is decided at GitHub, with approvals",
    ),
)

READABLE = frozenset({"List", "Read"})
"""AWS's access levels of actions that may be on everything, as the project has it: they change nothing."""

CONTENT = (
    "logs:FilterLogEvents",
    "logs:GetLog*",
    "s3:GetObject*",
    "secretsmanager:*SecretValue",
    "sqs:ReceiveMessage",
    "ssm:GetParameter*",
)
"""Actions that read what people put there, not how a resource is set up: on named resources only."""


@dataclass(frozen=True)
class Document:
    """A policy document that a resource is given.

    Attributes:
        where: the resource's type and the property's path.
        name: the resource's name in the program.
        content: the document.
    """

    stack: str
    urn: str
    where: str
    name: str
    content: Mapping[str, Any]

    @property
    def statements(self) -> list[dict[str, Any]]:
        """Its statements: IAM takes a single one without its list."""
        found = self.content["Statement"]
        return [found] if isinstance(found, dict) else list(found)


def iam_lint(previews: Sequence[StackPreview]) -> CheckResult:
    """Lint each policy document that an AWS resource of a stack is given."""
    began = time.monotonic()
    found = [document for preview in previews for document in documents(preview)]
    findings = [finding for document in found for finding in lint(document)]
    return CheckResult(CHECK, findings, len(found), seconds=time.monotonic() - began)


def documents(preview: StackPreview) -> Iterator[Document]:
    """The policy documents among the inputs of a stack's AWS resources, wherever they stand in them."""
    for resource in preview.aws():
        for path, content in _within(resource.inputs, ()):
            where = ".".join((resource.type, *path))
            yield Document(preview.stack, resource.urn, where, resource.name, content)


def lint(document: Document) -> Iterator[Finding]:
    """A finding for each issue of a statement that is not accepted."""
    issues: dict[tuple[str, str], list[str]] = {}
    for place, issue, detail in _issues(document):
        if not any(_accepts(known, document, issue, detail) for known in ACCEPTED):
            said = issues.setdefault((place, issue), [])
            said += [detail] if detail not in said else []
    for (place, issue), details in issues.items():
        what = shorten(f"{issue.lower().replace('_', ' ')}: {'; '.join(details)}", _LONGEST, placeholder=" …")
        message = f"{document.where.partition('.')[2]}, {place}: {what}"
        yield Finding(CHECK, "error", document.stack, document.urn, message, _REMEDY)


def _issues(document: Document) -> Iterator[tuple[str, str, str]]:
    """The linter's findings: place, name, and detail, of actions one by one."""
    # It cannot do without a resource, which a trust policy does not have.
    given = [{**({} if "NotResource" in s else {"Resource": "*"}), **s} for s in document.statements]
    text = json.dumps({**document.content, "Statement": given})
    policy = parliament.analyze_policy_string(text, ignore_private_auditors=True)
    of_statements = [finding for statement in policy.statements for finding in statement.findings]
    for finding in policy.findings:
        if finding not in of_statements:
            yield "the document", finding.issue, _text(finding.detail)
    missing = [(statement, _mismatches(statement)) for statement in policy.statements]
    for number, (statement, mismatches) in enumerate(missing):
        place = f"statement {document.statements[number].get('Sid', number)}"
        for finding in statement.findings:
            if finding.issue == "RESOURCE_STAR":
                yield from ((place, finding.issue, action) for action in finding.detail if _writes(action))
            elif finding.issue != "RESOURCE_MISMATCH":
                yield place, finding.issue, _text(finding.detail)
        for action, needed in mismatches:
            # Some actions need several resources, and each may stand in a statement of its own.
            others = (found for other, found in missing if other.effect_allow and _has(other, action))
            useless = not _touches(document.statements[number], action)
            if useless or all((action, needed) in found for found in others):
                yield place, "RESOURCE_MISMATCH", f"{action} on {needed}"


def _mismatches(statement: Any) -> list[tuple[str, str]]:
    """Actions of a statement with the resource each needs that the statement does not have."""
    found = [f.detail for f in statement.findings if f.issue == "RESOURCE_MISMATCH"]
    return [(item["action"], item["required_format"]) for detail in found for item in detail]


def _touches(statement: Mapping[str, Any], action: str) -> bool:
    """Whether any resource of a statement is of a kind that the action needs or may have."""
    about = get_privilege_info(*action.split(":", 1))
    kinds = [kind["resource_type"] for kind in about["resource_types"] if kind["resource_type"]]
    formats = [(kind, get_arn_format(kind, about["service_resources"])) for kind in kinds]
    given = statement.get("Resource", [])
    resources = [given] if isinstance(given, str) else given
    return any(parliament.is_arn_match(kind, format_, r) for kind, format_ in formats for r in resources)


def _has(statement: Any, action: str) -> bool:
    return statement.in_actions(*action.split(":", 1))


def _writes(action: str) -> bool:
    """Whether an action may not be on everything."""
    if any(fnmatchcase(action, pattern) for pattern in CONTENT):
        return True
    return get_privilege_info(*action.split(":", 1))["access_level"] not in READABLE


def _text(detail: Any) -> str:
    return detail if isinstance(detail, str) else json.dumps(detail)


def _accepts(known: Accepted, document: Document, issue: str, detail: str) -> bool:
    where = f"{document.where} {document.name}"
    return known.issue == issue and fnmatchcase(where, known.where) and fnmatchcase(detail, known.detail)


def _within(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, Mapping):
        if "Statement" in value:
            yield path, value
        else:
            for key, inner in value.items():
                yield from _within(inner, (*path, str(key)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _within(inner, (*path, str(number)))


def _parsed(text: str) -> Any:
    """The JSON object in a string, or None: any input may hold a document, and most hold none."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
