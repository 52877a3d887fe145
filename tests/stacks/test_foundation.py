"""What a stack has at AWS, as the program registers it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import pulumi
import pytest

from infra.layers.foundation import Foundation
from infra.manifests import postgres, readers
from infra.names import Key, Names
from infra.namespaces import KARPENTER_ACCOUNT, VELERO_ACCOUNT
from tests import aws
from tests.stack import Recorder, Registration
from workloads.kit.contracts import public
from workloads.kit.contracts.platform import DECLARED, EGRESS_CLIENTS, ROLES

NAMES = Names("prod", aws.ACCOUNT, aws.REGION)
EVERY = sorted(aws.whole())
BARE = ("network", "runner", "cluster")
"""Parts of a section with a cluster, and nothing else."""


@pytest.fixture(scope="module")
def made() -> tuple[Foundation, Recorder]:
    return aws.foundation(aws.whole(), running=tuple(DECLARED), more_roles=("tenant_acme",))


@pytest.fixture(scope="module")
def recorded(made: tuple[Foundation, Recorder]) -> Recorder:
    return made[1]


@pytest.fixture(scope="module")
def bootstrap() -> Recorder:
    return aws.foundation(aws.bootstrap(), "bootstrap")[1]


def changed(*path: str, value: Any, parts: Sequence[str] = BARE) -> Recorder:
    """What is registered when one setting is another.

    Args:
        parts: of the section that are there, which is quicker than all.
    """
    whole = aws.whole()
    section = {key: whole[key] for key in ("account_id", "region", *parts)}
    at = section
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return aws.foundation(section)[1]


def of(recorded: Recorder, token: str) -> dict[str, Registration]:
    """Resources of a type, by name."""
    found = {r.name: r for r in recorded.seen.values() if r.type == f"aws:{token}"}
    assert found, f"there is no {token}"
    return found


def one(recorded: Recorder, token: str) -> Registration:
    (found,) = of(recorded, token).values()
    return found


def urns(resources: Iterable[Registration]) -> set[str]:
    return {r.urn for r in resources}


def known(output: pulumi.Input[Any]) -> Any:
    """Value of an output after the program has run."""
    assert isinstance(output, pulumi.Output)
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(output.future())
    finally:
        loop.close()


TYPES = {
    "carbon:aws:Account",
    "carbon:aws:Addons",
    "carbon:aws:Audit",
    "carbon:aws:Bucket",
    "carbon:aws:Buckets",
    "carbon:aws:Budget",
    "carbon:aws:Domain",
    "carbon:aws:Edge",
    "carbon:aws:Eks",
    "carbon:aws:Firewall",
    "carbon:aws:Karpenter",
    "carbon:aws:Keys",
    "carbon:aws:Network",
    "carbon:aws:PodRights",
    "carbon:aws:PodRole",
    "carbon:aws:Registry",
    "carbon:aws:Role",
    "carbon:aws:RotationFunction",
    "carbon:aws:Runner",
    "carbon:aws:Secrets",
    "carbon:aws:SystemNodes",
    "carbon:platform:Foundation",
}


class TestWhole:
    def test_type_tokens_stay(self, recorded: Recorder, bootstrap: Recorder) -> None:
        """Another token is another URN: what is below would be replaced."""
        assert {r.type for r in recorded.seen.values() if r.is_component} == TYPES
        more = {r.type for r in bootstrap.seen.values() if r.is_component} - TYPES
        assert more == {"carbon:aws:GitHubOidc", "carbon:aws:State"}

    def test_every_component_says_when_it_is_done(self, recorded: Recorder, bootstrap: Recorder) -> None:
        for stack in (recorded, bootstrap):
            components = {urn for urn, r in stack.seen.items() if r.is_component}
            assert components == stack.completed.keys() - {u for u in stack.completed if "Stack::" in u}

    def test_everything_goes_through_the_one_provider(self, recorded: Recorder) -> None:
        (provider,) = [r for r in recorded.seen.values() if r.type == "pulumi:providers:aws"]
        assert json.loads(provider.inputs["allowedAccountIds"]) == [aws.ACCOUNT]
        tags = json.loads(provider.inputs["defaultTags"])["tags"]
        assert tags.keys() >= {"env", "owner", "team", "product", "cost-center"}
        custom = [r for r in recorded.seen.values() if r.type.startswith("aws:")]
        assert len(custom) > 200
        assert [r.urn for r in custom if not r.provider.startswith(f"{provider.urn}::")] == []

    def test_names_of_children_start_with_their_components(self, recorded: Recorder) -> None:
        for r in recorded.seen.values():
            parent = recorded.seen.get(r.parent)
            if parent is not None and parent.type.startswith("carbon:aws:"):
                assert r.name.startswith(parent.name), r.urn

    def test_what_holds_data_is_protected(self, recorded: Recorder) -> None:
        held = (
            "s3/bucket:Bucket",
            "kms/key:Key",
            "ecr/repository:Repository",
            "secretsmanager/secret:Secret",
            "route53/zone:Zone",
            "cloudtrail/trail:Trail",
            "eks/cluster:Cluster",
        )
        for token in held:
            assert [r.name for r in of(recorded, token).values() if not r.protect] == []

    def test_a_stack_may_go_without_protection(self) -> None:
        assert [r.urn for r in changed("protect", value=False, parts=EVERY).seen.values() if r.protect] == []

    def test_nothing_is_forced_away(self, recorded: Recorder) -> None:
        forced = [
            r for r in recorded.seen.values() if r.inputs.get("forceDestroy") or r.inputs.get("forceDelete")
        ]
        assert forced == []

    def test_no_resource_is_left_unencrypted(self, recorded: Recorder) -> None:
        keys = {aws.key_arn(r.name) for r in of(recorded, "kms/key:Key").values()}
        assert all(
            r.inputs["kmsKeyId"] in keys for r in of(recorded, "cloudwatch/logGroup:LogGroup").values()
        )
        assert all(
            r.inputs["kmsKeyId"] in keys for r in of(recorded, "secretsmanager/secret:Secret").values()
        )
        for r in of(recorded, "ecr/repository:Repository").values():
            assert r.inputs["encryptionConfigurations"][0]["kmsKey"] in keys

    def test_no_secret_value_is_in_the_state(self, recorded: Recorder) -> None:
        assert not [r for r in recorded.seen.values() if "secretVersion" in r.type]
        assert "SecretString" not in json.dumps(
            [r.inputs for r in of(recorded, "lambda/invocation:Invocation").values()]
        )

    def test_each_key_has_its_alias_and_rotates(self, recorded: Recorder) -> None:
        made, aliases = of(recorded, "kms/key:Key"), of(recorded, "kms/alias:Alias")
        assert all(r.inputs["enableKeyRotation"] for r in made.values())
        assert {r.inputs["name"]: r.inputs["targetKeyId"] for r in aliases.values()} == {
            NAMES.key_alias(purpose): f"keys-{purpose}-id" for purpose in get_args(Key) if purpose != "state"
        }


class TestNetwork:
    def test_without_a_gateway_there_is_no_address_and_no_way_out(self) -> None:
        network = {**aws.whole()["network"], "nat": "none"}
        recorded = aws.foundation({"account_id": aws.ACCOUNT, "region": aws.REGION, "network": network})[1]
        assert not {"aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip"} & {
            r.type for r in recorded.seen.values()
        }
        assert of(recorded, "ec2/route:Route").keys() == {"network-public"}

    def test_a_gateway_a_zone_and_each_zone_uses_its_own(self, recorded: Recorder) -> None:
        assert len(of(recorded, "ec2/natGateway:NatGateway")) == 3
        routes = of(recorded, "ec2/route:Route")
        for zone in "abc":
            used = routes[f"network-private-{aws.REGION}{zone}"].inputs["natGatewayId"]
            assert used == f"network-nat-{aws.REGION}{zone}-id"

    def test_one_gateway_serves_all_zones_where_that_is_asked(self) -> None:
        recorded = changed("network", "nat", value="one")
        assert len(of(recorded, "ec2/natGateway:NatGateway")) == 1
        private = [r for name, r in of(recorded, "ec2/route:Route").items() if "private" in name]
        assert {r.inputs["natGatewayId"] for r in private} == {f"network-nat-{aws.REGION}a-id"}
        assert len(private) == 3

    def test_isolated_subnets_have_no_way_out(self, recorded: Recorder) -> None:
        tables = {r.inputs["routeTableId"] for r in of(recorded, "ec2/route:Route").values()}
        assert "network-isolated-id" not in tables
        associated = of(recorded, "ec2/routeTableAssociation:RouteTableAssociation")
        isolated = [r for name, r in associated.items() if name.startswith("network-isolated-")]
        assert [r.inputs["routeTableId"] for r in isolated] == ["network-isolated-id"] * 3

    def test_no_subnet_hands_out_public_addresses(self, recorded: Recorder) -> None:
        assert not any(r.inputs["mapPublicIpOnLaunch"] for r in of(recorded, "ec2/subnet:Subnet").values())

    def test_karpenter_finds_the_private_subnets_and_no_others(self, recorded: Recorder) -> None:
        tagged = {
            name
            for name, r in of(recorded, "ec2/subnet:Subnet").items()
            if r.inputs["tags"].get("karpenter.sh/discovery") == NAMES.cluster
        }
        assert tagged == {f"network-private-{aws.REGION}{zone}" for zone in "abc"}

    def test_endpoints_are_those_that_are_asked_for(self, recorded: Recorder) -> None:
        services = {
            r.inputs["serviceName"].removeprefix(f"com.amazonaws.{aws.REGION}."): r.inputs["vpcEndpointType"]
            for r in of(recorded, "ec2/vpcEndpoint:VpcEndpoint").values()
        }
        gateways = {"s3": "Gateway", "dynamodb": "Gateway"}
        assert services == gateways | dict.fromkeys(("ecr.api", "ecr.dkr", "sts"), "Interface")

    def test_the_default_group_lets_nothing_through(self, recorded: Recorder) -> None:
        group = one(recorded, "ec2/defaultSecurityGroup:DefaultSecurityGroup")
        assert not group.inputs.get("ingress")
        assert not group.inputs.get("egress")

    def test_no_group_is_open_to_the_internet(self, recorded: Recorder) -> None:
        rules = of(recorded, "vpc/securityGroupIngressRule:SecurityGroupIngressRule").values()
        assert "0.0.0.0/0" not in {r.inputs.get("cidrIpv4") for r in rules}


class TestCluster:
    def test_the_control_plane_is_private_encrypted_and_logged(self, recorded: Recorder) -> None:
        cluster = one(recorded, "eks/cluster:Cluster")
        network = cluster.inputs["vpcConfig"]
        assert network["endpointPrivateAccess"] is True
        assert network["endpointPublicAccess"] is False
        assert network["subnetIds"] == [f"network-isolated-{aws.REGION}{zone}-id" for zone in "abc"]
        assert cluster.inputs["encryptionConfig"]["provider"]["keyArn"] == aws.key_arn("keys-eks")
        assert len(cluster.inputs["enabledClusterLogTypes"]) == 5
        assert cluster.inputs["accessConfig"] == {
            "authenticationMode": "API",
            "bootstrapClusterCreatorAdminPermissions": False,
        }

    def test_a_public_endpoint_is_for_the_allow_list(self) -> None:
        recorded = changed("cluster", "public_access_cidrs", value=["203.0.113.0/24"])
        network = one(recorded, "eks/cluster:Cluster").inputs["vpcConfig"]
        assert network["endpointPublicAccess"] is True
        assert network["publicAccessCidrs"] == ["203.0.113.0/24"]

    def test_jobs_that_deploy_reach_a_private_one_from_a_group_of_their_own(self, recorded: Recorder) -> None:
        rule = of(recorded, "vpc/securityGroupIngressRule:SecurityGroupIngressRule")["eks-api-runner"].inputs
        assert (rule["referencedSecurityGroupId"], rule["fromPort"], rule["toPort"]) == (
            "runner-id",
            443,
            443,
        )
        groups = one(recorded, "eks/cluster:Cluster").inputs["vpcConfig"]["securityGroupIds"]
        assert groups == [rule["securityGroupId"]]
        project = one(recorded, "codebuild/project:Project").inputs
        assert project["name"] == NAMES.runner
        assert project["vpcConfig"]["securityGroupIds"] == ["runner-id"]
        assert project["vpcConfig"]["subnets"] == [f"network-private-{aws.REGION}{zone}-id" for zone in "abc"]

    def test_a_runner_takes_jobs_of_the_workflows_that_deploy_alone(self, recorded: Recorder) -> None:
        [group] = one(recorded, "codebuild/webhook:Webhook").inputs["filterGroups"]
        assert {f["type"]: f["pattern"] for f in group["filters"]} == {
            "EVENT": "WORKFLOW_JOB_QUEUED",
            "WORKFLOW_NAME": "^(deploy|drift)$",
        }

    def test_its_log_group_is_there_before_it(self, recorded: Recorder) -> None:
        logs = of(recorded, "cloudwatch/logGroup:LogGroup")["eks-logs"]
        assert logs.inputs["name"] == "/aws/eks/carbon-prod/cluster"
        assert logs.urn in one(recorded, "eks/cluster:Cluster").depends_on

    def test_its_role_is_whole_before_it(self, recorded: Recorder) -> None:
        attached = of(recorded, "iam/rolePolicyAttachment:RolePolicyAttachment")
        mine = [r for name, r in attached.items() if name.startswith("eks-role-")]
        assert len(mine) == 2
        assert urns(mine) <= one(recorded, "eks/cluster:Cluster").depends_on

    def test_who_administers_and_who_looks(self, recorded: Recorder) -> None:
        policies = {
            r.inputs["principalArn"]: r.inputs["policyArn"].rsplit("/", 1)[-1]
            for r in of(recorded, "eks/accessPolicyAssociation:AccessPolicyAssociation").values()
        }
        people = {aws.ADMIN: "AmazonEKSClusterAdminPolicy", aws.VIEWER: "AmazonEKSViewPolicy"}
        github = {
            f"arn:aws:iam::{aws.ACCOUNT}:role/carbon-bootstrap-deploy-prod": "AmazonEKSClusterAdminPolicy",
            f"arn:aws:iam::{aws.ACCOUNT}:role/carbon-bootstrap-preview": "AmazonEKSViewPolicy",
        }
        assert policies == people | github
        groups = {
            r.inputs["principalArn"]: r.inputs.get("kubernetesGroups", [])
            for r in of(recorded, "eks/accessEntry:AccessEntry").values()
        }
        # The policy to view stops at built-in kinds: custom ones are the group's.
        assert {arn: groups[arn] for arn in policies} == {
            arn: [readers.GROUP] if policy == "AmazonEKSViewPolicy" else []
            for arn, policy in policies.items()
        }

    def test_the_roles_of_github_are_those_that_bootstrap_makes(self, bootstrap: Recorder) -> None:
        made = {r.inputs["name"] for r in of(bootstrap, "iam/role:Role").values()}
        for arn in (NAMES.deployer_arn, NAMES.previewer_arn):
            assert arn.rpartition("/")[2] in made

    def test_without_github_nobody_but_people_gets_in(self) -> None:
        entries = of(changed("cluster", "github", value=False), "eks/accessEntry:AccessEntry").values()
        github = {NAMES.deployer_arn, NAMES.previewer_arn}
        assert not github & {r.inputs["principalArn"] for r in entries}

    def test_nodes_keep_their_credentials_from_pods_and_encrypt(self, recorded: Recorder) -> None:
        template = one(recorded, "ec2/launchTemplate:LaunchTemplate").inputs
        assert template["metadataOptions"]["httpTokens"] == "required"
        assert template["metadataOptions"]["httpPutResponseHopLimit"] == 1
        for mapping in template["blockDeviceMappings"]:
            assert mapping["ebs"]["encrypted"] == "true"
            assert mapping["ebs"]["kmsKeyId"] == aws.key_arn("keys-volumes")
        tagged = {s["resourceType"]: s["tags"]["env"] for s in template["tagSpecifications"]}
        assert tagged.keys() >= {"instance", "volume"}
        assert set(tagged.values()) == {"prod"}

    def test_nodes_use_the_template_and_may_grow_by_themselves(self, recorded: Recorder) -> None:
        group = one(recorded, "eks/nodeGroup:NodeGroup")
        assert group.inputs["launchTemplate"] == {"id": "system-nodes-id", "version": "3"}
        assert group.inputs["amiType"] == "BOTTLEROCKET_ARM_64"
        assert "nodeGroupName" not in group.inputs, "a group that replaces it could not have its name"
        assert group.ignores == ("scalingConfig.desiredSize",)

    def test_a_node_has_its_network_and_its_ways_before_it_starts(self, recorded: Recorder) -> None:
        component = next(r for r in recorded.seen.values() if r.type == "carbon:aws:SystemNodes")
        addons = of(recorded, "eks/addon:Addon")
        before = {a.inputs["addonName"]: a.urn for a in addons.values() if a.urn in component.depends_on}
        assert before.keys() == {"vpc-cni", "kube-proxy", "eks-pod-identity-agent"}
        assert urns(of(recorded, "ec2/route:Route").values()) <= component.depends_on
        rest = next(r for r in recorded.seen.values() if r.type == "carbon:aws:Addons" and r.name == "addons")
        assert one(recorded, "eks/nodeGroup:NodeGroup").urn in rest.depends_on

    def test_network_policies_are_enforced(self, recorded: Recorder) -> None:
        cni = of(recorded, "eks/addon:Addon")["node-addons-vpc-cni"]
        assert json.loads(cni.inputs["configurationValues"])["enableNetworkPolicy"] == "true"

    def test_an_addons_version_may_be_pinned(self) -> None:
        addons = of(changed("cluster", "addons", value={"coredns": "v1.13.1-eksbuild.1"}), "eks/addon:Addon")
        versions = {r.inputs["addonName"]: r.inputs.get("addonVersion") for r in addons.values()}
        assert versions.pop("coredns") == "v1.13.1-eksbuild.1"
        assert set(versions.values()) == {None}

    def test_pods_get_rights_by_their_account(self, recorded: Recorder) -> None:
        associations = of(recorded, "eks/podIdentityAssociation:PodIdentityAssociation").values()
        accounts = {(r.inputs["namespace"], r.inputs["serviceAccount"]) for r in associations}
        assert accounts == {
            ("kube-system", "aws-node"),
            ("kube-system", "ebs-csi-controller-sa"),
            ("kube-system", "karpenter"),
            ("kube-system", "aws-load-balancer-controller"),
            ("external-secrets", "external-secrets"),
            ("cert-manager", "cert-manager"),
            ("velero", "velero-server"),
            ("carbon", "mlflow"),
            ("carbon", "postgres"),
        }
        for account in (KARPENTER_ACCOUNT, VELERO_ACCOUNT):
            assert (account.namespace, account.name) in accounts

    def test_no_pod_has_a_right_to_a_bucket_that_is_not_there(self) -> None:
        section = {"audit": {"mode": "GOVERNANCE"}}
        recorded = changed("buckets", value=section, parts=(*BARE, "buckets"))
        associations = of(recorded, "eks/podIdentityAssociation:PodIdentityAssociation").values()
        assert {r.inputs["serviceAccount"] for r in associations} == {
            "aws-load-balancer-controller",
            "aws-node",
            "ebs-csi-controller-sa",
            "karpenter",
        }

    def test_who_keeps_objects_in_the_lake_has_a_right_to_its_bucket_alone(self) -> None:
        whole = aws.whole()
        section = {key: whole[key] for key in ("account_id", "region", *BARE, "buckets")}
        recorded = aws.foundation(section, lake=("trino",))[1]
        associations = of(recorded, "eks/podIdentityAssociation:PodIdentityAssociation")
        assert associations["pods-trino"].inputs["serviceAccount"] == "trino"
        policies = of(recorded, "iam/policy:Policy")
        (policy,) = [one.inputs["policy"] for name, one in policies.items() if name.startswith("pods-trino")]
        named = [arn for one in json.loads(policy)["Statement"] for arn in one["Resource"] if ":s3:" in arn]
        assert named
        assert {arn.partition("/")[0] for arn in named} == {NAMES.bucket_arn("warehouse")}

    def test_every_role_stays_below_the_boundary(self, recorded: Recorder, bootstrap: Recorder) -> None:
        roles = of(recorded, "iam/role:Role").values()
        assert {r.inputs.get("permissionsBoundary") for r in roles} == {NAMES.boundary_arn}
        made = {r.inputs["name"] for r in of(bootstrap, "iam/policy:Policy").values()}
        assert NAMES.boundary in made
        without = changed("boundary", value=False)
        assert not any("permissionsBoundary" in r.inputs for r in of(without, "iam/role:Role").values())

    def test_karpenter_hears_of_every_interruption(self, recorded: Recorder) -> None:
        targets = of(recorded, "cloudwatch/eventTarget:EventTarget").values()
        assert {r.inputs["arn"] for r in targets} == {aws.queue_arn("carbon-prod-interruptions")}
        patterns = [
            json.loads(r.inputs["eventPattern"])
            for r in of(recorded, "cloudwatch/eventRule:EventRule").values()
        ]
        assert {p["detail-type"][0] for p in patterns} == {
            "AWS Health Event",
            "EC2 Instance Rebalance Recommendation",
            "EC2 Instance State-change Notification",
            "EC2 Spot Instance Interruption Warning",
        }
        assert one(recorded, "sqs/queue:Queue").inputs["name"] == NAMES.interruption_queue

    def test_karpenters_nodes_may_join(self, recorded: Recorder) -> None:
        entry = of(recorded, "eks/accessEntry:AccessEntry")["karpenter-node"]
        assert entry.inputs["type"] == "EC2_LINUX"
        assert entry.inputs["principalArn"] == aws.role_arn("carbon-prod-karpenter-node")
        assert one(recorded, "iam/instanceProfile:InstanceProfile").inputs["name"] == NAMES.node_profile

    def test_the_cluster_is_reached_without_a_credential(self, made: tuple[Foundation, Recorder]) -> None:
        cluster = made[0].cluster
        assert cluster is not None
        config = json.loads(known(cluster.kubeconfig))
        (user,) = config["users"]
        assert user["user"]["exec"]["command"] == "aws"
        assert "carbon-prod" in user["user"]["exec"]["args"]
        assert set(user["user"]) == {"exec"}
        assert config["clusters"][0]["cluster"]["certificate-authority-data"] == "Y2VydGlmaWNhdGU="
        assert cluster.identifier == "carbon-prod"
        assert "172.20.0.1/32" in cluster.api_cidrs
        assert cluster.network_cidrs == ["10.30.0.0/16"]

    def test_a_role_may_be_taken_on_for_the_api(self) -> None:
        whole = aws.whole()
        section = {key: whole[key] for key in ("account_id", "region", *BARE)}
        section["cluster"]["kubeconfig_role"] = aws.ADMIN
        cluster = aws.foundation(section)[0].cluster
        assert cluster is not None
        (user,) = json.loads(known(cluster.kubeconfig))["users"]
        assert user["user"]["exec"]["args"][-2:] == ["--role-arn", aws.ADMIN]

    def test_objects_wait_for_nodes_addons_rights_and_secrets(
        self, made: tuple[Foundation, Recorder]
    ) -> None:
        foundation, recorded = made
        assert foundation.cluster is not None
        ready = {known(resource.urn) for resource in foundation.cluster.ready}
        assert one(recorded, "eks/nodeGroup:NodeGroup").urn in ready
        assert urns(of(recorded, "lambda/invocation:Invocation").values()) <= ready
        associations = of(recorded, "eks/podIdentityAssociation:PodIdentityAssociation")
        associations.pop("vpc-cni")
        assert urns(associations.values()) <= ready


class TestStorage:
    def test_every_bucket_is_private_versioned_and_encrypted(self, recorded: Recorder) -> None:
        buckets = of(recorded, "s3/bucket:Bucket")
        assert len(buckets) == 5
        for token in (
            "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            "s3/bucketOwnershipControls:BucketOwnershipControls",
            "s3/bucketVersioning:BucketVersioning",
            "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            "s3/bucketPolicy:BucketPolicy",
            "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        ):
            assert {r.inputs["bucket"] for r in of(recorded, token).values()} == {
                r.inputs["bucket"] for r in buckets.values()
            }

    def test_buckets_have_their_computed_names(self, recorded: Recorder) -> None:
        named = {r.inputs["bucket"] for r in of(recorded, "s3/bucket:Bucket").values()}
        assert {NAMES.bucket(b) for b in ("recovery", "mlflow", "warehouse", "audit", "access-logs")} == named

    def test_the_audit_bucket_is_locked_for_two_years(self, recorded: Recorder) -> None:
        bucket = of(recorded, "s3/bucket:Bucket")["buckets-audit"]
        assert bucket.inputs["objectLockEnabled"] is True
        lock = one(recorded, "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")
        assert lock.inputs["rule"]["defaultRetention"] == {"mode": "COMPLIANCE", "days": 731}
        rules = of(recorded, "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")["buckets-audit"]
        expired = [r["expiration"]["days"] for r in rules.inputs["rules"] if "expiration" in r]
        assert all(days > 731 for days in expired)

    def test_copies_go_to_the_other_stack_under_its_keys(self, recorded: Recorder) -> None:
        to = Names("dr", aws.ACCOUNT, "eu-west-1")
        found = of(recorded, "s3/bucketReplicationConfig:BucketReplicationConfig")
        assert found.keys() == {f"buckets-{b}" for b in ("recovery", "mlflow", "warehouse", "audit")}
        destination = found["buckets-recovery"].inputs["rules"][0]["destination"]
        assert destination["bucket"] == to.bucket_arn("recovery")
        key = destination["encryptionConfiguration"]["replicaKmsKeyId"]
        assert key == to.key_alias_arn("storage")
        audit = found["buckets-audit"].inputs["rules"][0]["destination"]["encryptionConfiguration"]
        assert audit["replicaKmsKeyId"] == to.key_alias_arn("audit")

    def test_repositories_are_immutable_scanned_and_cleaned(self, recorded: Recorder) -> None:
        repositories = of(recorded, "ecr/repository:Repository")
        assert {r.inputs["name"] for r in repositories.values()} == {
            "carbon-prod/model-server",
            "carbon-prod/mlflow",
        }
        for r in repositories.values():
            assert r.inputs["imageTagMutability"] == "IMMUTABLE"
            assert r.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
        assert of(recorded, "ecr/lifecyclePolicy:LifecyclePolicy").keys() == repositories.keys()

    def test_images_are_replicated_to_repositories_that_the_other_stack_has(self, recorded: Recorder) -> None:
        (rule,) = one(recorded, "ecr/replicationConfiguration:ReplicationConfiguration").inputs[
            "replicationConfiguration"
        ]["rules"]
        assert rule["destinations"] == [{"region": "eu-west-1", "registryId": aws.ACCOUNT}]
        (matched,) = rule["repositoryFilters"]
        section = {
            "account_id": aws.ACCOUNT,
            "region": "eu-west-1",
            "registry": {"images": ["mlflow"], "source_environment": "prod"},
        }
        copy_of = one(aws.foundation(section, "dr")[1], "ecr/repository:Repository")
        assert copy_of.inputs["name"] == "carbon-prod/mlflow"
        assert copy_of.inputs["name"].startswith(matched["filter"])

    def test_the_trail_is_whole_and_its_bucket_is_open_to_it_first(self, recorded: Recorder) -> None:
        trail = one(recorded, "cloudtrail/trail:Trail")
        for setting in ("isMultiRegionTrail", "enableLogFileValidation", "includeGlobalServiceEvents"):
            assert trail.inputs[setting] is True
        assert trail.inputs["kmsKeyId"] == aws.key_arn("keys-audit")
        assert of(recorded, "s3/bucketPolicy:BucketPolicy")["buckets-audit"].urn in trail.depends_on
        objects = trail.inputs["advancedEventSelectors"][1]["fieldSelectors"][2]["startsWiths"]
        assert objects == [
            f"arn:aws:s3:::carbon-prod-{b}-{aws.ACCOUNT}-" for b in ("recovery", "mlflow", "warehouse")
        ]
        for b, start in zip(("recovery", "mlflow", "warehouse"), objects, strict=True):
            assert NAMES.bucket_arn(b).startswith(start), (
                "it records what the environment's buckets are called"
            )

    def test_reads_and_writes_are_recorded_only_where_asked(self) -> None:
        trail = one(changed("audit", value={}, parts=("buckets", "audit")), "cloudtrail/trail:Trail")
        assert [s["name"] for s in trail.inputs["advancedEventSelectors"]] == ["Management"]


class TestSecrets:
    def test_every_role_and_client_of_the_proxy_has_a_secret_that_rotates(self, recorded: Recorder) -> None:
        roles = {postgres.SUPERUSER, *ROLES, "tenant_acme"}
        secrets = {r.inputs["name"]: name for name, r in of(recorded, "secretsmanager/secret:Secret").items()}
        rotations = of(recorded, "secretsmanager/secretRotation:SecretRotation")
        names = [*(f"database/{role}" for role in roles), *(f"egress/{name}" for name in EGRESS_CLIENTS)]
        for name in names:
            rotation = rotations[secrets[f"carbon/prod/{name}"]]
            assert rotation.inputs["rotationRules"] == {"automaticallyAfterDays": 30}
            assert rotation.inputs["rotateImmediately"] is False
        assert len(rotations) == len(names)

    def test_a_secret_has_its_first_value_before_it_rotates(self, recorded: Recorder) -> None:
        seeds = of(recorded, "lambda/invocation:Invocation")
        for name, rotation in of(recorded, "secretsmanager/secretRotation:SecretRotation").items():
            assert seeds[name].urn in rotation.depends_on
        given = json.loads(seeds["secrets-database-model-server"].inputs["input"])
        assert given["Step"] == "seed"
        assert given["Fields"] == {"username": "model_server"}
        assert given["SecretId"] == aws.arn("secrets-database-model-server")

    def test_the_key_of_the_backups_is_where_their_copies_are(self, recorded: Recorder) -> None:
        copied = {
            r.inputs["name"]: [replica["region"] for replica in r.inputs["replicas"]]
            for r in of(recorded, "secretsmanager/secret:Secret").values()
            if r.inputs.get("replicas")
        }
        assert copied == {"carbon/prod/velero/repository": ["eu-west-1"]}

    def test_what_people_give_is_made_empty_and_never_written_to(self, recorded: Recorder) -> None:
        secrets = of(recorded, "secretsmanager/secret:Secret")
        generated = {n for n, r in secrets.items() if r.inputs["tags"] == {"generated": "true"}}
        assert generated == of(recorded, "lambda/invocation:Invocation").keys()
        people = {r.inputs["name"] for n, r in secrets.items() if n not in generated}
        assert people == {"carbon/prod/sources/market-key", "carbon/prod/alertmanager/pagerduty"}

    def test_the_function_is_its_text_and_no_path(self, recorded: Recorder) -> None:
        function = one(recorded, "lambda/function:Function")
        (name,) = function.inputs["code"].assets
        assert function.inputs["handler"] == f"{name.removesuffix('.py')}.handle"
        assert "def handle(" in function.inputs["code"].assets[name].text

    def test_secrets_manager_alone_may_call_it(self, recorded: Recorder) -> None:
        permission = one(recorded, "lambda/permission:Permission").inputs
        assert permission["principal"] == "secretsmanager.amazonaws.com"
        assert permission["sourceAccount"] == aws.ACCOUNT


class TestEdge:
    def test_the_firewall_refuses_who_is_not_allow_listed(self, recorded: Recorder) -> None:
        acl = one(recorded, "wafv2/webAcl:WebAcl").inputs
        assert "block" in acl["defaultAction"]
        allowing = [rule for rule in acl["rules"] if "allow" in rule.get("action", {})]
        (rule,) = allowing
        assert rule["statement"]["ipSetReferenceStatement"]["arn"] == aws.arn("edge-firewall-allowed")
        assert rule["priority"] == max(r["priority"] for r in acl["rules"]), "attacks are refused before"
        assert one(recorded, "wafv2/ipSet:IpSet").inputs["addresses"] == ["203.0.113.0/24"]
        managed = [r for r in acl["rules"] if "managedRuleGroupStatement" in r["statement"]]
        assert managed
        assert all("none" in r["overrideAction"] for r in managed)
        association = one(recorded, "wafv2/webAclAssociation:WebAclAssociation").inputs
        assert association["resourceArn"] == aws.arn("edge")

    def test_only_tls_is_answered(self, recorded: Recorder) -> None:
        listeners = {r.inputs["port"]: r.inputs for r in of(recorded, "lb/listener:Listener").values()}
        assert listeners[80]["defaultActions"][0]["redirect"]["protocol"] == "HTTPS"
        assert "TLS13" in listeners[443]["sslPolicy"]
        assert listeners[443]["defaultActions"][0]["fixedResponse"]["statusCode"] == "404"

    def test_another_port_of_the_pods_keeps_the_target_group(
        self, recorded: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its name is what the cluster knows it by: the one that replaces it could not have it."""
        monkeypatch.setitem(public.WORKLOADS, "model-server", public.Public(9000))
        services = {"api": "model-server"}
        other = changed("edge", "services", value=services, parts=(*BARE, "edge"))
        before, after = (one(r, "lb/targetGroup:TargetGroup").inputs for r in (recorded, other))
        assert before == after

    def test_a_public_name_leads_to_its_target_group(self, recorded: Recorder) -> None:
        group = one(recorded, "lb/targetGroup:TargetGroup")
        assert group.inputs["name"] == NAMES.target_group("api")
        assert group.inputs["targetType"] == "ip"
        assert group.inputs["healthCheck"]["path"] == "/readyz"
        rule = one(recorded, "lb/listenerRule:ListenerRule").inputs
        assert rule["conditions"][0]["hostHeader"]["values"] == ["api.carbon.example.com"]
        assert rule["actions"][0]["targetGroupArn"] == aws.arn("edge-api")
        record = of(recorded, "route53/record:Record")["edge-api"].inputs
        assert record["name"] == "api.carbon.example.com"

    def test_the_balancer_reaches_the_pods_ports_and_nothing_else(self, recorded: Recorder) -> None:
        rules = of(recorded, "vpc/securityGroupEgressRule:SecurityGroupEgressRule")
        [out] = [rule.inputs for name, rule in rules.items() if name.startswith("edge-")]
        assert (out["referencedSecurityGroupId"], out["fromPort"], out["toPort"]) == (
            "sg-cluster",
            8080,
            8080,
        )
        into = of(recorded, "vpc/securityGroupIngressRule:SecurityGroupIngressRule")[
            "edge-at-pods-8080"
        ].inputs
        assert into["securityGroupId"] == "sg-cluster"
        assert into["referencedSecurityGroupId"] == "edge-id"

    def test_requests_are_logged_where_only_the_balancer_writes(self, recorded: Recorder) -> None:
        balancer = one(recorded, "lb/loadBalancer:LoadBalancer")
        assert balancer.inputs["dropInvalidHeaderFields"] is True
        assert balancer.inputs["accessLogs"] == {"bucket": NAMES.bucket("access-logs"), "enabled": True}
        assert of(recorded, "s3/bucketPolicy:BucketPolicy")["edge-logs"].urn in balancer.depends_on

    def test_the_listener_waits_for_the_certificate(self, recorded: Recorder) -> None:
        validation = one(recorded, "acm/certificateValidation:CertificateValidation")
        assert validation.urn in of(recorded, "lb/listener:Listener")["edge-https"].depends_on


