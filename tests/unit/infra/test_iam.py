"""Policy documents give what is needed and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, get_args

import pytest

from infra.manifests.iam import boundary, buckets, deployer, github, karpenter, keys, pods, services
from infra.manifests.iam.document import Document, text, trust_of_service
from infra.names import Bucket, Key, Names
from infra.namespaces import VELERO_ACCOUNT

ACCOUNT = "111122223333"
NAMES = Names("prod", ACCOUNT, "eu-central-1")
REPLICA = Names("dr", ACCOUNT, "eu-west-1")
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/8d1c9a3e-0000-4000-8000-000000000000"
QUEUE = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:{NAMES.interruption_queue}"
ZONE = "arn:aws:route53:::hostedzone/Z0123456789"
LONGEST = Names("production", ACCOUNT, "ap-northeast-1")

ROLES: dict[str, Document] = {
    "cert-manager": pods.cert_manager(ZONE),
    "cluster": services.cluster_key(KEY),
    "ebs-csi": pods.ebs_csi(NAMES, KEY),
    "external-secrets": pods.external_secrets(NAMES, KEY),
    "flow-logs": services.log_delivery(NAMES, "flow-logs"),
    "karpenter": karpenter.controller(NAMES, QUEUE, KEY),
    "load-balancer": pods.load_balancer_controller(NAMES),
    "lake": pods.lake(NAMES, KEY),
    "downloads": pods.downloads(NAMES, KEY),
    "mlflow": pods.mlflow(NAMES, KEY),
    "postgres": pods.postgres(NAMES, KEY),
    "replication": buckets.replication(["recovery", "audit"], NAMES, [KEY], REPLICA),
    "rotation": services.rotation(NAMES, KEY, NAMES.log_group("rotation")),
    "velero": pods.velero(NAMES, KEY),
}
"""Policies of the environment's own roles."""

DOMAIN = "carbon.example.com"
BOUNDARY = boundary.boundary(NAMES, domain=DOMAIN, copies_to="dr")
DEPLOYMENT = deployer.deployer([NAMES, Names("prod", ACCOUNT, "eu-west-1")], domain=DOMAIN)
READS = ("Describe", "Get", "List", "View", "BatchGet", "BatchCheck")


def statements(document: Document, effect: str = "Allow") -> Iterator[dict[str, Any]]:
    yield from (s for s in document["Statement"] if s["Effect"] == effect)


def actions(*documents: Document) -> set[str]:
    return {action for d in documents for s in statements(d) for action in s["Action"]}


def allowed(document: Document, action: str, resource: str) -> list[dict[str, Any]]:
    """Statements that allow an action on a resource, whatever their conditions."""
    found: list[dict[str, Any]] = []
    for statement in statements(document):
        resources = statement["Resource"]
        patterns = [resources] if isinstance(resources, str) else resources
        if action in statement["Action"] and any(fnmatchcase(resource, p) for p in patterns):
            found.append(statement)
    return found


@pytest.mark.parametrize("name", sorted(ROLES))
def test_no_action_of_a_role_has_a_star(name: str) -> None:
    assert not [action for action in actions(ROLES[name]) if "*" in action]


def test_no_action_of_a_deployment_has_a_star() -> None:
    assert not [action for action in actions(*DEPLOYMENT.values()) if "*" in action]


def test_documents_fit_what_iam_takes() -> None:
    """6,144 characters a policy, ten policies a role, of which a deployment has three besides these."""
    made = deployer.deployer([LONGEST, Names("production", ACCOUNT, "eu-west-1")], domain=DOMAIN)
    documents = [
        *made.values(),
        boundary.boundary(LONGEST, domain=DOMAIN, copies_to="dr"),
        karpenter.controller(LONGEST, QUEUE, KEY),
    ]
    assert max(len(text(document)) for document in documents) <= 6144
    assert len(made) <= 7


def test_statements_are_named_once() -> None:
    for name, document in {**ROLES, **DEPLOYMENT, "boundary": BOUNDARY}.items():
        sids = [s["Sid"] for s in document["Statement"]]
        assert len(set(sids)) == len(sids), name
        assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids), name


class TestBoundary:
    def test_it_lets_every_role_do_what_its_policies_say(self) -> None:
        made = BOUNDARY
        for name, document in ROLES.items():
            for statement in statements(document):
                resources = statement["Resource"]
                for resource in [resources] if isinstance(resources, str) else resources:
                    for action in statement["Action"]:
                        assert allowed(made, action, resource), (name, action, resource)

    def test_it_lets_nodes_pull_what_aws_has(self) -> None:
        addon = "arn:aws:ecr:eu-central-1:602401143452:repository/eks/coredns"
        for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
            assert allowed(BOUNDARY, action, addon)

    def test_it_lets_none_make_itself_an_administrator(self) -> None:
        known = actions(BOUNDARY)
        assert {a for a in known if a.startswith("iam:")} == {
            "iam:GetInstanceProfile",
            "iam:ListInstanceProfiles",
            "iam:PassRole",
        }
        assert not {a for a in known if a.startswith(("organizations:", "sts:"))}

    def test_it_ends_at_the_environments_names(self) -> None:
        made = BOUNDARY
        other = Names("dev", ACCOUNT, "eu-central-1")
        assert not allowed(made, "secretsmanager:GetSecretValue", other.arn("secretsmanager", "secret:x"))
        assert not allowed(made, "iam:PassRole", other.role_arn("cluster"))
        assert allowed(made, "iam:PassRole", NAMES.role_arn("karpenter-node"))


