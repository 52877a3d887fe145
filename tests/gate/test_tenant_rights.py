"""What the people of a tenant may do, asked of a real API server in their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from infra.manifests import tenant, tenant_access
from infra.manifests.network import Peer
from infra.settings import Labels
from infra.settings.tenants import TenantSettings
from tools.errors import CommandFailed
from tools.gate import apiserver
from tools.gate.apiclient import ApiServer
from tools.wait import until

IDENTITY = Labels(
    environment="production", owner="platform", team="platform", product="carbon", cost_center="c"
)
ONE, TWO = "production-pilot-one", "production-pilot-two"
OPENED = [(Peer("carbon", "postgres"), 5432)]


def settings(name: str) -> TenantSettings:
    return TenantSettings.model_validate(
        {
            "owner": name,
            "team": name,
            "department": "markets",
            "cost_center": name,
            "products": ["hub"],
            "groups": {role: [f"{name}-{role}s"] for role in ("admin", "developer", "viewer")},
            "quota": {"cpu": "1", "memory": "1Gi", "memory_limit": "2Gi", "pods": 5, "claims": 1},
        }
    )


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """A server with two tenants, as the platform makes them."""
    platform = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "carbon"}}
    with apiserver.running() as running:
        assert running.apply(platform).ok
        for name in ("pilot-one", "pilot-two"):
            who = (IDENTITY, name, settings(name))
            objects = [
                tenant.home(*who),
                *tenant_access.guard(*who),
                *tenant.surroundings(*who),
                *tenant.paths(*who, OPENED),
                *tenant_access.access(*who),
            ]
            for manifest in objects:
                answer = running.apply(manifest)
                assert answer.ok, (manifest["kind"], answer.message)
                assert not answer.warnings
        until(
            lambda: "platform" in said(running, "delete", "networkpolicy/default-deny"),
            "the guard",
            limit=30,
            every=0.2,
        )
        yield running


def person(role: str, namespace: str = ONE) -> list[str]:
    """Who asks: one of a tenant's groups, as kubectl impersonates."""
    group = f"{namespace.removeprefix('production-')}-{role}s"
    return ["--as=ada", f"--as-group={group}", "--as-group=system:authenticated"]


def allowed(
    server: ApiServer, role: str, questions: Sequence[tuple[str, str]], namespace: str | None = ONE
) -> list[bool]:
    """Whether somebody of pilot-one may: (verb, kind[.group][/subresource])."""

    def review(verb: str, kind: str) -> dict[str, Any]:
        resource, _, subresource = kind.partition("/")
        plural, _, group = resource.partition(".")
        asked = {"verb": verb, "group": group, "resource": plural, "subresource": subresource}
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": "ada",
                "groups": [f"pilot-one-{role}s", "system:authenticated"],
                "resourceAttributes": asked | ({"namespace": namespace} if namespace else {}),
            },
        }

    every = {"apiVersion": "v1", "kind": "List", "items": [review(*question) for question in questions]}
    each = "-o=jsonpath={.status.allowed}{'\\n'}"
    return [
        line == "true" for line in server.kubectl("create", "-f", "-", each, stdin=json.dumps(every)).split()
    ]


def may(server: ApiServer, role: str, verb: str, kind: str) -> bool:
    return allowed(server, role, [(verb, kind)]) == [True]


def said(server: ApiServer, *command: str, role: str = "admin", stdin: dict[str, Any] | None = None) -> str:
    """What the server says when somebody of pilot-one tries, changing nothing: empty when it would do it."""
    try:
        text = json.dumps(stdin) if stdin else None
        server.kubectl(*command, "-n", ONE, "--dry-run=server", *person(role), stdin=text)
    except CommandFailed as failed:
        return failed.output
    return ""


EVERYBODY = pytest.mark.parametrize("role", ["viewer", "developer", "admin"])


@EVERYBODY
def test_nobody_reaches_what_is_the_clusters(server: ApiServer, role: str) -> None:
    """MTB-PL1-CC-CPI-1."""
    questions = [
        ("get", "nodes"),
        ("list", "namespaces"),
        ("create", "namespaces"),
        ("get", "persistentvolumes"),
        ("get", "clusterroles.rbac.authorization.k8s.io"),
        ("list", "customresourcedefinitions.apiextensions.k8s.io"),
        ("create", "validatingadmissionpolicies.admissionregistration.k8s.io"),
    ]
    assert not any(allowed(server, role, questions, namespace=None))


@EVERYBODY
@pytest.mark.parametrize("namespace", [TWO, "carbon", "kube-system", "default"])
def test_nobody_reaches_another_namespace(server: ApiServer, role: str, namespace: str) -> None:
    """MTB-PL1-CC-TI-2."""
    questions = [("get", "pods"), ("list", "configmaps"), ("create", "deployments.apps"), ("get", "secrets")]
    assert not any(allowed(server, role, questions, namespace))


@EVERYBODY
def test_nobody_changes_quota_or_limits(server: ApiServer, role: str) -> None:
    """MTB-PL1-CC-TI-1."""
    for kind in ("resourcequotas", "limitranges"):
        assert may(server, role, "get", kind)
        changing = ("create", "update", "patch", "delete", "deletecollection")
        assert not any(allowed(server, role, [(verb, kind) for verb in changing]))