class TestParts:
    def test_bootstrap_has_state_and_roles_and_nothing_else(self, bootstrap: Recorder) -> None:
        services = {
            r.type.split(":")[1].split("/")[0] for r in bootstrap.seen.values() if r.type.startswith("aws:")
        }
        assert services == {"cloudtrail", "cloudwatch", "iam", "kms", "s3"}
        bucket = of(bootstrap, "s3/bucket:Bucket")["state-bucket"]
        assert bucket.protect
        assert bucket.inputs["bucket"].startswith("carbon-bootstrap-state-")

    def test_each_environment_deploys_by_its_own_role(self, bootstrap: Recorder) -> None:
        subjects: dict[str, list[str]] = {}
        for r in of(bootstrap, "iam/role:Role").values():
            (statement,) = json.loads(r.inputs["assumeRolePolicy"])["Statement"]
            claims = statement["Condition"]["StringEquals"]
            if statement["Action"] != ["sts:AssumeRoleWithWebIdentity"]:
                continue
            subjects[r.inputs["name"]] = claims["token.actions.githubusercontent.com:sub"]
        assert subjects == {
            "carbon-bootstrap-preview": [
                "repo:owner/name:pull_request",
                "repo:owner/name:ref:refs/heads/main",
            ],
            "carbon-bootstrap-deploy-dev": ["repo:owner/name:environment:dev"],
            "carbon-bootstrap-deploy-prod": ["repo:owner/name:environment:prod"],
        }

    def test_a_role_has_no_more_policies_than_iam_takes(self, bootstrap: Recorder) -> None:
        attached = of(bootstrap, "iam/rolePolicyAttachment:RolePolicyAttachment").values()
        roles = [r.inputs["role"] for r in attached]
        assert max(roles.count(role) for role in roles) <= 10

    def test_outputs_say_how_to_go_on(self) -> None:
        made, _ = aws.foundation(aws.bootstrap(), "bootstrap")
        assert known(made.outputs["backend"]) == (
            f"s3://carbon-bootstrap-state-{aws.ACCOUNT}-{aws.REGION}?region={aws.REGION}"
        )
        assert made.outputs["secrets_provider"] == (
            f"awskms://alias/carbon/bootstrap/state?region={aws.REGION}"
        )

    def test_a_stack_without_a_cluster_has_none(self) -> None:
        section = {"account_id": aws.ACCOUNT, "region": aws.REGION, "buckets": {"recovery": {}}}
        made, recorded = aws.foundation(section, "dr")
        assert made.cluster is None
        assert len(of(recorded, "kms/key:Key")) == 1

    def test_the_budget_tells_before_and_after(self, recorded: Recorder) -> None:
        budget = one(recorded, "budgets/budget:Budget").inputs
        assert budget["limitAmount"] == "100"
        assert {(n["notificationType"], n["threshold"]) for n in budget["notifications"]} == {
            ("ACTUAL", 80),
            ("ACTUAL", 100),
            ("FORECASTED", 100),
        }
        assert budget["costFilters"] == [{"name": "TagKeyValue", "values": ["user:env$prod"]}]