class TestDeployment:
    def test_it_makes_roles_below_the_boundary_alone(self) -> None:
        for statement in allowed(DEPLOYMENT["roles"], "iam:CreateRole", NAMES.role_arn("x")):
            assert statement["Condition"] == {"ArnEquals": {"iam:PermissionsBoundary": NAMES.boundary_arn}}
        assert not actions(*DEPLOYMENT.values()) & {
            "iam:DeleteRolePermissionsBoundary",
            "iam:PutRolePolicy",
            "iam:PutUserPolicy",
            "iam:CreateUser",
            "iam:CreateAccessKey",
        }

    def test_it_cannot_change_the_boundary_or_the_roles_that_deploy(self) -> None:
        roles = DEPLOYMENT["roles"]
        own = Names("bootstrap", ACCOUNT, "eu-central-1").role_arn("deploy-prod")
        for action in ("iam:CreatePolicyVersion", "iam:DeletePolicy"):
            assert not allowed(roles, action, NAMES.boundary_arn)
            assert allowed(roles, action, f"arn:aws:iam::{ACCOUNT}:policy/{NAMES.prefix}-x")
        for action in ("iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PassRole"):
            assert not allowed(roles, action, own)

    def test_it_attaches_no_policy_that_aws_keeps_but_those_in_use(self) -> None:
        (attach,) = allowed(DEPLOYMENT["roles"], "iam:AttachRolePolicy", NAMES.role_arn("x"))
        patterns = attach["Condition"]["ArnLike"]["iam:PolicyARN"]
        admin = "arn:aws:iam::aws:policy/AdministratorAccess"
        assert not any(fnmatchcase(admin, pattern) for pattern in patterns)

    def test_it_reads_no_secret_and_no_object(self) -> None:
        assert not actions(*DEPLOYMENT.values()) & {"secretsmanager:GetSecretValue", "s3:GetObject"}

    def test_it_stays_in_its_environment(self) -> None:
        other = Names("dev", ACCOUNT, "eu-central-1")
        data, cluster = DEPLOYMENT["data"], DEPLOYMENT["cluster"]
        for action, resource, document in (
            ("s3:PutBucketPolicy", other.bucket_arn("recovery"), data),
            ("secretsmanager:DeleteSecret", other.secret_arn("redis"), data),
            ("eks:DeleteCluster", other.arn("eks", f"cluster/{other.cluster}"), cluster),
            ("sqs:DeleteQueue", other.arn("sqs", other.interruption_queue), cluster),
        ):
            assert not allowed(document, action, resource), (action, resource)
            mine = resource.replace("-dev", "-prod").replace("/dev/", "/prod/")
            assert allowed(document, action, mine), (action, mine)

    def test_it_pushes_images_to_repositories_of_its_own_tag(self) -> None:
        """The second region's repositories have the names of the environment that is copied to it."""
        made = deployer.deployer([REPLICA])["data"]
        repository = REPLICA.arn("ecr", f"repository/{NAMES.repository('mlflow')}")
        for action, key in (("ecr:CreateRepository", "Request"), ("ecr:PutImage", "Resource")):
            (statement,) = allowed(made, action, repository)
            assert statement["Condition"]["StringEquals"][f"aws:{key}Tag/env"] == "dr"

    def test_what_has_no_name_is_bounded_by_the_tag(self) -> None:
        for purpose in ("network", "data"):
            for statement in statements(DEPLOYMENT[purpose]):
                writes = [a for a in statement["Action"] if not a.split(":")[1].startswith(READS)]
                if statement["Sid"] in {"TryNodesFrom", "Replication"} or not writes:
                    continue
                resources = statement["Resource"]
                if resources == "*" or any(r.endswith((":*", "key/*", "group/*")) for r in resources):
                    keys_of = {key for values in statement["Condition"].values() for key in values}
                    assert any("Tag/" in key for key in keys_of), statement["Sid"]


class TestPreview:
    def test_it_changes_nothing(self) -> None:
        made = github.previewer(NAMES, KEY)
        writes = [a for a in actions(made) if not a.split(":")[1].startswith(READS)]
        assert writes == ["kms:Decrypt"]

    def test_it_reads_no_secret_whatever_else_it_is_given(self) -> None:
        denied = {a for s in statements(github.previewer(NAMES, KEY), "Deny") for a in s["Action"]}
        assert "secretsmanager:GetSecretValue" in denied

    def test_it_reads_objects_of_the_state_alone(self) -> None:
        made = github.previewer(NAMES, KEY)
        assert allowed(made, "s3:GetObject", f"{NAMES.bucket_arn('state')}/x")
        assert not allowed(made, "s3:GetObject", f"{NAMES.bucket_arn('recovery')}/x")