@EVERYBODY
def test_nobody_gets_into_a_container_or_reads_a_secret_back(server: ApiServer, role: str) -> None:
    ways = (
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/ephemeralcontainers",
        "serviceaccounts/token",
    )
    assert not any(allowed(server, role, [("create", way) for way in ways]))
    assert not any(allowed(server, role, [(verb, "secrets") for verb in ("get", "list", "watch")]))


def test_developers_run_workloads_and_viewers_do_not(server: ApiServer) -> None:
    kinds = ("deployments.apps", "cronjobs.batch", "configmaps", "secrets", "services")
    made = [("create", kind) for kind in kinds]
    assert all(allowed(server, "developer", made))
    assert not any(allowed(server, "viewer", made))
    assert may(server, "developer", "delete", "pods")
    assert may(server, "viewer", "get", "pods/log")
    assert not may(server, "developer", "create", "rolebindings.rbac.authorization.k8s.io")
    assert not may(server, "developer", "create", "networkpolicies.networking.k8s.io")


@pytest.mark.parametrize(
    "object_",
    [
        "networkpolicy/default-deny",
        "networkpolicy/allow-dns",
        "networkpolicy/within-namespace",
        "networkpolicy/platform",
        "rolebinding/admin",
        "rolebinding/viewer",
        "serviceaccount/default",
    ],
)
def test_what_the_platform_made_stays_as_it_is(server: ApiServer, object_: str) -> None:
    """MTB-PL1-BC-CPI-2."""
    assert "the platform manages this object" in said(server, "delete", object_)
    label = said(server, "label", object_, "app.kubernetes.io/managed-by=me", "--overwrite")
    assert "the platform manages this object" in label


def test_an_account_of_the_tenants_own_is_no_way_round(server: ApiServer) -> None:
    """An admin may give his rights to a service account; it is no more than he is."""
    bind = rolebinding("robot", "admin", {"kind": "ServiceAccount", "name": "default", "namespace": ONE})
    assert server.apply(bind).ok
    robot = f"system:serviceaccount:{ONE}:default"
    groups = [f"system:serviceaccounts:{ONE}", "system:serviceaccounts", "system:authenticated"]
    who = [f"--as={robot}", *(f"--as-group={group}" for group in groups)]
    with pytest.raises(CommandFailed) as refused:
        server.kubectl("delete", "networkpolicy/default-deny", "-n", ONE, "--dry-run=server", *who)
    assert "the platform manages this object" in refused.value.output


def test_an_admin_opens_and_closes_paths_of_his_own(server: ApiServer) -> None:
    """MTB-PL2-BC-OPS-4."""
    own = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "mine", "namespace": ONE},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
    }
    assert said(server, "create", "-f", "-", stdin=own) == ""
    assert server.apply(own).ok
    assert said(server, "delete", "networkpolicy/mine") == ""


def rolebinding(name: str, role: str, subject: dict[str, str], kind: str = "Role") -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": ONE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [subject],
    }


@EVERYBODY
def test_an_admin_gives_the_rights_that_he_has(server: ApiServer, role: str) -> None:
    """MTB-PL2-BC-OPS-3."""
    friend = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "grace"}
    assert said(server, "create", "-f", "-", stdin=rolebinding("friend", role, friend)) == ""


@pytest.mark.parametrize("role", ["cluster-admin", "shell"])
def test_an_admin_gives_no_right_that_he_has_not(server: ApiServer, role: str) -> None:
    shell = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "shell"},
        "rules": [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}],
    }
    assert server.apply(shell).ok
    friend = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "grace"}
    answer = said(server, "create", "-f", "-", stdin=rolebinding("friend", role, friend, "ClusterRole"))
    assert "forbidden" in answer


def test_the_platform_may_change_its_own(server: ApiServer) -> None:
    made = tenant.surroundings(IDENTITY, "pilot-one", settings("pilot-one"))
    (theirs,) = [o for o in made if o["metadata"]["name"] == "default-deny"]
    theirs["metadata"]["labels"]["changed"] = "yes"
    assert server.apply(theirs, dry_run=True).ok


def test_pods_that_are_not_restricted_are_refused(server: ApiServer) -> None:
    """MTB-PL1-CC-CPI-3..6, PL1-BC-HI-1, HI-3..5."""

    def pod(**changes: Any) -> dict[str, Any]:
        container = {
            "name": "c",
            "image": "x:1",
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }
        spec = changes.pop("spec", {})
        container["securityContext"] |= changes
        meta = {"name": "p", "namespace": ONE}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": meta,
            "spec": {"containers": [container], **spec},
        }

    assert server.apply(pod(), dry_run=True).ok, server.apply(pod(), dry_run=True).message
    for refused in (
        pod(privileged=True, allowPrivilegeEscalation=True),
        pod(allowPrivilegeEscalation=True),
        pod(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
        pod(runAsNonRoot=False, runAsUser=0),
        pod(spec={"hostNetwork": True}),
        pod(spec={"hostPID": True}),
        pod(spec={"hostIPC": True}),
        pod(spec={"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
    ):
        assert "violates PodSecurity" in server.apply(refused, dry_run=True).message
