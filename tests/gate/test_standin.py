"""What the real engine makes of the stand-in providers."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.gate import life
from tests.gate.conftest import Program
from tools.gate import engine
from tools.gate.engine import Project

NETWORK = """
    vpc = aws.ec2.Vpc("main", cidr_block="{vpc}", tags={{"Name": "{name}"}}, opts=at_aws)
    subnet = aws.ec2.Subnet("main", vpc_id=vpc.id, cidr_block="10.0.1.0/24", opts=at_aws)
    group = aws.ec2.SecurityGroup("main", vpc_id=vpc.id, opts=at_aws)
"""

CLUSTER = """
    role = aws.iam.Role("eks", assume_role_policy="{}", opts=at_aws)
    made = aws.eks.Cluster(
        "main", name="carbon", role_arn=role.arn, vpc_config={"subnet_ids": ["subnet-1"]}, opts=at_aws
    )
    zones = aws.get_availability_zones(opts=pulumi.InvokeOptions(provider=cloud))
    who = aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=cloud))
    bucket = aws.s3.Bucket("data", opts=at_aws)
    repository = aws.ecr.Repository("app", name="carbon/app", opts=at_aws)
    key = aws.kms.Key("main", opts=at_aws)
    certificate = aws.acm.Certificate("web", domain_name="carbon.example", opts=at_aws)
    k8s.core.v1.ConfigMap(
        "seen",
        metadata={"name": "seen", "namespace": "carbon"},
        data={
            "role": role.arn,
            "endpoint": made.endpoint,
            "authority": made.certificate_authority.apply(lambda a: a.data),
            "issuer": made.identities.apply(lambda i: i[0].oidcs[0].issuer),
            "group": made.vpc_config.apply(lambda v: v.cluster_security_group_id),
            "zones": ",".join(zones.names),
            "account": who.account_id,
            "bucket": bucket.bucket,
            "bucket-arn": bucket.arn,
            "repository": repository.repository_url,
            "key": key.arn,
            "validation": certificate.domain_validation_options[0].resource_record_name,
        },
        opts=on_cluster,
    )
