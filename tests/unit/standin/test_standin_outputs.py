"""What the stand-in providers compute, type by type."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pulumi.runtime import rpc

from tests.standin import aws_outputs, kubernetes_outputs, lookups, sdk, values
from tests.standin.aws_outputs import Place, Words
from tests.standin.values import Seed
from tools.gate import marks

PLACE = Place(account="111122223333", region="eu-west-1", tags={"team": "platform"})
AT = Seed("urn:pulumi:test::carbon-platform::x")
ARN = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:(111122223333)?:\S+|[a-f0-9]{8}")


def _made(token: str, **given: Any) -> dict[str, Any]:
    return aws_outputs.outputs(token, Words("thing", given, PLACE, AT), given, AT)


def _id(token: str, **given: Any) -> str:
    words = Words("thing", given, PLACE, AT)
    aws_outputs.outputs(token, words, given, AT)
    return words["id"]


@pytest.mark.parametrize("token", sorted(aws_outputs.SHAPES))
def test_every_listed_type_is_one_of_the_sdk_and_has_well_formed_outputs(token: str) -> None:
    made = _made(token)
    resource = sdk.resource_class(token)
    assert resource is not None
    assert made.keys() <= sdk.outputs(resource).keys()
    assert ARN.fullmatch(made.get("arn", "arn:aws:none:::none"))
    assert aws_outputs.SHAPES[token].outputs.keys() <= sdk.outputs(resource).keys()
    for name, fields in aws_outputs.SHAPES[token].within.items():
        assert fields.keys() <= sdk.outputs(sdk.choices(sdk.outputs(resource)[name])[0]).keys()


@pytest.mark.parametrize(
    ("token", "given", "pattern"),
    [
        ("aws:ec2/vpc:Vpc", {}, r"vpc-[0-9a-f]{17}"),
        ("aws:s3/bucket:Bucket", {"bucket": "carbon-data"}, "carbon-data"),
        ("aws:kms/key:Key", {}, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("aws:iam/policy:Policy", {"name": "read"}, r"arn:aws:iam::111122223333:policy/read"),
        ("aws:eks/addon:Addon", {"clusterName": "c", "addonName": "coredns"}, "c:coredns"),
        ("aws:route53/zone:Zone", {"name": "carbon.example"}, r"Z[0-9A-F]{13}"),
        ("aws:glue/job:Job", {"name": "etl"}, "etl"),
    ],
)
def test_ids_look_like_each_services(token: str, given: dict[str, Any], pattern: str) -> None:
    assert re.fullmatch(pattern, _id(token, **given))


def test_what_the_program_left_out_stays_out() -> None:
    """A policy must not see an encryption that nobody asked for."""
    made = _made("aws:s3/bucket:Bucket", bucket="carbon-data")
    assert not {"serverSideEncryptionConfiguration", "versioning", "policy"} & made.keys()


def test_what_a_service_computes_inside_of_what_was_given_is_there() -> None:
    made = _made("aws:eks/cluster:Cluster", name="c", vpcConfig={"subnetIds": ["subnet-1"]})
    assert made["vpcConfig"]["subnetIds"] == ["subnet-1"]
    assert made["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-")


def test_secrets_stay_marked() -> None:
    secret = {marks.SIGNATURE: marks.SECRET, "value": "hidden"}
    assert (
        _made("aws:secretsmanager/secretVersion:SecretVersion", secretString=secret)["secretString"] == secret
    )


def test_a_resources_tags_win_over_its_providers() -> None:
    assert aws_outputs.tags(PLACE, {"tags": {"team": "data"}}) == {"team": "data"}


def test_an_id_changes_with_what_replaces_and_with_nothing_else() -> None:
    one, same, other = (values.seed("urn", {"cidrBlock": c}) for c in ("10.0.0.0/16",) * 2 + ("10.1.0.0/16",))
    assert one == same
    assert one.digest != other.digest


def test_zones_have_the_ids_that_amazon_gives_them() -> None:
    assert [aws_outputs.zone_id(z) for z in ("eu-central-1a", "us-east-1c")] == ["euc1-az1", "use1-az3"]


def test_an_object_without_a_name_gets_one() -> None:
    given = {"metadata": {"namespace": "carbon"}}
    made = kubernetes_outputs.checked("kubernetes:core/v1:ConfigMap", "files", given, AT)
    assert re.fullmatch(r"files-[0-9a-f]{8}", made["metadata"]["name"])
    assert kubernetes_outputs.identifier("kubernetes:core/v1:ConfigMap", made).startswith("carbon/files-")


def test_a_release_has_a_status() -> None:
    made = kubernetes_outputs.outputs(
        kubernetes_outputs.RELEASE, {"chart": "kyverno", "version": "3.9.0", "namespace": "kyverno"}, AT
    )
    assert (made["status"]["status"], made["status"]["version"]) == ("deployed", "3.9.0")


def test_a_headless_service_has_no_address() -> None:
    token = "kubernetes:core/v1:Service"
    headless = kubernetes_outputs.outputs(token, {"spec": {"clusterIP": "None"}}, AT)
    plain = kubernetes_outputs.outputs(token, {"spec": {"ports": []}}, AT)
    assert headless["spec"]["clusterIP"] == "None"
    assert plain["spec"]["clusterIP"].startswith("172.20.")


def test_lookups_answer_for_the_providers_region() -> None:
    zones = lookups.answer("aws:index/getAvailabilityZones:getAvailabilityZones", PLACE, {})
    assert zones["names"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    with pytest.raises(lookups.NoAnswer, match="aws:s3/getBucket:getBucket"):
        lookups.answer("aws:s3/getBucket:getBucket", PLACE, {})


def test_every_kubernetes_type_of_the_sdk_has_inputs_and_outputs() -> None:
    __import__("pulumi_kubernetes")
    tokens = [
        token
        for name, modules in rpc._RESOURCE_MODULES.items()
        if name.startswith("kubernetes:") and "/v" in name
        for module in modules
        for token in getattr(module, "mod_info", {})["classes"]
        if not token.endswith(("List", "Patch")) and "helm.sh" not in token and "yaml" not in token
    ]
    assert len(tokens) > 100
    for token in tokens:
        assert sdk.inputs(sdk.arguments(token)), token
        assert kubernetes_outputs.outputs(token, {"metadata": {"name": "x"}}, AT)["metadata"]["uid"]
