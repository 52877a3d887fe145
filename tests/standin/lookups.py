"""The data lookups that are answered, which are those that depend on the account and the region alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.standin.aws_outputs import Place, zone_id

Answer = Callable[[Place, Mapping[str, Any]], dict[str, Any]]


def _zones(place: Place, _: Mapping[str, Any]) -> dict[str, Any]:
    names = [f"{place.region}{letter}" for letter in "abc"]
    return {
        "id": place.region,
        "names": names,
        "zoneIds": [zone_id(name) for name in names],
        "groupNames": [place.region],
    }


def _identity(place: Place, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": place.account,
        "accountId": place.account,
        "arn": f"arn:aws:sts::{place.account}:assumed-role/preview/preview",
        "userId": "AROASTANDIN:preview",
    }


def _partition(_: Place, __: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _region(place: Place, asked: Mapping[str, Any]) -> dict[str, Any]:
    name = asked.get("region") or asked.get("name") or place.region
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


ANSWERS: Final[Mapping[str, Answer]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
}


class NoAnswer(Exception):
    """A lookup that has no stand-in answer."""


def answer(token: str, place: Place, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a lookup finds.

    Raises:
        NoAnswer: names the lookup and those that are answered.
    """
    if token not in ANSWERS:
        raise NoAnswer(
            f"no stand-in answer for the lookup {token}: compute it from the settings, or add it to "
            f"tests/standin/lookups.py. Answered are {', '.join(sorted(ANSWERS))}"
        )
    return ANSWERS[token](place, asked)