"""


def _inputs(project: Project, type_: str) -> dict[str, Any]:
    found = engine.observe(project, policies=False)
    assert not found.diagnostics
    (inputs,) = [r.inputs for r in found.resources if r.type == type_]
    return dict(inputs)


def test_what_a_provider_computes_is_known_and_well_formed_at_preview(program: Program) -> None:
    seen = _inputs(program(CLUSTER), "kubernetes:core/v1:ConfigMap")["data"]
    for key, pattern in {
        "role": r"arn:aws:iam::111122223333:role/eks-[0-9a-f]{7}",
        "endpoint": r"https://[0-9A-F]{32}\.gr7\.eu-west-1\.eks\.amazonaws\.com",
        "authority": r"[A-Za-z0-9+/]+=*",
        "issuer": r"https://oidc\.eks\.eu-west-1\.amazonaws\.com/id/[0-9A-F]{32}",
        "group": r"sg-[0-9a-f]{17}",
        "zones": "eu-west-1a,eu-west-1b,eu-west-1c",
        "account": "111122223333",
        "bucket": r"data-[0-9a-f]{7}",
        "bucket-arn": r"arn:aws:s3:::data-[0-9a-f]{7}",
        "repository": r"111122223333\.dkr\.ecr\.eu-west-1\.amazonaws\.com/carbon/app",
        "key": r"arn:aws:kms:eu-west-1:111122223333:key/[0-9a-f-]{36}",
        "validation": r"_[0-9a-f]{32}\.carbon\.example\.",
    }.items():
        assert re.fullmatch(pattern, seen[key]), (key, seen[key])


def test_a_preview_says_the_same_every_time(program: Program) -> None:
    project = program(CLUSTER)
    first, second = (engine.observe(project, policies=False) for _ in range(2))
    assert {r.urn: r.inputs for r in first.resources} == {r.urn: r.inputs for r in second.resources}


def test_the_providers_tags_are_on_everything(program: Program) -> None:
    project = program('aws.s3.Bucket("data", tags={"name": "data"}, opts=at_aws)')
    assert _inputs(project, "aws:s3/bucket:Bucket")["tagsAll"] == {"team": "platform", "name": "data"}


def test_inputs_that_a_type_does_not_have_are_refused(program: Program) -> None:
    found = engine.observe(
        program("""
            k8s.apps.v1.Deployment(
                "web",
                metadata={"name": "web"},
                spec={
                    "replicas": "two",
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": {"spec": {"containers": [{"name": "web", "imagePullPolice": "Never"}]}},
                },
                opts=on_cluster,
            )
        """),
        policies=False,
    )
    said = "\n".join(found.diagnostics)
    assert "spec.replicas" in said
    assert "must be a whole number, and is 'two'" in said
    assert "imagePullPolice" in said
    assert "is not a property of Container" in said


def test_a_lookup_without_an_answer_fails_by_name(program: Program) -> None:
    project = program("""
        aws.ec2.get_ami(most_recent=True, owners=["amazon"], opts=pulumi.InvokeOptions(provider=cloud))
    """)
    found = engine.observe(project, policies=False)
    assert "no stand-in answer for the lookup aws:ec2/getAmi:getAmi" in "\n".join(found.diagnostics)


def test_an_unknown_input_of_a_provider_is_seen(program: Program) -> None:
    project = program("""
        later = pulumi.Output.from_input(pulumi.runtime.rpc.UNKNOWN)
        blind = k8s.Provider("blind", kubeconfig=later)
        k8s.core.v1.ConfigMap("typo", metadata={"nam": 3}, opts=pulumi.ResourceOptions(provider=blind))
    """)
    found = engine.observe(project, policies=False)
    assert [line.rpartition("::")[2] for line in found.unknown_provider_inputs] == ["blind: kubeconfig"]


def test_a_policy_that_meets_an_unknown_could_not_run(program: Program) -> None:
    project = program("""
        later = pulumi.Output.from_input(pulumi.runtime.rpc.UNKNOWN)
        k8s.core.v1.Pod(
            "main",
            metadata={"name": "main", "namespace": "carbon", "labels": {"app": "main"}},
            spec={"containers": [{"name": "main", "image": later}]},
            opts=on_cluster,
        )
    """)
    results = engine.observe(project).policies
    blind = {result.policy for result in results.could_not_run}
    assert "image-pinned" in blind
    assert not blind & {result.policy for result in results.violations}


def test_aliases_are_seen_with_those_that_come_from_the_parent(program: Program) -> None:
    project = program("""
        class Box(pulumi.ComponentResource):
            def __init__(self, name, opts=None):
                super().__init__("carbon:test:Box", name, None, opts)
                aws.s3.Bucket(f"{name}-data", opts=pulumi.ResourceOptions(parent=self, provider=cloud))
                self.register_outputs({})

        Box("new", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))
    """)
    found = engine.observe(project, policies=False)
    aliases = {r.name: {urn.split("::", 2)[2] for urn in r.aliases} for r in found.resources}
    assert aliases["new"] == {"carbon:test:Box::old"}
    assert "carbon:test:Box$aws:s3/bucket:Bucket::old-data" in aliases["new-data"]


def test_changes_are_made_in_place_where_the_provider_can(program: Program) -> None:
    life.up(program(NETWORK.format(vpc="10.0.0.0/16", name="first")))
    changed = life.up(program(NETWORK.format(vpc="10.0.0.0/16", name="second")))
    assert not changed.failed
    assert changed.named(life.UPDATED) == {"Vpc main"}
    assert changed.named(life.REPLACED) == set()


def test_a_replacement_replaces_what_is_inside(program: Program) -> None:
    life.up(program(NETWORK.format(vpc="10.0.0.0/16", name="first")))
    changed = life.preview(program(NETWORK.format(vpc="10.0.0.0/18", name="first")))
    assert changed.named(life.REPLACED) == {"Vpc main", "Subnet main", "SecurityGroup main"}


def test_what_is_protected_is_not_replaced(program: Program) -> None:
    bucket = 'aws.s3.Bucket("data", bucket="{}", opts=pulumi.ResourceOptions(provider=cloud, protect=True))'
    life.up(program(bucket.format("one")))
    assert "marked for protection" in life.preview(program(bucket.format("two"))).failed
    assert "protected" in life.destroy(program(bucket.format("one"))).failed
    life.destroy(program(bucket.format("one")), "--exclude-protected")
    left = {life.title(urn) for urn in life.state(program(bucket.format("one")))}
    assert left == {"aws aws", "Bucket data"}


def test_a_change_whose_effect_is_not_known_is_told_so(program: Program) -> None:
    job = 'aws.glue.Job("etl", name="etl", role_arn="{}", command={{"script_location": "s3"}}, opts=at_aws)'
    life.up(program(job.format("arn:aws:iam::111122223333:role/a")))
    found = life.preview(program(job.format("arn:aws:iam::111122223333:role/b")))
    assert "update or replacement unknown: roleArn" in found.said


def test_a_named_object_is_deleted_before_its_replacement_is_made(program: Program) -> None:
    job = """
        k8s.batch.v1.Job(
            "once",
            metadata={{"name": "once", "namespace": "carbon"}},
            spec={{"template": {{"spec": {{"containers": [{{"name": "once", "image": "{}"}}]}}}}}},
            opts=on_cluster,
        )
    """
    life.up(program(job.format("a:1")))
    project = program(job.format("a:2"))
    life.preview(project)
    steps = [
        json.loads(line)["resourcePreEvent"]["metadata"]["op"]
        for line in (project.directory / "events.json").read_text().splitlines()
        if "resourcePreEvent" in line and "::once" in line
    ]
    assert steps.index("delete-replaced") < steps.index("create-replacement")
