"""Who did what is written down, kept for two years, and cannot be read or changed by others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.examples import aws
from policies.limits import Limits
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule
from policies.rules.eks import CLUSTER
from policies.rules.s3 import AUDIT_DAYS, TRAIL

GROUP = "aws:cloudwatch/logGroup:LogGroup"
FSBP = "AWS Foundational Security Best Practices"
AUDIT = ("audit", "cloudtrail", "/cluster", "flow", "waf")
"""What the name of a log group says that holds evidence: the trail, the control plane, the network, the
firewall."""


def _plain(group: Resource, _: Limits) -> Iterator[str]:
    if not group.get("kmsKeyId"):
        yield "no key of the stack encrypts it"


def _endless(group: Resource, _: Limits) -> Iterator[str]:
    if not group.get("retentionInDays"):
        yield "it keeps everything for ever"


def _forgetful(group: Resource, _: Limits) -> Iterator[str]:
    name = f"{group.name} {group.get('name', '')}".lower()
    days = int(group.get("retentionInDays", 0))
    if any(word in name for word in AUDIT) and 0 < days < AUDIT_DAYS:
        yield f"it holds evidence and keeps it for {days} days, {AUDIT_DAYS} are asked"


def _partial(trail: Resource, _: Limits) -> Iterator[str]:
    if not trail.get("isMultiRegionTrail"):
        yield "isMultiRegionTrail is not set"
    if not trail.get("enableLogFileValidation"):
        yield "enableLogFileValidation is not set"
    if not trail.get("kmsKeyId"):
        yield "no key of the stack encrypts it"
    if not trail.get("enableLogging", True) or not trail.get("includeGlobalServiceEvents", True):
        yield "it does not log, or leaves the global services out"


def _untracked(stack: Stack, _: Limits) -> Iterator[Finding]:
    if next(stack.of(TRAIL), None) is None:
        for cluster in stack.of(CLUSTER):
            yield Finding(cluster, "no CloudTrail writes down what is done in its account")


def _group(name: str = "/carbon/dev/demo", **props: Any) -> Resource:
    return aws(GROUP, **{"name": name, "kmsKeyId": "arn:aws:kms:demo", "retentionInDays": 731.0, **props})


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
        passes=(_group("/aws/eks/carbon-dev/cluster"), _group(retentionInDays=30.0)),
        refuses=(
            _group("/aws/eks/carbon-dev/cluster", retentionInDays=90.0),
            _group("/carbon/dev/flow-logs", retentionInDays=365.0),
        ),
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
        id="trail-present",
        source=f"{FSBP} CloudTrail.1",
        title="what is done in an account that runs a cluster is written down",
        remedy="add a CloudTrail trail to the stack's foundation",
        about=(CLUSTER, TRAIL),
        check=_untracked,
        passes=((aws(CLUSTER), _trail()), ()),
        refuses=((aws(CLUSTER),),),
    ),
)
