"""What the internet reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policies.examples import aws
from policies.limits import Limits
from policies.rule import Finding, Resource, ResourceRule, Stack, StackRule
from policies.rules.s3 import BALANCER

LISTENER = "aws:lb/listener:Listener"
ACL = "aws:wafv2/webAcl:WebAcl"
ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
FSBP = "AWS Foundational Security Best Practices"


def _is_public(balancer: Resource) -> bool:
    return balancer.get("loadBalancerType", "application") == "application" and not balancer.get("internal")


def _headers(balancer: Resource, _: Limits) -> Iterator[str]:
    if balancer.get("loadBalancerType", "application") == "application" and not balancer.get(
        "dropInvalidHeaderFields"
    ):
        yield "dropInvalidHeaderFields is not set"


def _unlogged(balancer: Resource, _: Limits) -> Iterator[str]:
    if not balancer.get("accessLogs.enabled"):
        yield "accessLogs are not enabled"


def _tls(listener: Resource, _: Limits) -> Iterator[str]:
    match listener.get("protocol"):
        case "HTTPS" | "TLS":
            if not str(policy := listener.get("sslPolicy", "")).startswith("ELBSecurityPolicy-TLS13-1-"):
                yield f"its sslPolicy {policy or 'is not set: AWS takes an old one'}"
            elif "-1-0-" in policy or "-1-1-" in policy:
                yield f"its sslPolicy {policy} takes TLS below 1.2"
        case protocol:
            actions: Sequence[Mapping[str, Any]] = listener.get("defaultActions", [])
            if not actions or any(_leads_to(a) != "HTTPS" for a in actions):
                yield f"it answers {protocol} with something else than a redirect to HTTPS"


def _leads_to(action: Mapping[str, Any]) -> str | None:
    redirect: Mapping[str, Any] = action.get("redirect") or {}
    return redirect.get("protocol")


def _unguarded(stack: Stack, _: Limits) -> Iterator[Finding]:
    associations = list(stack.of(ASSOCIATION))
    for balancer in stack.of(BALANCER):
        if _is_public(balancer) and not any(a.refers_to("resourceArn", balancer) for a in associations):
            yield Finding(balancer, "no WebAclAssociation puts a firewall before it")


def _allows_all(acl: Resource, _: Limits) -> Iterator[str]:
    if acl.get("defaultAction.block") is None:
        yield "its default action is not to block"


def _balancer(**props: Any) -> Resource:
    good: dict[str, Any] = {
        "loadBalancerType": "application",
        "arn": "arn:aws:elasticloadbalancing:demo",
        "dropInvalidHeaderFields": True,
        "accessLogs": {"bucket": "demo", "enabled": True},
    }
    return aws(BALANCER, **{**good, **props})


def _listener(**props: Any) -> Resource:
    good: dict[str, Any] = {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"}
    return aws(LISTENER, **{**good, **props})


def _redirect(protocol: str) -> Sequence[Mapping[str, Any]]:
    return [{"type": "redirect", "redirect": {"protocol": protocol, "statusCode": "HTTP_301"}}]


RULES = (
    ResourceRule(
        id="lb-drops-invalid-headers",
        source=f"{FSBP} ELB.4",
        title="a load balancer drops headers that are none",
        remedy="set dropInvalidHeaderFields",
        types=frozenset({BALANCER}),
        check=_headers,
        passes=(_balancer(), aws(BALANCER, loadBalancerType="network")),
        refuses=(_balancer(dropInvalidHeaderFields=None), _balancer(dropInvalidHeaderFields=False)),
    ),
    ResourceRule(
        id="lb-logs",
        source=f"{FSBP} ELB.5",
        title="a load balancer writes down what it was asked",
        remedy="set accessLogs with a bucket and enabled",
        types=frozenset({BALANCER}),
        check=_unlogged,
        passes=(_balancer(),),
        refuses=(_balancer(accessLogs=None), _balancer(accessLogs={"bucket": "demo"})),
    ),
    ResourceRule(
        id="lb-tls",
        source=f"{FSBP} ELB.1, ELB.17",
        title="a load balancer talks TLS 1.2 or newer",
        remedy="use HTTPS with an ELBSecurityPolicy-TLS13-1-2 policy; HTTP only redirects to it",
        types=frozenset({LISTENER}),
        check=_tls,
        passes=(_listener(), _listener(protocol="HTTP", sslPolicy=None, defaultActions=_redirect("HTTPS"))),
        refuses=(
            _listener(sslPolicy=None),
            _listener(sslPolicy="ELBSecurityPolicy-2016-08"),
            _listener(sslPolicy="ELBSecurityPolicy-TLS13-1-0-2021-06"),
            _listener(protocol="HTTP", defaultActions=[{"type": "forward"}]),
            _listener(protocol="HTTP", defaultActions=_redirect("HTTP")),
        ),
    ),
    StackRule(
        id="waf-before-public",
        source=f"{FSBP} ELB.16",
        title="a firewall stands before every public load balancer",
        remedy="add a WebAclAssociation of the stack's web ACL with it",
        about=(BALANCER, ASSOCIATION),
        check=_unguarded,
        passes=(
            (_balancer(), aws(ASSOCIATION, resourceArn=_balancer())),
            (_balancer(internal=True),),
        ),
        refuses=((_balancer(),), (_balancer(), aws(ASSOCIATION, resourceArn="arn:aws:other"))),
    ),
    ResourceRule(
        id="waf-allow-list",
        source="the platform's promise to customers: their networks only",
        title="the firewall blocks whom nobody allowed",
        remedy="set defaultAction.block, and allow the customers' IP sets by rules",
        types=frozenset({ACL}),
        check=_allows_all,
        passes=(aws(ACL, defaultAction={"block": {}}),),
        refuses=(aws(ACL, defaultAction={"allow": {}}), aws(ACL)),
    ),
)
