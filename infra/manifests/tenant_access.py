"""Who may do what in a tenant's namespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from infra.manifests.meta import Manifest, labels, metadata
from infra.manifests.tenant import identity_of, labelled, namespace_name
from infra.settings import Labels
from infra.settings.tenants import TenantSettings

_RBAC: Final = "rbac.authorization.k8s.io"
_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"

ADMIN: Final = "admin"
DEVELOPER: Final = "developer"
VIEWER: Final = "viewer"

_READ: Final = ("get", "list", "watch")
_WRITE: Final = ("create", "update", "patch", "delete")

_SEEN: Final[Mapping[str, Sequence[str]]] = {
    "": (
        "configmaps",
        "events",
        "limitranges",
        "persistentvolumeclaims",
        "pods",
        "pods/log",
        "resourcequotas",
        "serviceaccounts",
        "services",
    ),
    "apps": ("deployments", "replicasets", "statefulsets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "metrics.k8s.io": ("pods",),
    "networking.k8s.io": ("networkpolicies",),
    "policy": ("poddisruptionbudgets",),
    _RBAC: ("rolebindings", "roles"),
}
"""API group → kinds that a viewer sees: nothing secret, and nothing that runs a command in a pod."""

_RUN: Final[Mapping[str, Sequence[str]]] = {
    "": ("configmaps", "persistentvolumeclaims", "serviceaccounts", "services"),
    "apps": ("deployments", "deployments/scale", "statefulsets", "statefulsets/scale"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "policy": ("poddisruptionbudgets",),
}
"""API group → kinds that a developer makes. Pods come from them: a pod by itself is nobody's to repair."""

_SHARED: Final[Mapping[str, Sequence[str]]] = {
    "networking.k8s.io": ("networkpolicies",),
    _RBAC: ("rolebindings",),
}
"""API group → kinds that an admin makes besides (MTB-PL2-BC-OPS-3 and -4)."""


def access(identity: Labels, name: str, settings: TenantSettings) -> list[Manifest]:
    """Roles of the namespace, and the groups that have them."""
    own = namespace_name(identity, name)
    common = labels(identity_of(identity, settings), own, "access")
    groups = settings.groups
    made: list[Manifest] = []
    for role, rules, members in (
        (VIEWER, viewer_rules(), groups.viewer),
        (DEVELOPER, developer_rules(), groups.developer),
        (ADMIN, admin_rules(), groups.admin),
    ):
        meta = metadata(role, own, common)
        made.append({"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": meta, "rules": rules})
        if members:
            made.append(
                {
                    "apiVersion": f"{_RBAC}/v1",
                    "kind": "RoleBinding",
                    "metadata": meta,
                    "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": role},
                    "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group} for group in members],
                }
            )
    return [labelled(manifest, name, settings) for manifest in made]


def viewer_rules() -> list[Manifest]:
    """See everything but secrets."""
    return [_rule(group, kinds, _READ) for group, kinds in _SEEN.items()]


def developer_rules() -> list[Manifest]:
    """What viewers may, and run workloads with their secrets. Deleting a pod restarts it."""
    return [
        *viewer_rules(),
        *(_rule(group, kinds, _WRITE) for group, kinds in _RUN.items()),
        # Theirs are written and mounted; nobody has to read one back.
        _rule("", ("secrets",), _WRITE),
        _rule("", ("pods",), ("delete",)),
    ]


def admin_rules() -> list[Manifest]:
    """What developers may, and share rights and open paths. Kubernetes lets nobody give what he has not."""
    return [*developer_rules(), *(_rule(group, kinds, _WRITE) for group, kinds in _SHARED.items())]


def guard(identity: Labels, name: str, settings: TenantSettings) -> list[Manifest]:
    """Keeps the platform's own objects in the namespace from those who may write their kinds there.

    Rights cannot tell one network policy from another. So admission asks who changes or deletes an object of
    the platform's for a right that the tenant's roles never hold: to change or delete the quota, too.
    """
    own = namespace_name(identity, name)
    common = labels(identity_of(identity, settings), own, "admission")
    policy = f"{own}-platform-objects"
    may = (
        f"authorizer.group('').resource('resourcequotas').namespace('{own}')"
        ".check(request.operation == 'DELETE' ? 'delete' : 'update').allowed()"
    )
    made: list[Manifest] = [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": metadata(policy, None, common),
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "matchPolicy": "Equivalent",
                    "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: own}},
                    "objectSelector": {},
                    "resourceRules": [
                        {
                            "apiGroups": [group],
                            "apiVersions": ["v1"],
                            "operations": ["UPDATE", "DELETE"],
                            "resources": list(kinds),
                            "scope": "Namespaced",
                        }
                        for group, kinds in (("", ("serviceaccounts",)), *_SHARED.items())
                    ],
                },
                "validations": [
                    {
                        "expression": "oldObject.metadata.?labels['app.kubernetes.io/managed-by']"
                        f".orValue('') != 'pulumi' || {may}",
                        "message": "the platform manages this object: add one of your own instead",
                        "reason": "Forbidden",
                    }
                ],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": metadata(policy, None, common),
            "spec": {"policyName": policy, "validationActions": ["Deny"]},
        },
    ]
    return [labelled(manifest, name, settings) for manifest in made]


def _rule(group: str, kinds: Sequence[str], verbs: Sequence[str]) -> Manifest:
    return {"apiGroups": [group], "resources": list(kinds), "verbs": list(verbs)}
