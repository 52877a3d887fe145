"""Who signs certificates, and which there are."""

from __future__ import annotations

from typing import Final

from infra.manifests.meta import Manifest, labels, metadata
from infra.manifests.resources.ready import awaited
from infra.settings import Labels
from infra.settings.services import Acme, Certificate

INTERNAL: Final = "internal"
PUBLIC: Final = "public"
"""Names of the issuers that certificates name."""

_ROOT: Final = "internal-root"
_API: Final = "cert-manager.io/v1"
_TEN_YEARS: Final = "87600h"
_QUARTER: Final = "2160h"
_THIRTY_DAYS: Final = "720h"


def internal_issuer(identity: Labels, namespace: str) -> list[Manifest]:
    """An authority of our own: what signs its root, the root, and what signs by the root, in this order.

    Args:
        namespace: cert-manager's own, where it looks for the root's key.
    """
    return [
        _issuer(identity, _ROOT, {"selfSigned": {}}),
        {
            "apiVersion": _API,
            "kind": "Certificate",
            "metadata": awaited(metadata(_ROOT, namespace, labels(identity, _ROOT, "certificates"))),
            "spec": {
                "isCA": True,
                "commonName": f"{identity.product} {identity.environment} internal",
                "secretName": _ROOT,
                "duration": _TEN_YEARS,
                "renewBefore": _QUARTER,
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                "issuerRef": {"name": _ROOT, "kind": "ClusterIssuer", "group": "cert-manager.io"},
            },
        },
        _issuer(identity, INTERNAL, {"ca": {"secretName": _ROOT}}),
    ]


def public_issuer(identity: Labels, settings: Acme, region: str) -> Manifest:
    """An ACME authority; the proof goes into Route 53 with the rights of cert-manager's own pods."""
    return _issuer(
        identity,
        PUBLIC,
        {
            "acme": {
                "server": settings.server,
                "email": settings.email,
                "privateKeySecretRef": {"name": "acme-account"},
                "solvers": [
                    {"selector": {"dnsZones": settings.zones}, "dns01": {"route53": {"region": region}}}
                ],
            }
        },
    )


def certificate(identity: Labels, name: str, settings: Certificate) -> Manifest:
    """A certificate for 90 days, renewed after 60, with a new key each time."""
    return {
        "apiVersion": _API,
        "kind": "Certificate",
        "metadata": awaited(metadata(name, settings.namespace, labels(identity, name, "certificates"))),
        "spec": {
            "secretName": name,
            "dnsNames": settings.names,
            "duration": _QUARTER,
            "renewBefore": _THIRTY_DAYS,
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": ["digital signature", "server auth"],
            "issuerRef": {"name": settings.issuer, "kind": "ClusterIssuer", "group": "cert-manager.io"},
        },
    }


def _issuer(identity: Labels, name: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": _API,
        "kind": "ClusterIssuer",
        "metadata": awaited(metadata(name, None, labels(identity, name, "certificates"))),
        "spec": spec,
    }
