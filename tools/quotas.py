"""What AWS has to allow before stacks come up: quantities from their files, defaults from docs/quotas.csv.

A quota is a region's, and all stacks of an account there share it, so they are counted together. Nothing is
asked of AWS: a raise is for good and takes days, so a person sends it, by the command that stands with it.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.settings.aws import Aws
from infra.settings.services import ServicesSettings
from tools import cost, paths
from tools.cost_nodes import milli, section
from tools.errors import ToolError
from tools.gate import settings

QUOTAS: Final = paths.ROOT / "docs" / "quotas.csv"
ADDRESSES: Final = "L-0263D0A3"
ON_DEMAND: Final = "L-1216C47A"
SPOT: Final = "L-34B43A08"
NETWORKS: Final = "L-F678F1CE"
INTERNET_GATEWAYS: Final = "L-A4707A72"
NAT_OF_A_ZONE: Final = "L-FE5A380F"
ENDPOINTS_OF_A_NETWORK: Final = "L-29B6F2EB"
CLUSTERS: Final = "L-1194D53C"
BALANCERS: Final = "L-53DA6B97"
VOLUMES: Final = "L-7A658B76"

SPARE: Final = 1.25
"""What is asked for, of what is needed: an update makes the new before the old goes."""
_STANDARD: Final = frozenset("acdhimrtz")
"""First letters of the families whose vCPUs the two quotas of instances count."""


@dataclass(frozen=True)
class Quota:
    """A quota of a region.

    Attributes:
        default: what AWS gives an account; a new one may have less.
        source: AWS's own page of it.
    """

    service: str
    code: str
    name: str
    default: int
    source: str


@dataclass(frozen=True)
class Need:
    """What the stacks take of a quota when they are full."""

    account: str
    region: str
    quota: Quota
    needed: int

    @property
    def asked(self) -> int | None:
        """What to ask for; None where the default does, with what an update takes for a time."""
        wanted = math.ceil(self.needed * SPARE)
        return wanted if wanted > self.quota.default else None

    @property
    def request(self) -> str:
        """The command that asks."""
        return (
            f"aws service-quotas request-service-quota-increase --region {self.region} --service-code "
            f"{self.quota.service} --quota-code {self.quota.code} --desired-value {self.asked}"
        )


def quotas(file: Path = QUOTAS) -> dict[str, Quota]:
    """Code → quota.

    Where a number was read, and when, stands beside it: AWS's own pages are not reached from here.

    Raises:
        ToolError: a row has no source, no number, no place or day of reading, or stands there twice.
    """
    found: dict[str, Quota] = {}
    with file.open(newline="", encoding="utf-8") as rows:
        for number, row in enumerate(csv.DictReader(rows), start=2):
            where = f"{file.name}:{number}"
            if not row["default"].isdecimal() or not (row["source"] and row["read"] and row["date"]):
                said = f"{where}: {row['name']} has no default, no source, or no place and day of reading"
                raise ToolError(said, remedy="Add them.")
            if row["code"] in found:
                raise ToolError(f"{where}: {row['code']} stands there twice", remedy="Keep one.")
            found[row["code"]] = Quota(
                row["service"],
                row["code"],
                row["name"],
                int(row["default"]),
                row["source"],
            )
    return found


def needs(stacks: Iterable[str]) -> list[Need]:
    """What the stacks need together, by account and region.

    Raises:
        ToolError: docs/quotas.csv cannot be read, or lacks a quota that is counted here.
    """
    return counted(settings.layers(stack).merged() for stack in stacks)


def counted(configs: Iterable[Mapping[str, Any]]) -> list[Need]:
    """What stacks need together.

    Args:
        configs: of each, section → content.
    """
    known = quotas()
    totals: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    zones: Counter[tuple[str, str, str]] = Counter()
    volumes: Counter[tuple[str, str]] = Counter()
    for config in configs:
        aws: Aws | None = section(config, "aws", Aws)
        if aws is None:
            continue
        place = (aws.account_id, aws.region)
        total = totals[place]
        total.update(dict(_of_aws(aws)))
        total.update(_vcpus(config))
        volumes[place] += cost.volume_gib(config)
        if aws.network is not None:
            for zone in aws.network.zones[: aws.network.gateways]:
                zones[(*place, zone)] += 1
            # Of a network each, not of all together.
            most = max(total[ENDPOINTS_OF_A_NETWORK], len(aws.network.endpoints))
            total[ENDPOINTS_OF_A_NETWORK] = most
    for (account, region, _), gateways in zones.items():
        total = totals[account, region]
        total[NAT_OF_A_ZONE] = max(total[NAT_OF_A_ZONE], gateways)
    for place, gib in volumes.items():
        totals[place][VOLUMES] = math.ceil(gib / 2**10)
    for total in totals.values():
        if total[NETWORKS]:
            # The default network, which AWS makes in each region, with a gateway.
            total.update({NETWORKS: 1, INTERNET_GATEWAYS: 1})
    return [
        Need(account, region, _known(known, code), needed)
        for (account, region), total in sorted(totals.items())
        for code, needed in sorted(total.items())
        if needed
    ]


def _of_aws(aws: Aws) -> Iterator[tuple[str, int]]:
    if aws.network is not None:
        yield ADDRESSES, aws.network.gateways
        yield NETWORKS, 1
        yield INTERNET_GATEWAYS, 1
    yield CLUSTERS, int(aws.cluster is not None)
    yield BALANCERS, int(aws.edge is not None)


def _vcpus(config: Mapping[str, Any]) -> Counter[str]:
    """vCPUs of the system nodes at their most, and of Karpenter's pools when they are full.

    A pool of spot nodes that may buy on demand can be all of either.
    """
    total: Counter[str] = Counter()
    aws: Aws = section(config, "aws", Aws)
    if aws.cluster is not None:
        nodes = aws.cluster.system_nodes
        total[ON_DEMAND] += nodes.most * max(vcpus(one) for one in nodes.instance_types)
    services: ServicesSettings | None = section(config, "services", ServicesSettings)
    if services is not None and services.karpenter is not None:
        for pool in services.karpenter.pools.values():
            if any(family[0] in _STANDARD for family in pool.families):
                for bought in pool.capacity:
                    total[SPOT if bought == "spot" else ON_DEMAND] += math.ceil(milli(pool.cpu) / 1000)
    return total


def vcpus(instance_type: str) -> int:
    """vCPUs of an instance type, by its size.

    Raises:
        ToolError: the size has no number of vCPUs that holds in every family.
    """
    family, _, size = instance_type.partition(".")
    if size == "medium":
        return 2 if family.startswith("t") else 1
    if size in ("nano", "micro", "small", "large"):
        return 2
    if multiple := re.fullmatch(r"([0-9]*)xlarge", size):
        return 4 * int(multiple[1] or 1)
    raise ToolError(
        f"{instance_type}: its vCPUs do not follow from its size", remedy="Add the size to tools/quotas.py."
    )


def _known(known: Mapping[str, Quota], code: str) -> Quota:
    if code not in known:
        raise ToolError(f"docs/quotas.csv has no row for {code}", remedy="Add one, with its source.")
    return known[code]


def text(found: Iterable[Need]) -> str:
    """A table, and a command for each quota that the default is too small for."""
    listed = list(found)
    rows = [
        f"| {need.region} | {need.quota.name} | {need.quota.code} | {need.needed} | {need.quota.default} "
        f"| {need.asked or ''} | {need.quota.source} |"
        for need in listed
    ]
    head = [
        "| region | quota | code | needed | default | ask for | source |",
        "|---|---|---|---:|---:|---:|---|",
    ]
    commands = [need.request for need in listed if need.asked is not None]
    return "\n".join([*head, *rows, "", *(commands or ["Nothing has to be asked for."])]) + "\n"
