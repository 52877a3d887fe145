"""What a stack costs: quantities from its settings, prices from the table, nothing made up."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tools import cost
from tools.cost import Estimate
from tools.errors import ToolError
from tools.gate import settings, snapshot
from tools.prices import Price, prices

SMALL: dict[str, Any] = {"cpu": "100m", "memory": "256Mi", "memory_limit": "512Mi"}
DEPLOYER = "arn:aws:iam::111122223333:role/deployer"

NETWORK: dict[str, Any] = {
    "cidr": "10.0.0.0/16",
    "zones": ["eu-central-1a", "eu-central-1b"],
    "nat": "per-zone",
    "endpoints": ["ec2", "sts", "kms"],
    "endpoints_why": "for the sake of the test",
}
CLUSTER: dict[str, Any] = {
    "version": "1.35",
    "admins": [DEPLOYER],
    "public_access_cidrs": ["203.0.113.0/24"],
    "system_nodes": {
        "instance_types": ["m7g.large", "m6g.large"],
        "architecture": "arm64",
        "least": 2,
        "most": 4,
        "disk_gib": 46,
    },
}
EDGE: dict[str, Any] = {
    "domain": "carbon.example.com",
    "allowed_cidrs": ["192.0.2.0/24"],
    "services": {"api": "model-server"},
}
TABLE = {
    (item, region): Price(item, unit, region, Decimal(usd) if usd else None, "a page", "2026-01-01")
    for item, unit, region, usd in (
        ("kms-key", "month", "*", "1"),
        ("nat-gateway", "hour", "eu-central-1", "0.10"),
        ("public-ipv4", "hour", "*", "0.01"),
        ("interface-endpoint", "hour", "eu-central-1", "0.02"),
        ("eks-cluster", "hour", "*", "0.10"),
        ("ec2:m7g.large", "hour", "eu-central-1", None),
        ("ec2:m7g.large", "hour", "us-east-1", "0.08"),
        ("gp3", "GiB-month", "eu-central-1", "0.5"),
        ("alb", "hour", "us-east-1", None),
        ("waf-acl", "month", "*", "5"),
        ("waf-rule", "month", "*", "1"),
        ("hosted-zone", "month", "*", "0.5"),
        ("logs-in", "GiB", "*", "0"),
        ("logs-kept", "GiB-month", "*", "0"),
        ("ec2:r7g.large", "hour", "*", "0.1"),
    )
}


def _aws(**parts: Any) -> dict[str, Any]:
    return {"aws": {"account_id": "111122223333", "region": "eu-central-1", **parts}}


def _estimate(config: dict[str, Any]) -> Estimate:
    made = cost.estimate("some", config, TABLE)
    assert made is not None
    return made


def _monthly(made: Estimate, item: str) -> list[Decimal | None]:
    return [p.monthly for p in made.lines if p.line.item == item]


def test_a_stack_that_is_not_at_aws_costs_nothing_there() -> None:
    assert cost.estimate("local", {"labels": {}}, TABLE) is None


def test_a_network_costs_its_gateways_addresses_and_endpoints_in_every_zone() -> None:
    made = _estimate(_aws(network=NETWORK, cluster=CLUSTER))
    assert _monthly(made, "nat-gateway") == [Decimal("0.10") * 730 * 2]
    assert _monthly(made, "public-ipv4") == [Decimal("0.01") * 730 * 2]
    assert _monthly(made, "interface-endpoint") == [Decimal("0.02") * 730 * 3 * 2]
    bare = _estimate(_aws(network=NETWORK | {"endpoints": []}, cluster=CLUSTER))
    assert made.known - bare.known == Decimal("87.6")


def test_one_gateway_for_all_zones_is_one() -> None:
    made = _estimate(_aws(network=NETWORK | {"nat": "one", "endpoints": []}, cluster=CLUSTER))
    assert _monthly(made, "nat-gateway") == [Decimal(73)]
    assert _monthly(made, "interface-endpoint") == []


def test_a_price_that_is_not_known_is_left_out_and_named() -> None:
    made = _estimate(_aws(network=NETWORK, cluster=CLUSTER))
    (nodes,) = [p for p in made.lines if p.line.item == "ec2:m7g.large"]
    compared = Decimal("0.08") * 730 * 2
    assert (nodes.monthly, nodes.compared) == (None, compared)
    assert made.unknown == ["ec2:m7g.large"]
    page = cost.markdown([made])
    assert f"| {made.known:,.2f} | ec2:m7g.large | {made.known + compared:,.2f} |" in page


def test_what_no_region_has_a_price_for_stays_unknown_in_the_comparison_too() -> None:
    made = _estimate(_aws(network=NETWORK, cluster=CLUSTER, edge=EDGE))
    assert "alb" in made.unknown
    (row,) = [line for line in cost.markdown([made]).splitlines() if line.startswith("| some |")]
    assert row.count("without alb") == 1


def test_nodes_have_volumes_and_so_has_what_keeps_data() -> None:
    kafka = {"kind": "statefulset", "resources": SMALL, "storage": {"size": "10Gi"}}
    postgres = {"kind": "statefulset", "resources": SMALL, "storage": {"size": "512Mi"}}
    made = _estimate(_aws(network=NETWORK, cluster=CLUSTER) | {"kafka": kafka, "postgres": postgres})
    volumes = [p.line.quantity for p in made.lines if p.line.item == "gp3"]
    assert volumes == [2 * (46 + 4), 3 * 10, 1]
    assert _monthly(made, "gp3") == [Decimal(50), Decimal(15), Decimal("0.5")]


def test_what_karpenter_starts_is_bounded_by_its_pools_and_not_in_the_sum() -> None:
    pool = {
        "capacity": ["spot", "on-demand"],
        "families": ["m7g", "c7g"],
        "architectures": ["arm64"],
        "cpu": "9",
        "memory": "64Gi",
    }
    services = {"karpenter": {"image": "bottlerocket@v1.64.0", "pools": {"general": pool}}}
    config = _aws(network=NETWORK, cluster=CLUSTER)
    made = _estimate(config | {"services": services})
    assert [(p.line.item, p.line.quantity) for p in made.most] == [("ec2:m7g.large", 5)]
    assert made.known == _estimate(config).known


POOLS: dict[str, Any] = {
    name: {
        "capacity": ["on-demand"],
        "families": [family],
        "architectures": ["arm64"],
        "cpu": "64",
        "memory": "256Gi",
        "dedicated": name == "data",
    }
    for name, family in (("data", "r7g"), ("general", "m7g"))
}
KARPENTER: dict[str, Any] = {"karpenter": {"image": "bottlerocket@v1.64.0", "pools": POOLS}}
CONSUMER: dict[str, Any] = {
    "scaler": {"kind": "keda", "min_replicas": 3, "max_replicas": 9},
    "resources": SMALL | {"cpu": "500m", "memory": "1Gi", "memory_limit": "1Gi"},
}


def _nodes(config: dict[str, Any]) -> dict[str, int]:
    """Nodes for what always runs, by item."""
    made = _estimate(config)
    return {p.line.item: p.line.quantity for p in made.lines if "always run" in p.line.note}


def test_nodes_that_kafka_and_the_workloads_always_need_are_in_the_sum() -> None:
    at_rest = _aws(network=NETWORK, cluster=CLUSTER) | {"services": KARPENTER}
    assert _nodes(at_rest) == {}
    # 1.5 vCPUs and 3 GiB of a node's 1.8 and 6.8; its largest number of pods is the load's.
    assert _nodes(at_rest | {"analytics_consumer": CONSUMER}) == {"ec2:m7g.large": 1}
    doubled = CONSUMER | {"scaler": CONSUMER["scaler"] | {"min_replicas": 6}}
    assert _nodes(at_rest | {"analytics_consumer": doubled}) == {"ec2:m7g.large": 2}
    # 36 GiB of brokers, on nodes with 13.6 GiB each for pods, in the pool that is theirs.
    broker = {"cpu": "1", "memory": "12Gi", "memory_limit": "12Gi"}
    kafka = {
        "kind": "strimzi",
        "node_pool": "data",
        "resources": broker,
        "storage": {"size": "10Gi"},
        "operator_resources": SMALL,
    }
    assert _nodes(at_rest | {"kafka": kafka}) == {"ec2:r7g.large": 3, "ec2:m7g.large": 1}
    made = _estimate(at_rest | {"kafka": kafka})
    assert made.known - _estimate(at_rest).known > Decimal("0.1") * 730 * 3


def test_a_job_needs_no_node_that_stays() -> None:
    at_rest = _aws(network=NETWORK, cluster=CLUSTER) | {"services": KARPENTER}
    training = {"resources": SMALL | {"cpu": "2"}, "monitor": {"resources": SMALL}}
    assert _nodes(at_rest | {"model_training": training}) == {}


def test_logs_cost_what_comes_in_once_and_what_is_kept_for_as_long() -> None:
    def logs(**days: int) -> tuple[int, int]:
        made = _estimate(_aws(network=NETWORK, cluster=CLUSTER, logs=days))
        counted = {p.line.item: p.line.quantity for p in made.lines}
        return counted["logs-in"], counted["logs-kept"]

    short, long = logs(network=30), logs(network=365)
    assert short[0] == long[0] > 0
    assert short[1] < long[1]


def test_an_item_that_the_table_does_not_have_is_an_error_and_not_free() -> None:
    table = {key: price for key, price in TABLE.items() if key[0] != "nat-gateway"}
    with pytest.raises(ToolError, match="no row for nat-gateway"):
        cost.estimate("some", _aws(network=NETWORK, cluster=CLUSTER), table)


COUNTED = {
    "kms-key": "aws:kms/key:Key",
    "nat-gateway": "aws:ec2/natGateway:NatGateway",
    "eks-cluster": "aws:eks/cluster:Cluster",
    "secret": "aws:secretsmanager/secret:Secret",
    "alb": "aws:lb/loadBalancer:LoadBalancer",
    "waf-acl": "aws:wafv2/webAcl:WebAcl",
    "hosted-zone": "aws:route53/zone:Zone",
}


@pytest.mark.parametrize("stack", ["bootstrap", "dev", "staging", "dr", "prod"])
def test_what_is_counted_is_what_the_program_makes(stack: str) -> None:
    (made,) = cost.estimates([stack])
    taken = snapshot.read(stack)
    assert taken is not None, "make snapshot"
    types = Counter(entry.type for entry in taken.values())
    counted = {p.line.item: p.line.quantity for p in made.lines}
    assert {item: counted.get(item, 0) for item in COUNTED} == {
        item: types[type_] for item, type_ in COUNTED.items()
    }


HEAD = "item,unit,region,usd,source,date\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("alb,hour,*,0.1,,2026-01-01\n", "no source"),
        ("alb,hour,*,0.1,a page,\n", "no source or date"),
        ("alb,hour,*,0.1,a page,January\n", "no source or date"),
        ("alb,hour,*,about 1,a page,2026-01-01\n", "no price"),
        ("alb,day,*,,,\n", "no unit"),
        ("alb,hour,*,,,\nalb,hour,*,1,a page,2026-01-01\n", "twice"),
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "prices.csv").write_text(HEAD + rows)
    with pytest.raises(ToolError, match=said) as refused:
        prices(tmp_path / "prices.csv")
    assert "prices.csv:" in refused.value.message


def test_a_blank_price_is_unknown_and_a_zero_is_free(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(f"{HEAD}alb,hour,*,,,\nvpc,hour,*,0,a page,2026-01-01\n")
    table = prices(tmp_path / "prices.csv")
    assert table["alb", "*"].usd is None
    assert table["vpc", "*"].usd == 0


def test_the_page_has_what_the_stacks_cost_now() -> None:
    made = cost.estimates(settings.stacks())
    assert {estimate.stack for estimate in made} == set(settings.stacks()) - {"local"}
    assert cost.written() == cost.markdown(made), "make cost"


def test_writing_replaces_the_tables_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{cost._MARKS[0]}\nold\n{cost._MARKS[1]}\nafter\n")
    made = [_estimate(_aws(network=NETWORK, cluster=CLUSTER))]
    cost.write(made, page)
    assert cost.written(page) == cost.markdown(made)
    assert page.read_text().startswith(f"before\n{cost._MARKS[0]}\n\n| stack |")
    assert page.read_text().endswith(f"{cost._MARKS[1]}\nafter\n")
