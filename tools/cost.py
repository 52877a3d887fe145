"""What the stacks cost a month at AWS: quantities from the stack files, prices from docs/prices.csv.

Counted is what is there whatever the load, with the nodes that Karpenter needs for it (`tools/cost_nodes.py`)
and logs at a stated rate (`tools/cost_logs.py`). What traffic and data cost (NAT and load balancer by the GB,
objects, requests, backups) is not. What Karpenter's pools are when they are full is shown apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from infra.components.aws.firewall import MANAGED_RULES
from infra.layers.foundation import needed_keys
from infra.settings.aws import Aws
from infra.settings.aws_cluster import EksSettings
from infra.settings.cost import KubecostSettings
from infra.settings.data import Kafka, KafkaStrimzi, MLflow, MLflowDeployment, Postgres, PostgresCloudNativePG
from infra.settings.monitoring import KubePrometheusStackSettings, Monitoring
from infra.settings.services import ServicesSettings
from tools import cost_logs, cost_nodes, paths
from tools.cost_nodes import LARGE_CPUS, mebi, milli, section
from tools.gate import settings
from tools.prices import Line, Price, Priced, priced, prices
from workloads.kit.contracts.platform import egress_clients, roles, running, secrets

PAGE: Final = paths.ROOT / "docs" / "deploy-aws.md"

_MARKS: Final = ("<!-- cost: made by `make cost` -->", "<!-- /cost -->")
_SYSTEM_VOLUME: Final = 4
"""GiB of Bottlerocket's own volume, beside the one for data."""
_OTHER_SECRETS: Final = 4
"""PostgreSQL's superuser, Redis, Grafana's administrator, Velero's repository."""


@dataclass(frozen=True)
class Estimate:
    """What a stack costs a month.

    Attributes:
        most: Karpenter's pools when they are full, bought on demand.
    """

    stack: str
    region: str
    lines: Sequence[Priced]
    most: Sequence[Priced]

    @property
    def known(self) -> Decimal:
        """Sum of the lines whose price in the stack's region is known."""
        return sum((p.monthly for p in self.lines if p.monthly is not None), Decimal(0))

    @property
    def unknown(self) -> list[str]:
        """Items without a price in the stack's region."""
        return [p.line.item for p in self.lines if p.monthly is None]


def estimates(stacks: Iterable[str]) -> list[Estimate]:
    """What each of the stacks costs that are at AWS.

    Raises:
        ToolError: an item has no row in the price table, not even a blank one.
    """
    table = prices()
    return [
        made
        for stack in stacks
        if (made := estimate(stack, settings.layers(stack).merged(), table)) is not None
    ]


def estimate(
    stack: str, config: Mapping[str, Any], table: Mapping[tuple[str, str], Price]
) -> Estimate | None:
    """What a stack costs; None if it is not at AWS.

    Args:
        config: section → content, as the stack's files have it together.
    """
    aws: Aws | None = section(config, "aws", Aws)
    if aws is None:
        return None
    # Each tenant has a database role; each role, and each client of the egress proxy, has a secret.
    names = running(config)
    made = (*roles(names), *egress_clients(names), *secrets(names))
    entries = len(made) + len(config.get("tenants", {}))
    always = [*_foundation(aws, entries), *_volumes(config), *cost_nodes.lines(config), *cost_logs.lines(aws)]
    fixed = [line for line in always if line.quantity]
    pools = list(_pools(config))
    return Estimate(
        stack,
        aws.region,
        [priced(line, aws.region, table) for line in fixed],
        [priced(line, aws.region, table) for line in pools],
    )


def markdown(made: Sequence[Estimate]) -> str:
    """The tables of docs/deploy-aws.md."""
    columns = (
        "stack",
        "region",
        "known, USD a month",
        "without",
        "at us-east-1's prices",
        "full node pools",
    )
    summary = [
        f"| {' | '.join(columns)} |",
        "|---|---|---:|---|---:|---:|",
        *(
            f"| {e.stack} | {e.region} | {_money(e.known)} | {_names(e.unknown)} "
            f"| {_with_compared(e.lines)} | {_with_compared(e.most) if e.most else 'none'} |"
            for e in made
        ),
    ]
    detail = [
        line
        for e in made
        for line in (
            "",
            f"**{e.stack}** ({e.region})",
            "",
            "| item | number | what | USD a month | in us-east-1 |",
            "|---|---:|---|---:|---:|",
            *(_row(p) for p in (*e.lines, *e.most)),
        )
    ]
    return "\n".join([*summary, *detail]) + "\n"


def write(made: Sequence[Estimate], page: Path = PAGE) -> None:
    """Put the tables into the page, in place of those that are there."""
    start, end = _MARKS
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{start}\n\n{markdown(made)}\n{end}{after}", encoding="utf-8")


def written(page: Path = PAGE) -> str:
    """The tables that the page has."""
    start, end = _MARKS
    return page.read_text(encoding="utf-8").partition(start)[2].partition(end)[0].strip() + "\n"


