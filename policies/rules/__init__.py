"""All rules. A new rule is a new entry in one of these modules; nothing else has to know."""

from __future__ import annotations

from policies.rule import Rule
from policies.rules import images, labels, pods, resources, services

RULES: tuple[Rule, ...] = (*pods.RULES, *resources.RULES, *images.RULES, *labels.RULES, *services.RULES)
