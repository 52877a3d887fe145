"""How far a deployment's rights reach: what has the environment's name, or its tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from infra.names import Names

RECORDS: Final = "route53:ChangeResourceRecordSets"
"""A hosted zone has no name of ours, and no condition on its tags: what bounds it are the records' names."""


def arn(names: Names, service: str, resource: str) -> str:
    """In any region: the conditions, or the resource's own name, say which."""
    return f"arn:aws:{service}:*:{names.account_id}:{resource}"


def made(names: Names, regions: Sequence[str]) -> dict[str, Mapping[str, str | Sequence[str]]]:
    """Condition: it is made in a region, with the environment's tag."""
    return {"StringEquals": {"aws:RequestTag/env": names.environment, "aws:RequestedRegion": regions}}


def owned(names: Names, regions: Sequence[str]) -> dict[str, Mapping[str, str | Sequence[str]]]:
    """Condition: it is in a region and has the environment's tag."""
    return {"StringEquals": {"aws:ResourceTag/env": names.environment, "aws:RequestedRegion": regions}}


def below(domain: str) -> dict[str, Mapping[str, str | Sequence[str]]]:
    """Condition: the records are a domain's own, or below it."""
    names = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
    return {"ForAllValues:StringLike": {names: [domain, f"*.{domain}"]}}
