"""Names at AWS fit AWS's limits and belong to one stack."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from infra.names import Bucket, Key, Names
from infra.settings.aws import PublicName

ACCOUNT = "111122223333"
LONGEST_REGION = "ap-northeast-1"
environments = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
public_names = st.from_regex(r"[a-z][a-z0-9-]{0,12}[a-z0-9]", fullmatch=True)


def names(environment: str = "prod", region: str = "eu-central-1") -> Names:
    return Names(environment, ACCOUNT, region)


@given(environments)
def test_every_bucket_name_is_one_that_s3_takes(environment: str) -> None:
    for purpose in get_args(Bucket):
        made = names(environment, LONGEST_REGION).bucket(purpose)
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", made), made


@given(environments, public_names)
def test_every_target_group_and_balancer_fits_32_characters(environment: str, public_name: str) -> None:
    TypeAdapter(PublicName).validate_python(public_name)
    assert len(names(environment).target_group(public_name)) <= 32
    assert len(names(environment).load_balancer) <= 32


@pytest.mark.parametrize("environment", ["", "Prod", "my_env", "-dev", "dev-", "1dev", "productions"])
def test_an_environment_that_no_bucket_could_be_named_after_is_refused(environment: str) -> None:
    with pytest.raises(ValueError, match=r"labels\.environment"):
        names(environment)


def test_stacks_and_regions_share_no_name() -> None:
    prod, dr, dev = names(), names("dr", "eu-west-1"), names("dev")
    for one, other in ((prod, dr), (prod, dev)):
        assert one.bucket("recovery") != other.bucket("recovery")
        assert one.cluster != other.cluster
        assert one.key_alias("storage") != other.key_alias("storage")
        assert one.secret("redis") != other.secret("redis")
        assert one.repository("mlflow") != other.repository("mlflow")


def test_a_stacks_role_pattern_does_not_reach_the_boundary() -> None:
    """A deployment may change policies that start with its prefix: the boundary must not."""
    assert not names().boundary.startswith(names().prefix)


def test_aliases_are_as_aws_writes_them() -> None:
    for purpose in get_args(Key):
        assert names().key_alias(purpose).startswith("alias/carbon/prod/")
    assert names().key_alias_arn("volumes") == f"arn:aws:kms:eu-central-1:{ACCOUNT}:alias/carbon/prod/volumes"
