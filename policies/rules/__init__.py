"""All rules. A new rule is a new entry in one of these modules; nothing else has to know."""

from __future__ import annotations

from policies.rule import ObjectRule, ResourceRule, StackRule
from policies.rules import (
    account,
    availability,
    ec2,
    ecr,
    eks,
    iam,
    images,
    kms,
    labels,
    logs,
    network,
    pods,
    prices,
    probes,
    public,
    rbac,
    resources,
    s3,
    secrets,
    services,
    storage,
)

AnyRule = ObjectRule | ResourceRule | StackRule

RULES: tuple[AnyRule, ...] = (
    *pods.RULES,
    *resources.RULES,
    *probes.RULES,
    *images.RULES,
    *labels.RULES,
    *prices.RULES,
    *services.RULES,
    *rbac.RULES,
    *network.RULES,
    *availability.RULES,
    *eks.RULES,
    *ec2.RULES,
    *public.RULES,
    *iam.RULES,
    *s3.RULES,
    *storage.RULES,
    *kms.RULES,
    *ecr.RULES,
    *secrets.RULES,
    *logs.RULES,
    *account.RULES,
)

OBJECT_RULES = tuple(rule for rule in RULES if isinstance(rule, ObjectRule))
"""Those that the cluster enforces, too."""

RESOURCE_RULES = tuple(rule for rule in RULES if isinstance(rule, ResourceRule))
STACK_RULES = tuple(rule for rule in RULES if isinstance(rule, StackRule))
