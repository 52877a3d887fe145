"""Whether the expressions of ValidatingAdmissionPolicies fit the kinds that they are about.

The API server refuses an expression that does not compile. One that asks an object for a field that its kind
does not have compiles, and then fails on every object. A controller knows better: it reads the kinds' schemas
and writes what it finds into the policy's status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tools import toolchain
from tools.gate import apiserver
from tools.gate.apiclient import ApiServer
from tools.gate.crds import kind_of
from tools.wait import until

PROGRAM = "kube-controller-manager"

Check = Callable[[Sequence[Mapping[str, Any]]], list[list[str]]]
"""Of policies, what is wrong with each."""

_CONTROLLER = "validatingadmissionpolicy-status-controller"
_LIMIT = 60.0
"""Seconds until the controller must have looked at a policy; it takes milliseconds."""


def is_policy(manifest: Mapping[str, Any]) -> bool:
    """Whether an object is a policy that can be checked."""
    return kind_of(manifest) == ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy")


@contextmanager
def checking(server: ApiServer) -> Iterator[Check]:
    """Run the controller beside a server, and give what checks policies there.

    The policies are really made, but bound to nothing: none is enforced. One that the server refuses has no
    types to check.

    Raises:
        MissingPrerequisite, CommandFailed: the controller had to be built and could not be.
        ToolError: it did not look at a policy in time.
    """
    command = [
        toolchain.path(PROGRAM),
        f"--kubeconfig={server.kubeconfig}",
        f"--controllers={_CONTROLLER}",
        "--leader-elect=false",
        "--secure-port=0",
    ]
    with apiserver.process(command, server.kubeconfig.with_name("controller.log")):

        def check(policies: Sequence[Mapping[str, Any]]) -> list[list[str]]:
            answers = server.apply_all(policies)
            return [
                _problems(server, policy) if answer.ok else []
                for policy, answer in zip(policies, answers, strict=True)
            ]

        yield check


def _problems(server: ApiServer, policy: Mapping[str, Any]) -> list[str]:
    def status() -> dict[str, Any] | None:
        found = server.get(policy)
        status = found.get("status", {})
        return status if status.get("observedGeneration") == found["metadata"]["generation"] else None

    name = policy["metadata"]["name"]
    checked = until(status, f"the controller to look at policy {name}", limit=_LIMIT, every=0.05) or {}
    warnings = checked.get("typeChecking", {}).get("expressionWarnings", [])
    return [f"{warning['fieldRef']}: {warning['warning'].strip()}" for warning in warnings]
