"""Who did what is written down once, kept for two years, and cannot be read or changed by others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from policies.examples import aws
from policies.limits import Limits
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule
from policies.rules.s3 import AUDIT_DAYS, TRAIL

GROUP = "aws:cloudwatch/logGroup:LogGroup"
FSBP = "AWS Foundational Security Best Practices"
OIDC = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
EVIDENCE = re.compile(r"^/aws/eks/.*/cluster$")
"""Names of the log groups that hold evidence which is nowhere else: those of control planes. The trail's is
in its bucket, locked (`s3-audit-locked`); its log group is to search in."""
LONGEST = 400
"""Days after which no log that is not evidence is kept."""


def _plain(group: Resource, _: Limits) -> Iterator[str]:
    if not group.get("kmsKeyId"):
        yield "no key of the stack encrypts it"


def _endless(group: Resource, _: Limits) -> Iterator[str]:
    if not group.get("retentionInDays"):
        yield "it keeps everything for ever"


def _forgetful(group: Resource, _: Limits) -> Iterator[str]:
    days = int(group.get("retentionInDays", 0))
    if _is_evidence(group) and 0 < days < AUDIT_DAYS:
        yield f"it holds evidence and keeps it for {days} days, {AUDIT_DAYS} are asked"


def _hoarding(group: Resource, _: Limits) -> Iterator[str]:
    days = int(group.get("retentionInDays", 0))
    if not _is_evidence(group) and days > LONGEST:
        yield f"it is no evidence and is kept and paid for {days} days, {LONGEST} are the most"


def _is_evidence(group: Resource) -> bool:
    return EVIDENCE.match(str(group.get("name", ""))) is not None


def _partial(trail: Resource, _: Limits) -> Iterator[str]:
    if not trail.get("isMultiRegionTrail"):
        yield "isMultiRegionTrail is not set"
    if not trail.get("enableLogFileValidation"):
        yield "enableLogFileValidation is not set"
    if not trail.get("kmsKeyId"):
        yield "no key of the stack encrypts it"
    if not trail.get("enableLogging", True) or not trail.get("includeGlobalServiceEvents", True):
        yield "it does not log, or leaves the global services out"


def _one_trail(stack: Stack, _: Limits) -> Iterator[Finding]:
    owners, trails = list(stack.of(OIDC)), list(stack.of(TRAIL))
    if not trails:
        for owner in owners:
            yield Finding(owner, "no CloudTrail writes down what is done in its account")
    for trail in trails if not owners else trails[1:]:
        yield Finding(
            trail, "it is a second trail of its account: each copy of an event after the first costs"
        )


def _group(name: str = "/carbon/dev/demo", **props: Any) -> Resource:
    return aws(GROUP, **{"name": name, "kmsKeyId": "arn:aws:kms:demo", "retentionInDays": 90.0, **props})


def _trail(**props: Any) -> Resource:
    good: dict[str, Any] = {
        "isMultiRegionTrail": True,
        "enableLogFileValidation": True,
        "kmsKeyId": "arn:aws:kms:demo",
    }
    return aws(TRAIL, **{**good, **props})


RULES = (
    ResourceRule(
        id="log-group-encrypted",
        source="AWS Well-Architected, Security Pillar SEC08",
        title="a KMS key of the stack encrypts logs",
        remedy="set kmsKeyId",
        types=frozenset({GROUP}),
        check=_plain,
        passes=(_group(),),
        refuses=(_group(kmsKeyId=None),),
    ),
    ResourceRule(
        id="log-retention-set",
        source=f"{FSBP} CloudWatch.16",
        title="logs are kept for a time that somebody chose",
        remedy="set retentionInDays",
        types=frozenset({GROUP}),
        check=_endless,
        passes=(_group(), _group(retentionInDays=30.0)),
        refuses=(_group(retentionInDays=None), _group(retentionInDays=0.0)),
    ),
    ResourceRule(
        id="log-retention-audit",
        source="the platform's promise to auditors: two years",
        title="logs that are evidence are kept for two years",
        remedy=f"set retentionInDays to {AUDIT_DAYS} or more",
        types=frozenset({GROUP}),
        check=_forgetful,
        passes=(_group("/aws/eks/carbon-dev/cluster", retentionInDays=731.0), _group(retentionInDays=30.0)),
        refuses=(
            _group("/aws/eks/carbon-dev/cluster", retentionInDays=90.0),
            _group("/aws/eks/carbon-dev/cluster", retentionInDays=365.0),
        ),
    ),
    ResourceRule(
        id="log-retention-bounded",
        source="AWS Well-Architected, Cost Optimization Pillar COST04",
        title="logs that are no evidence end",
        remedy=f"set retentionInDays to {LONGEST} or less: aws.logs has a value for each class of logs",
        types=frozenset({GROUP}),
        check=_hoarding,
        passes=(_group(retentionInDays=365.0), _group("/aws/eks/carbon-dev/cluster", retentionInDays=731.0)),
        refuses=(_group("/carbon/dev/flow-logs", retentionInDays=731.0),),
    ),
    ResourceRule(
        id="trail-complete",
        source=f"{FSBP} CloudTrail.1, CloudTrail.2, CloudTrail.4",
        title="the trail covers all regions, is encrypted, and shows whether it was changed",
        remedy="set isMultiRegionTrail, enableLogFileValidation and kmsKeyId",
        types=frozenset({TRAIL}),
        check=_partial,
        passes=(_trail(),),
        refuses=(
            _trail(isMultiRegionTrail=False),
            _trail(enableLogFileValidation=None),
            _trail(kmsKeyId=None),
            _trail(enableLogging=False),
        ),
    ),
    StackRule(
        id="trail-once",
        source=f"{FSBP} CloudTrail.1; AWS Well-Architected COST05",
        title="what is done in an account is written down once, by the stack that lets GitHub in",
        remedy="give that stack aws.audit, and no other",
        about=(OIDC, TRAIL),
        check=_one_trail,
        passes=((aws(OIDC), _trail()), ()),
        refuses=((aws(OIDC),), (_trail(),), (aws(OIDC), _trail(), aws(TRAIL, "other"))),
    ),
)
