"""Nothing is reachable from outside but what the platform publishes on purpose."""

from __future__ import annotations

from policies.examples import SERVICE, obj, with_spec
from policies.rule import ObjectRule

_BACKEND = {"backend": {"service": {"name": "demo", "port": {"number": 80}}}}
_PATHS = {"http": {"paths": [{"path": "/", "pathType": "Prefix", **_BACKEND}]}}
_INGRESS = obj(
    "networking.k8s.io/v1",
    "Ingress",
    spec={
        "tls": [{"hosts": ["demo.example"], "secretName": "demo"}],
        "rules": [{"host": "demo.example", **_PATHS}],
    },
)

RULES = (
    ObjectRule(
        id="service-not-public",
        source="Multi-Tenancy Benchmark MTB-PL1-BC-HI-1",
        title="a service has no node port, load balancer or external address",
        remedy="use type ClusterIP; publish through the platform's load balancer",
        kinds=frozenset({"Service"}),
        expression="""
            (!has(object.spec.type) || object.spec.type == 'ClusterIP')
            && (!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0)
        """,
        passes=(SERVICE,),
        refuses=(
            with_spec(SERVICE, type="NodePort"),
            with_spec(SERVICE, type="LoadBalancer"),
            with_spec(SERVICE, externalIPs=["192.0.2.1"]),
        ),
    ),
    ObjectRule(
        id="ingress-tls",
        source="NSA and CISA Kubernetes Hardening Guide",
        title="an ingress answers for named hosts, over TLS",
        remedy="set spec.tls and the host of every rule",
        kinds=frozenset({"Ingress"}),
        expression="""
            has(object.spec.tls) && size(object.spec.tls) > 0
            && has(object.spec.rules) && object.spec.rules.all(r, has(r.host) && r.host != '')
        """,
        passes=(_INGRESS,),
        refuses=(with_spec(_INGRESS, tls=[]), with_spec(_INGRESS, rules=[_PATHS])),
    ),
)
