"""What calls what at AWS: events and their queue, secrets and their function, security groups in pairs.

AWS takes a rule without a target, a queue that nobody may send to and a port that is open at one end alone.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from tools.gate.aws_names import of_type, subject
from tools.gate.cluster_objects import Objects
from tools.gate.model import Resource
from tools.gate.pod_ends import Broken

_SECRETS: Final = "secretsmanager.amazonaws.com"
_RULES: Final = ("Egress", "Ingress")


def broken(objects: Objects) -> Broken:
    """All that nothing calls, or that is called and does not answer."""
    for look in _LOOKS:
        yield from look(objects)


def _events(objects: Objects) -> Broken:
    """A rule has a target, which is a queue of the stack that takes the rule's events."""
    queues = {str(r.inputs["name"]) for r in of_type(objects, "sqs/queue:Queue")}
    policies = [json.loads(r.inputs["policy"]) for r in of_type(objects, "sqs/queuePolicy:QueuePolicy")]
    rules = {str(r.inputs["name"]): r for r in of_type(objects, "cloudwatch/eventRule:EventRule")}
    led: set[str] = set()
    for target in of_type(objects, "cloudwatch/eventTarget:EventTarget"):
        rule, arn = str(target.inputs["rule"]), str(target.inputs["arn"])
        led.add(rule)
        if rule not in rules:
            yield subject(target), f"the rule {rule} is not made"
        if arn.rpartition(":")[2] not in queues:
            yield subject(target), f"{arn} is no queue of the stack"
        elif not any(_takes(policy, arn, rule) for policy in policies):
            yield subject(target), f"no policy lets the rule {rule} send to {arn}"
    for name in sorted(rules.keys() - led):
        yield subject(rules[name]), "it has no target"


def _takes(policy: Mapping[str, Any], queue: str, rule: str) -> bool:
    for statement in policy["Statement"]:
        pattern = statement.get("Condition", {}).get("ArnLike", {}).get("aws:SourceArn", "*")
        if (
            statement["Effect"] == "Allow"
            and statement["Principal"] == {"Service": "events.amazonaws.com"}
            and "sqs:SendMessage" in statement["Action"]
            and queue in statement["Resource"]
            and fnmatchcase(f"rule/{rule}", pattern.rpartition(":")[2])
        ):
            return True
    return False


def _functions(objects: Objects) -> Broken:
    """A function has its handler, a role that is Lambda's to take on, and a group to log to; who is to call
    it may, and calls one that is there."""
    roles = {str(r.inputs["name"]): r for r in of_type(objects, "iam/role:Role")}
    groups = {str(r.inputs["name"]) for r in of_type(objects, "cloudwatch/logGroup:LogGroup")}
    functions = {str(r.inputs["name"]): r for r in of_type(objects, "lambda/function:Function")}
    for function in functions.values():
        role = roles.get(str(function.inputs["role"]).rpartition("/")[2])
        if role is None or "lambda.amazonaws.com" not in str(role.inputs["assumeRolePolicy"]):
            yield subject(function), f"Lambda may not take on {function.inputs['role']}"
        if not handles(function.inputs["code"], str(function.inputs["handler"])):
            yield subject(function), f"its code has no {function.inputs['handler']}"
        if (group := function.inputs["loggingConfig"]["logGroup"]) not in groups:
            yield subject(function), f"the log group {group} is not made"
    rotations = of_type(objects, "secretsmanager/secretRotation:SecretRotation")
    permitted = {
        str(r.inputs["function"]): r.inputs for r in of_type(objects, "lambda/permission:Permission")
    }
    for rotation in rotations:
        arn = str(rotation.inputs["rotationLambdaArn"])
        called = [name for name, one in functions.items() if arn.rpartition(":")[2] in (name, one.name)]
        may = permitted.get(called[0], {}) if called else {}
        if not called:
            yield subject(rotation), f"{arn} is no function of the stack"
        elif may.get("principal") != _SECRETS or may.get("action") != "lambda:InvokeFunction":
            yield subject(rotation), f"Secrets Manager may not call {called[0]}"
    for call in of_type(objects, "lambda/invocation:Invocation"):
        if call.inputs["functionName"] not in functions:
            yield subject(call), f"the function {call.inputs['functionName']} is not made"


def handles(code: Any, handler: str) -> bool:
    """Whether an archive of texts, as Pulumi's SDK or its engine has it, has a handler `module.function`."""
    module, _, name = handler.rpartition(".")
    assets: Mapping[str, Any] = code["assets"] if isinstance(code, dict) else getattr(code, "assets", {})
    asset = assets.get(f"{module}.py", {})
    text = asset.get("text", "") if isinstance(asset, dict) else getattr(asset, "text", "")
    return any(isinstance(n, ast.FunctionDef) and n.name == name for n in ast.parse(text).body)


def _security_groups(objects: Objects) -> Broken:
    """A way from one group to another is open at both ends, and a listener's port to somebody."""
    rules = {of: of_type(objects, f"vpc/securityGroup{of}Rule:SecurityGroup{of}Rule") for of in _RULES}
    for of, other in (_RULES, _RULES[::-1]):
        for rule in rules[of]:
            peer, own = rule.inputs.get("referencedSecurityGroupId"), str(rule.inputs["securityGroupId"])
            if peer is not None and not any(
                str(r.inputs["securityGroupId"]) == peer and _meets(r, own, rule) for r in rules[other]
            ):
                yield (
                    subject(rule),
                    f"{own} and {peer} at port {rule.inputs.get('fromPort')}: no {other.lower()} rule of"
                    f" {peer} lets it",
                )
    for listener in of_type(objects, "lb/listener:Listener"):
        port = int(listener.inputs["port"])
        if not any(
            int(r.inputs.get("fromPort", 0)) <= port <= int(r.inputs.get("toPort", 65535))
            for r in rules["Ingress"]
        ):
            yield subject(listener), f"no rule lets anybody in at port {port}"


def _meets(rule: Resource, group: str, other: Resource) -> bool:
    """Whether a rule is open to a group, or to all, for the ports of the rule at the other end."""
    if rule.inputs.get("referencedSecurityGroupId") != group and rule.inputs.get("cidrIpv4") != "0.0.0.0/0":
        return False
    first, last = rule.inputs.get("fromPort"), rule.inputs.get("toPort")
    return first is None or (first <= other.inputs["fromPort"] and other.inputs["toPort"] <= last)


def _cluster(objects: Objects) -> Broken:
    """What is of a cluster names the stack's, and access and nodes are of roles that are made."""
    clusters = {str(r.inputs["name"]) for r in of_type(objects, "eks/cluster:Cluster")}
    for kind in (
        "accessEntry:AccessEntry",
        "accessPolicyAssociation:AccessPolicyAssociation",
        "addon:Addon",
        "nodeGroup:NodeGroup",
        "podIdentityAssociation:PodIdentityAssociation",
    ):
        for one in of_type(objects, f"eks/{kind}"):
            if (name := one.inputs["clusterName"]) not in clusters:
                yield subject(one), f"the cluster {name} is not made"


_LOOKS: Final[Sequence[Callable[[Objects], Broken]]] = (_events, _functions, _security_groups, _cluster)