def test_github_is_trusted_by_repository_and_subject() -> None:
    made = github.trust(ACCOUNT, "owner/name", ["environment:prod"])
    (statement,) = made["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": ["repo:owner/name:environment:prod"],
        }
    }


def test_a_pods_role_is_for_one_account_of_one_cluster() -> None:
    (statement,) = pods.trust(NAMES, VELERO_ACCOUNT)["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert set(statement["Action"]) == {"sts:AssumeRole", "sts:TagSession"}
    equals = statement["Condition"]["StringEquals"]
    assert equals["aws:RequestTag/kubernetes-namespace"] == "velero"
    assert equals["aws:RequestTag/kubernetes-service-account"] == "velero-server"
    assert equals["aws:RequestTag/eks-cluster-arn"].endswith(":cluster/carbon-prod")


def test_a_service_acts_for_this_account_alone() -> None:
    (statement,) = trust_of_service("s3.amazonaws.com", ACCOUNT)["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_backups_of_the_cluster_and_of_the_database_do_not_reach_each_other() -> None:
    bucket = NAMES.bucket_arn("recovery")
    for mine, other, document in (
        ("velero", "postgres", ROLES["velero"]),
        ("postgres", "velero", ROLES["postgres"]),
    ):
        for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
            assert allowed(document, action, f"{bucket}/{mine}/x")
            assert not allowed(document, action, f"{bucket}/{other}/x")


def test_the_controller_binds_targets_and_changes_no_balancer() -> None:
    writes = {a for a in actions(ROLES["load-balancer"]) if not a.split(":")[1].startswith(READS)}
    assert writes == {"elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"}


def test_karpenter_ends_only_what_is_the_clusters() -> None:
    for statement in allowed(ROLES["karpenter"], "ec2:TerminateInstances", NAMES.arn("ec2", "instance/i-1")):
        tag = "aws:ResourceTag/kubernetes.io/cluster/carbon-prod"
        assert statement["Condition"]["StringEquals"] == {tag: "owned"}
    assert "iam:CreateInstanceProfile" not in actions(ROLES["karpenter"])


def test_the_rotating_function_writes_to_generated_secrets_alone() -> None:
    (statement,) = allowed(
        ROLES["rotation"], "secretsmanager:PutSecretValue", NAMES.secret_arn("redis").replace("?", "x")
    )
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/generated": "true"}}


def test_copies_are_written_to_the_other_stack_under_its_key() -> None:
    made = ROLES["replication"]
    assert allowed(made, "s3:ReplicateObject", f"{REPLICA.bucket_arn('recovery')}/x")
    assert not allowed(made, "s3:ReplicateObject", f"{NAMES.bucket_arn('recovery')}/x")
    (encrypt,) = allowed(made, "kms:Encrypt", REPLICA.arn("kms", "key/x"))
    aliases = encrypt["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"]
    assert aliases == ["alias/carbon/dr/audit", "alias/carbon/dr/storage"]


@pytest.mark.parametrize("purpose", get_args(Bucket))
def test_every_bucket_refuses_what_is_in_clear(purpose: Bucket) -> None:
    arn = NAMES.bucket_arn(purpose)
    denied = list(statements(buckets.bucket_policy(purpose, NAMES), "Deny"))
    conditions = [s["Condition"] for s in denied]
    assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
    assert {"NumericLessThan": {"s3:TlsVersion": "1.2"}} in conditions
    assert all(s["Principal"] == "*" and s["Resource"] == [arn, f"{arn}/*"] for s in denied)


def test_a_bucket_is_written_to_by_no_service_but_its_own() -> None:
    services_of = {
        purpose: {s["Principal"]["Service"] for s in statements(buckets.bucket_policy(purpose, NAMES))}
        for purpose in get_args(Bucket)
    }
    assert services_of.pop("audit") == {"cloudtrail.amazonaws.com"}
    assert services_of.pop("access-logs") == {"logdelivery.elasticloadbalancing.amazonaws.com"}
    assert not any(services_of.values())


@pytest.mark.parametrize("purpose", get_args(Key))
def test_every_key_is_administered_by_its_account_and_used_under_conditions(purpose: Key) -> None:
    made = keys.key_policy(purpose, NAMES)
    administer, *uses = statements(made)
    assert administer["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert not set(administer["Action"]) & set(keys.USE) - {"kms:DescribeKey"}
    assert uses
    for use in uses:
        of_account = use["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        assert of_account or use["Condition"], use["Sid"]
        assert "kms:PutKeyPolicy" not in use["Action"]


def test_the_trails_key_and_bucket_admit_one_trail() -> None:
    for made in (keys.key_policy("audit", NAMES), buckets.bucket_policy("audit", NAMES)):
        found = [s for s in statements(made) if "cloudtrail" in str(s.get("Principal"))]
        assert found
        assert all(s["Condition"]["StringEquals"]["aws:SourceArn"] == NAMES.trail_arn for s in found)
