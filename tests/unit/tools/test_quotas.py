"""What is asked of AWS beforehand follows from the settings, by region, and nothing that is there is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import quotas
from tools.errors import ToolError
from tools.gate import settings
from tools.quotas import Need


def config(stack: str) -> dict[str, Any]:
    return copy.deepcopy(settings.layers(stack).merged())


def needed(*configs: dict[str, Any]) -> dict[tuple[str, str], int]:
    """(region, code) → what is needed."""
    return {(n.region, n.quota.code): n.needed for n in quotas.counted(configs)}


HERE = "eu-central-1"


def test_a_stack_with_more_gateways_needs_as_many_more_addresses() -> None:
    one, three = config("dev"), config("dev")
    three["aws"]["network"]["nat"] = "per-zone"
    zones = len(three["aws"]["network"]["zones"])
    before, after = needed(one)[HERE, quotas.ADDRESSES], needed(three)[HERE, quotas.ADDRESSES]
    assert (before, after) == (1, zones)


def test_stacks_of_a_region_are_counted_together_and_those_of_another_apart() -> None:
    dev, prod, dr = config("dev"), config("prod"), config("dr")
    both = needed(dev, prod, dr)
    assert both[HERE, quotas.CLUSTERS] == 2
    assert both[HERE, quotas.ADDRESSES] == 1 + 3
    assert both[HERE, quotas.NAT_OF_A_ZONE] == 2, "both have one in the first zone"
    assert both["eu-west-1", quotas.NETWORKS] == 1 + 1, "its own, and the one that AWS makes"
    assert (HERE, quotas.ON_DEMAND) in both
    assert ("eu-west-1", quotas.ADDRESSES) not in both, "dr has no gateway"


def test_vcpus_are_of_full_pools_and_all_system_nodes() -> None:
    prod = config("prod")
    assert needed(prod)[HERE, quotas.ON_DEMAND] == 6 * 2 + 256 + 256
    assert needed(prod)[HERE, quotas.SPOT] == 256
    prod["services"]["karpenter"]["pools"]["data"]["cpu"] = "300"
    assert needed(prod)[HERE, quotas.ON_DEMAND] == 6 * 2 + 256 + 300


def test_endpoints_are_of_a_network_and_not_added_up() -> None:
    one, other = config("dev"), config("staging")
    for made, names in ((one, ["sts", "kms"]), (other, ["sts", "kms", "logs"])):
        made["aws"]["network"] |= {"endpoints": names, "endpoints_why": "for the sake of the test"}
    assert needed(one, other)[HERE, quotas.ENDPOINTS_OF_A_NETWORK] == 3


def test_the_stacks_need_more_than_a_new_account_has_and_the_commands_say_so() -> None:
    found = quotas.needs(settings.stacks())
    asked = {n.quota.code: n for n in found if n.region == HERE and n.asked is not None}
    assert asked.keys() >= {quotas.ADDRESSES, quotas.ON_DEMAND, quotas.SPOT}
    printed = quotas.text(found)
    for need in asked.values():
        assert need.asked is not None
        assert need.asked >= need.needed
        assert f"--quota-code {need.quota.code} --desired-value {need.asked}\n" in printed
    assert quotas.CLUSTERS not in asked
    assert f"--quota-code {quotas.CLUSTERS}" not in printed


def test_where_the_default_does_nothing_is_asked() -> None:
    assert quotas.text(quotas.needs(["dr"])).endswith("\nNothing has to be asked for.\n")


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_is_asked_is_enough_and_never_less_than_there_is(amount: int, default: int) -> None:
    asked = Need("1", HERE, quotas.Quota("ec2", "L-1", "some", default, "a page"), amount).asked
    assert (asked is None and amount <= default) or (
        asked is not None and asked >= amount and asked > default
    )


@pytest.mark.parametrize(
    ("name", "number"),
    [("t4g.large", 2), ("m7g.medium", 1), ("t4g.medium", 2), ("m7g.xlarge", 4), ("r7g.16xlarge", 64)],
)
def test_vcpus_of_a_type(name: str, number: int) -> None:
    assert quotas.vcpus(name) == number


def test_a_size_that_says_nothing_is_not_guessed() -> None:
    with pytest.raises(ToolError, match=r"m7g\.metal"):
        quotas.vcpus("m7g.metal")


@pytest.mark.parametrize(
    "row",
    [
        "ec2,L-1,some,,a page,a table,2026-11-28",
        "ec2,L-1,some,5,,a table,2026-11-28",
        "ec2,L-1,some,5,a page,,2026-11-28",
        "ec2,L-1,some,5,a page,a table,",
        "ec2,L-1,some,5,a,b,c\nec2,L-1,some,5,a,b,c",
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused(tmp_path: Path, row: str) -> None:
    (tmp_path / "quotas.csv").write_text(f"service,code,name,default,source,read,date\n{row}\n")
    with pytest.raises(ToolError, match=r"quotas\.csv:"):
        quotas.quotas(tmp_path / "quotas.csv")
