"""Rights at the Kubernetes API are named one by one."""

from __future__ import annotations

from typing import Any

from policies.examples import obj
from policies.rule import ObjectRule

API = "rbac.authorization.k8s.io"
ROLES = frozenset({"Role", "ClusterRole"})
BINDINGS = frozenset({"RoleBinding", "ClusterRoleBinding"})


def _role(**rule: Any) -> Any:
    base = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    return obj(f"{API}/v1", "Role", rules=[base | rule])


def _binding(role: str = "demo", subject: str = "demo", *, wide: bool = False, **fields: Any) -> Any:
    return obj(
        f"{API}/v1",
        "ClusterRoleBinding" if wide else "RoleBinding",
        namespace=None if wide else "carbon",
        roleRef={"apiGroup": API, "kind": "ClusterRole", "name": role},
        subjects=[{"kind": "Group", "apiGroup": API, "name": subject} | fields],
    )


RULES = (
    ObjectRule(
        id="rbac-no-cluster-admin",
        source="CIS Kubernetes Benchmark 5.1.1; Kubernetes RBAC good practices",
        title="nobody is given cluster-admin, nor admin or edit, which read secrets and enter containers",
        remedy="bind a role that names what is needed",
        kinds=BINDINGS,
        expression="""
            object.roleRef.kind != 'ClusterRole'
            || !(object.roleRef.name in ['cluster-admin', 'admin', 'edit'])
        """,
        passes=(_binding(), _binding(role="view")),
        refuses=(
            _binding(role="edit"),
            _binding(role="cluster-admin"),
            _binding(role="cluster-admin", wide=True),
        ),
    ),
    ObjectRule(
        id="rbac-no-wildcard",
        source="CIS Kubernetes Benchmark 5.1.3",
        title="no role has a wildcard among its verbs, resources or API groups",
        remedy="name the verbs, the resources and their group",
        kinds=ROLES,
        expression="""
            !has(object.rules) || object.rules.all(r, !r.verbs.exists(v, v == '*')
                && (!has(r.resources) || !r.resources.exists(x, x.startsWith('*')))
                && (!has(r.apiGroups) || !r.apiGroups.exists(g, g == '*')))
        """,
        passes=(_role(),),
        refuses=(_role(verbs=["*"]), _role(resources=["*"]), _role(apiGroups=["*"])),
    ),
    ObjectRule(
        id="rbac-no-exec",
        source="NSA and CISA Kubernetes Hardening Guide; Kubernetes RBAC good practices",
        title="no role lets anybody into a running container",
        remedy="remove pods/exec, pods/attach, pods/portforward and pods/ephemeralcontainers; a person who "
        "must get in uses the break-glass role of the account",
        kinds=ROLES,
        expression="""
            !has(object.rules) || object.rules.all(r, !has(r.resources) || !r.resources.exists(x,
                x in ['pods/exec', 'pods/attach', 'pods/portforward', 'pods/ephemeralcontainers',
                    'nodes/proxy']))
        """,
        passes=(_role(resources=["pods", "pods/log"]),),
        refuses=(_role(resources=["pods/exec"], verbs=["create"]),),
    ),
    ObjectRule(
        id="rbac-no-escalation",
        source="CIS Kubernetes Benchmark 5.1.8, 5.1.13",
        title="no role lets anybody give rights that he does not have, or be somebody else",
        remedy="remove the verbs escalate, bind and impersonate, and the making of tokens",
        kinds=ROLES,
        expression="""
            !has(object.rules) || object.rules.all(r,
                !r.verbs.exists(v, v in ['escalate', 'bind', 'impersonate'])
                && (!has(r.resources) || !r.resources.exists(x, x == 'serviceaccounts/token')))
        """,
        passes=(_role(),),
        refuses=(
            _role(verbs=["impersonate"], resources=["users"]),
            _role(verbs=["create"], resources=["serviceaccounts/token"]),
        ),
    ),
    ObjectRule(
        id="rbac-no-secret-listing",
        source="CIS Kubernetes Benchmark 5.1.2",
        title="no role reads secrets that it does not name",
        remedy="name the secrets in resourceNames, and only get them",
        kinds=ROLES,
        expression="""
            !has(object.rules) || object.rules.all(r,
                !has(r.resources) || !r.resources.exists(x, x == 'secrets')
                || !r.verbs.exists(v, v in ['get', 'list', 'watch'])
                || (has(r.resourceNames) && size(r.resourceNames) > 0))
        """,
        passes=(_role(), _role(resources=["secrets"], resourceNames=["demo"])),
        refuses=(_role(resources=["secrets"], verbs=["get", "list"]),),
    ),
    ObjectRule(
        id="rbac-no-anonymous",
        source="Kubernetes RBAC good practices",
        title="no right is given to everybody",
        remedy="bind a group or a service account, not system:unauthenticated, system:authenticated, "
        "system:anonymous or all service accounts",
        kinds=BINDINGS,
        expression="""
            !has(object.subjects) || object.subjects.all(s,
                !(s.name in ['system:unauthenticated', 'system:authenticated', 'system:anonymous'])
                && !s.name.startsWith('system:serviceaccounts') && s.name != 'system:masters')
        """,
        passes=(_binding(),),
        refuses=(
            _binding(subject="system:unauthenticated"),
            _binding(subject="system:anonymous", kind="User"),
        ),
    ),
)