def volume_gib(config: Mapping[str, Any]) -> int:
    """GiB of all volumes that a stack keeps, its system nodes' among them.

    Args:
        config: section → content, as the stack's files have it together.
    """
    aws: Aws | None = section(config, "aws", Aws)
    nodes = _cluster(aws.cluster) if aws is not None and aws.cluster is not None else ()
    return sum(line.quantity for line in (*nodes, *_volumes(config)) if line.item == "gp3")


def _foundation(aws: Aws, secrets: int) -> Iterator[Line]:
    """What the section `aws` makes, in the order of `infra/layers/foundation.py`."""
    yield Line("kms-key", len(needed_keys(aws)), "KMS keys")
    if aws.network is not None:
        zones = len(aws.network.zones)
        gateways = aws.network.gateways
        yield Line("nat-gateway", gateways, "NAT gateways, without what they pass on")
        yield Line("public-ipv4", gateways, "their addresses")
        yield Line(
            "interface-endpoint", len(aws.network.endpoints) * zones, "interface endpoints, one a zone each"
        )
    if aws.cluster is not None:
        yield from _cluster(aws.cluster)
    if aws.secrets is not None:
        people = len(aws.secrets.sources) + len(aws.secrets.alerts)
        yield Line("secret", secrets + _OTHER_SECRETS + people, "secrets")
    if aws.edge is not None and aws.network is not None:
        yield Line("alb", 1, "public load balancer, without what it passes on")
        yield Line("public-ipv4", len(aws.network.zones), "its addresses")
        yield Line("waf-acl", 1, "firewall, without its requests")
        # The limit of requests and the allow-list, beside AWS's own groups.
        yield Line("waf-rule", len(MANAGED_RULES) + 2, "its rules")
        yield Line("hosted-zone", 1, "DNS zone, without its queries")


def _cluster(cluster: EksSettings) -> Iterator[Line]:
    nodes = cluster.system_nodes
    yield Line("eks-cluster", 1, "control plane")
    yield Line(f"ec2:{nodes.instance_types[0]}", nodes.least, "system nodes, on demand")
    yield Line("gp3", nodes.least * (nodes.disk_gib + _SYSTEM_VOLUME), "GiB of their volumes")


def _volumes(config: Mapping[str, Any]) -> Iterator[Line]:
    """What workloads keep on volumes."""
    kafka: Kafka | None = section(config, "kafka", Kafka)
    postgres: Postgres | None = section(config, "postgres", Postgres)
    monitoring: Monitoring | None = section(config, "monitoring", Monitoring)
    mlflow: MLflow | None = section(config, "mlflow", MLflow)
    kubecost: KubecostSettings | None = section(config, "cost", KubecostSettings)
    if kafka is not None:
        gib = kafka.brokers * _gib(kafka.storage.size)
        if isinstance(kafka, KafkaStrimzi) and kafka.controllers is not None:
            gib += kafka.controllers.nodes * _gib(kafka.controllers.storage.size)
        yield Line("gp3", gib, "GiB of Kafka's volumes")
    if isinstance(postgres, PostgresCloudNativePG):
        gib = postgres.instances * (_gib(postgres.storage.size) + _gib(postgres.wal_storage.size))
        yield Line("gp3", gib, "GiB of PostgreSQL's volumes")
    elif postgres is not None:
        yield Line("gp3", _gib(postgres.storage.size), "GiB of PostgreSQL's volume")
    if isinstance(monitoring, KubePrometheusStackSettings):
        servers = (monitoring.prometheus, monitoring.alertmanager)
        gib = sum(server.replicas * _gib(server.storage.size) for server in servers)
        yield Line("gp3", gib, "GiB of monitoring's volumes")
    if isinstance(mlflow, MLflowDeployment):
        yield Line("gp3", _gib(mlflow.storage.size), "GiB of MLflow's volume")
    if kubecost is not None:
        gib = _gib(kubecost.database_size) + _gib(kubecost.metrics_size)
        yield Line("gp3", gib, "GiB of Kubecost's volumes")


def _pools(config: Mapping[str, Any]) -> Iterator[Line]:
    """Karpenter's nodes when every pool is full, as the `large` (2 vCPU) of its first family."""
    services: ServicesSettings | None = section(config, "services", ServicesSettings)
    if services is None or services.karpenter is None:
        return
    for name, pool in sorted(services.karpenter.pools.items()):
        nodes = math.ceil(milli(pool.cpu) / 1000 / LARGE_CPUS)
        yield Line(f"ec2:{pool.families[0]}.large", nodes, f"node pool {name} when full, on demand")


def _gib(size: str) -> int:
    return math.ceil(mebi(size) / 2**10)


def _with_compared(lines: Sequence[Priced]) -> str:
    best = [p.compared if p.monthly is None else p.monthly for p in lines]
    missing = [p.line.item for p, usd in zip(lines, best, strict=True) if usd is None]
    total = _money(sum((usd for usd in best if usd is not None), Decimal(0)))
    return f"{total}, without {_names(missing)}" if missing else total


def _row(p: Priced) -> str:
    cells = (p.line.item, str(p.line.quantity), p.line.note, _money(p.monthly), _money(p.compared))
    return f"| {' | '.join(cells)} |"


def _names(items: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(items)) or "nothing"


def _money(usd: Decimal | None) -> str:
    return "" if usd is None else f"{usd:,.2f}"
