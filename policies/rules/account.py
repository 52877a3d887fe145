"""Where resources go, whose they are, and what they may cost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policies.examples import aws
from policies.limits import Limits
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule
from policies.rules.ec2 import TEMPLATE, VPC

PROVIDER = "pulumi:providers:aws"
BUDGET = "aws:budgets/budget:Budget"
TAGS = ("env", "owner", "team", "product", "cost-center")
"""The same names as the labels of Kubernetes objects."""


def _nested(provider: Resource, name: str) -> Any:
    """A provider's property: the engine hands those with a structure over as JSON text."""
    value = provider.get(name)
    return json.loads(value) if isinstance(value, str) else value


def _regions(resource: Resource, limits: Limits) -> Iterator[str]:
    region = resource.get("region")
    if resource.type == PROVIDER and not region:
        yield "the provider names no region: the caller's own would be used"
    elif region and region not in limits.regions:
        yield f"{region} is not among {', '.join(limits.regions) or 'what the stack may use: nothing'}"


def _accounts(provider: Resource, _: Limits) -> Iterator[str]:
    if not _nested(provider, "allowedAccountIds"):
        yield "the provider takes whatever account the caller is signed in to"


def _untagged(provider: Resource, _: Limits) -> Iterator[str]:
    defaults: Mapping[str, Mapping[str, str]] = _nested(provider, "defaultTags") or {}
    tags = defaults.get("tags") or {}
    if missing := [tag for tag in TAGS if not tags.get(tag)]:
        yield f"its default tags lack {', '.join(missing)}"


def _launched(template: Resource, _: Limits) -> Iterator[str]:
    specifications: list[Mapping[str, Any]] = template.get("tagSpecifications", [])
    tagged: dict[str, Mapping[str, str]] = {
        s.get("resourceType", ""): s.get("tags") or {} for s in specifications
    }
    for kind in ("instance", "volume"):
        if missing := [tag for tag in TAGS if not tagged.get(kind, {}).get(tag)]:
            yield f"what it starts as {kind} lacks the tags {', '.join(missing)}"


def _unbudgeted(stack: Stack, _: Limits) -> Iterator[Finding]:
    if any(budget.get("notifications") for budget in stack.of(BUDGET)):
        return
    for vpc in stack.of(VPC):
        yield Finding(vpc, "no Budget with notifications tells anybody what the stack costs")


_ALL = dict.fromkeys(TAGS, "demo")


def _provider(**props: Any) -> Resource:
    good: dict[str, Any] = {
        "region": "eu-central-1",
        "allowedAccountIds": json.dumps(["111122223333"]),
        "defaultTags": json.dumps({"tags": _ALL}),
    }
    return aws(PROVIDER, **{**good, **props})


def _template(*kinds: str) -> Resource:
    return aws(TEMPLATE, tagSpecifications=[{"resourceType": kind, "tags": _ALL} for kind in kinds])


RULES = (
    ResourceRule(
        id="region-allowed",
        source="AWS Well-Architected, Security Pillar SEC01; where customers' data may be",
        title="everything is in a region that the stack may use",
        remedy="choose one of them, or add the region to policies/limits.yaml",
        types=frozenset({PROVIDER, "aws:"}),
        check=_regions,
        passes=(_provider(), aws("aws:s3/bucket:Bucket", region="eu-central-1"), aws(VPC)),
        refuses=(
            _provider(region="us-east-1"),
            _provider(region=None),
            aws("aws:s3/bucket:Bucket", region="us-east-1"),
        ),
    ),
    ResourceRule(
        id="account-pinned",
        source="AWS Well-Architected, Security Pillar SEC01",
        title="a stack cannot be put into another account",
        remedy="give the provider allowedAccountIds",
        types=frozenset({PROVIDER}),
        check=_accounts,
        passes=(_provider(),),
        refuses=(_provider(allowedAccountIds=None), _provider(allowedAccountIds="[]")),
    ),
    ResourceRule(
        id="tags-required",
        source="AWS Well-Architected, Cost Optimization Pillar COST02",
        title=f"everything carries the tags {', '.join(TAGS)}",
        remedy="set them as the provider's defaultTags, which reach every resource",
        types=frozenset({PROVIDER}),
        check=_untagged,
        passes=(_provider(),),
        refuses=(
            _provider(defaultTags=None),
            _provider(defaultTags=json.dumps({"tags": {"env": "demo"}})),
        ),
    ),
    ResourceRule(
        id="tags-of-what-is-started",
        source="AWS Well-Architected, Cost Optimization Pillar COST02",
        title="machines and disks that a launch template starts carry the tags, too",
        remedy="set tagSpecifications for instance and volume: default tags do not reach them",
        types=frozenset({TEMPLATE}),
        check=_launched,
        passes=(_template("instance", "volume"),),
        refuses=(_template("instance"), aws(TEMPLATE)),
    ),
    StackRule(
        id="budget-present",
        source="AWS Well-Architected, Cost Optimization Pillar COST05",
        title="somebody is told what a stack with a network costs",
        remedy="add a Budget with notifications",
        about=(VPC, BUDGET),
        check=_unbudgeted,
        passes=((aws(VPC), aws(BUDGET, notifications=[{"threshold": 80.0}])), ()),
        refuses=((aws(VPC),), (aws(VPC), aws(BUDGET))),
    ),
)
