"""What pages may do in a browser, and what guests may see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from workloads.kit.contracts.dashboards import TENANT
from workloads.kit.contracts.declared.superset import ADMIN, ANALYSTS

GUESTS: Final = "Guests"
"""Role of who comes with a guest's token."""
ALL_ROWS: Final = frozenset({ADMIN, ANALYSTS})
"""Roles of who may ask for rows of every tenant, and so whatever he likes."""

_ROWS: Final = re.compile(rf"{TENANT} = '[^'\\]+'")


def limits_rows(token: dict[str, Any]) -> bool:
    """Whether a guest's token says whose rows its bearer may see, and says nothing else of them.

    A rule of one dataset leaves those of all others open."""
    rules = token.get("rls") or []
    return bool(rules) and all(
        rule.get("dataset") is None and _ROWS.fullmatch(str(rule.get("clause", ""))) for rule in rules
    )


def headers(embedders: Sequence[str], *, secure: bool) -> dict[str, Any]:
    """Of every answer: scripts, pictures and connections of this server alone."""
    own = ["'self'"]
    return {
        "content_security_policy": {
            "base-uri": own,
            "default-src": own,
            "img-src": [*own, "blob:", "data:"],
            "worker-src": [*own, "blob:"],
            "connect-src": own,
            "object-src": "'none'",
            # Charts are drawn with styles that they make themselves.
            "style-src": [*own, "'unsafe-inline'"],
            "script-src": [*own, "'strict-dynamic'"],
            "frame-ancestors": [*own, *embedders],
        },
        "content_security_policy_nonce_in": ["script-src"],
        "force_https": False,
        "session_cookie_secure": secure,
        "strict_transport_security": secure,
        # Of old browsers; the policy's frame-ancestors says it to all others.
        "frame_options": None if embedders else "SAMEORIGIN",
    }
