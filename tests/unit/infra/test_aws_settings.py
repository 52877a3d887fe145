"""Section `aws` is read, or refused with what to do."""

from __future__ import annotations

import copy
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from infra.components.aws.subnets import tiers
from infra.settings import aws
from infra.settings.aws import Aws
from tests.aws import CONNECTION, whole
from tools.gate import settings


def refused(*path: str, value: Any) -> str:
    """What is said of the whole section with one value changed."""
    section = copy.deepcopy(whole())
    at = section
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(ValidationError) as error:
        Aws.model_validate(section)
    return str(error.value)


def test_a_whole_section_is_accepted() -> None:
    read = Aws.model_validate(whole())
    assert read.cluster is not None
    assert read.cluster.version == "1.35"
    assert read.protect is True
    assert read.logs.control_plane >= 731


@pytest.mark.parametrize("stack", ["bootstrap", "dr"])
def test_the_committed_small_stacks_are_accepted(stack: str) -> None:
    config = settings.layers(stack).merged()
    read = Aws.model_validate(config["aws"])
    assert read.cluster is None
    assert config["labels"]["environment"] == stack


def test_dr_takes_what_prod_replicates() -> None:
    """The destination of a replication is computed: the stack that has it must make it, under that name."""
    config = settings.layers("dr").merged()
    dr, prod = Aws.model_validate(config["aws"]), Aws.model_validate(whole())
    assert prod.buckets is not None
    assert prod.buckets.replicate_to is not None
    assert prod.registry is not None
    assert (dr.region, config["labels"]["environment"]) == (
        prod.buckets.replicate_to.region,
        prod.buckets.replicate_to.environment,
    )
    assert prod.registry.replicate_to == dr.region
    assert dr.buckets is not None
    for name in ("recovery", "mlflow", "warehouse", "audit"):
        assert getattr(dr.buckets, name) is not None


CLOSED = whole()["cluster"] | {"github": False, "admins": []}
"""A cluster whose API nobody may use."""


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["account_id"], "1111", "account_id"),
        (["region"], "frankfurt", "region"),
        (["network", "cidr"], "10.0.0.0/24", "no /16 to /20"),
        (["network", "cidr"], "8.8.0.0/16", "private"),
        (["network", "cidr"], "172.20.0.0/16", "overlaps"),
        (["network", "zones"], ["eu-west-1a", "eu-west-1b"], "not of region"),
        (["network", "zones"], ["eu-central-1a", "eu-central-1a"], "twice"),
        (["network", "zones"], ["eu-central-1a"], "EKS asks for subnets in two"),
        (["network", "nat"], "two", "nat"),
        (["network"], None, "cluster needs network"),
        (["cluster"], None, "needs cluster"),
        (["cluster", "public_access_cidrs"], ["0.0.0.0/0"], "most of the internet"),
        (["cluster"], CLOSED, "admins is empty"),
        (["runner"], None, "nothing reaches it: add runner"),
        (["runner", "connection_arn"], CONNECTION.replace("1111", "9999", 1), "not of account"),
        (["runner", "connection_arn"], "my-connection", "runner.connection_arn"),
        (["runner", "repository"], "name", "runner.repository"),
        (["cluster", "viewers"], ["arn:aws:iam::111122223333:role/admin"], "one access entry"),
        (["cluster", "kubeconfig_role"], "arn:aws:iam::111122223333:role/other", "not in admins"),
        (["cluster", "addons"], {"vpc_cni": "v1"}, "addons"),
        (["cluster", "system_nodes", "least"], 9, "above most"),
        (["buckets", "audit"], None, "audit needs buckets.audit"),
        (["buckets", "audit"], {"mode": "COMPLIANCE", "days": 365}, "731"),
        (["buckets", "replicate_to", "region"], "eu-central-1", "the stack's own"),
        (["buckets"], {}, "has no bucket"),
        (["registry", "replicate_to"], "eu-central-1", "the stack's own"),
        (["logs"], {"control_plane": 365}, "731"),
        (["logs"], {"network": 700}, "logs.network"),
        (["network", "endpoints_why"], None, "carry what nat: per-zone carries"),
        (["network", "nat"], "none", "use none without a cluster"),
        (["secrets", "rotation_days"], 0, "rotation_days"),
        (["secrets", "recovery_days"], 1, "recovery_days"),
        (["edge", "allowed_cidrs"], ["0.0.0.0/0"], "most of the internet"),
        (["edge", "allowed_cidrs"], [], "allowed_cidrs"),
        (["edge", "domain"], "Carbon", "domain"),
        (["edge", "services"], {"a-name-that-is-too-long": "model-server"}, "services"),
        (["edge", "services"], {"api": "price-pipeline"}, "model-server"),
        (["budget", "notify"], ["nobody"], "notify"),
        (["netwrok"], {}, "netwrok"),
        (["secrets", "recovery_region"], None, "key of the backups has to be where their copies are"),
    ],
)
def test_what_cannot_work_is_refused(path: list[str], value: Any, said: str) -> None:
    assert said in refused(*path, value=value)


def test_roles_of_github_need_the_state() -> None:
    github = {"repository": "a/b", "environments": ["dev"], "regions": ["eu-central-1"]}
    with pytest.raises(ValidationError, match="github needs state"):
        Aws.model_validate({"account_id": "111122223333", "region": "eu-central-1", "github": github})


def test_every_setting_says_what_it_is() -> None:
    models = [m for m in vars(aws).values() if isinstance(m, type) and issubclass(m, BaseModel)]
    for model in models:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


ranges = st.builds(
    lambda second, prefix: next(IPv4Network(f"10.{second}.0.0/16").subnets(new_prefix=prefix)),
    st.integers(0, 255),
    st.integers(16, 20),
)


@given(ranges, st.integers(1, 3))
def test_subnets_are_within_the_network_and_apart(cidr: IPv4Network, zones: int) -> None:
    divided = tiers(cidr, zones)
    found = [*divided.public, *divided.private, *divided.isolated]
    assert [len(tier) for tier in (divided.public, divided.private, divided.isolated)] == [zones] * 3
    assert all(one.subnet_of(cidr) for one in found)
    assert not any(one.overlaps(other) for i, one in enumerate(found) for other in found[i + 1 :])
    assert all(one.prefixlen <= 28 for one in found), "AWS takes no smaller ones"


@given(ranges, st.integers(1, 2))
def test_another_zone_moves_no_subnet(cidr: IPv4Network, zones: int) -> None:
    before, after = tiers(cidr, zones), tiers(cidr, zones + 1)
    for tier in ("public", "private", "isolated"):
        assert getattr(after, tier)[:zones] == getattr(before, tier)
