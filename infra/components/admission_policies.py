"""The policies that the cluster enforces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pulumi

from infra.components.base import Component
from infra.manifests import admission
from infra.manifests.admission import ENFORCED, Enforcement
from infra.settings.admission import KyvernoAdmission, ValidatingAdmissionPolicies
from infra.settings.base import Labels
from policies.exceptions import RuleException
from policies.limits import Limits
from policies.rules import OBJECT_RULES


@dataclass(frozen=True, kw_only=True)
class AdmissionPoliciesArgs:
    """Args:
    settings: what enforces them.
    limits: what the stack may use.
    exceptions: those that are for the stack.
    namespaces: label of the namespaces in which they hold.
    """

    identity: Labels
    settings: ValidatingAdmissionPolicies | KyvernoAdmission
    limits: Limits
    exceptions: Sequence[RuleException]
    namespaces: Mapping[str, str] = field(default_factory=lambda: ENFORCED)


class AdmissionPolicies(Component):
    """Refuses what the policies' rules on Kubernetes objects refuse, whoever asks for it."""

    TYPE: ClassVar[str] = "carbon:cluster:AdmissionPolicies"

    def __init__(
        self, name: str, args: AdmissionPoliciesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        enforcement = Enforcement(
            identity=args.identity,
            rules=admission.enforceable(OBJECT_RULES),
            limits=args.limits,
            exceptions=args.exceptions,
            namespaces=args.namespaces,
        )
        match args.settings:
            case ValidatingAdmissionPolicies():
                made = admission.validating_admission_policies(enforcement)
            case KyvernoAdmission():
                made = admission.kyverno_policies(enforcement, background=args.settings.background)
        for manifest in made:
            is_binding = manifest["kind"].endswith("Binding")
            own = manifest["metadata"]["name"]
            self.add(manifest, name=f"{name}-{own}-binding" if is_binding else f"{name}-{own}")
        self.register_outputs({"policies": len(enforcement.rules)})
