"""A tenant's own dashboard within the hub: who looks is Superset's guest, with that tenant's rows alone.

The token is made here, with the key that Superset checks it by: so the hub holds no account of Superset, and
no pod asks the other.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import jwt
from flask import Blueprint, Response, jsonify

from workloads.data_api import identity
from workloads.data_api.guard import needs
from workloads.kit import scrub
from workloads.kit.contracts import dashboards

GUEST_PATH: Final = "/guest"
"""Below the hub's, of the route that gives a token."""


def address(origin: str, tenant: str) -> str:
    """Where the tenant's dashboard is shown to guests, without its title."""
    page = dashboards.identity("dashboard", dashboards.slug_of(tenant))
    return f"{origin}/embedded/{page}?uiConfig=1"


def token(key_file: Path, tenant: str, who: str) -> str:
    """Of a guest who sees this tenant's dashboard and rows.

    Args:
        key_file: read each time, so it may change.
        who: public name of the credential.
    """
    key = key_file.read_text(encoding="utf-8").strip()
    scrub.hide(key)
    now = int(time.time())
    page = dashboards.identity("dashboard", dashboards.slug_of(tenant))
    claims: dict[str, Any] = {
        "type": "guest",
        "aud": dashboards.GUEST_AUDIENCE,
        "iat": now,
        "exp": now + dashboards.GUEST_SECONDS,
        "user": {"username": who},
        "resources": [{"type": "dashboard", "id": page}],
        "rls_rules": [{"clause": dashboards.rows_of(tenant)}],
    }
    return jwt.encode(claims, key, dashboards.GUEST_ALGORITHM)


def routes(hub: Blueprint, key_file: Path) -> None:
    """Add the route by which the page gets its tokens."""

    @hub.post(GUEST_PATH)
    @needs("hub", "read", session="hub")
    def guest() -> Response:
        principal = identity.asking()
        made = token(key_file, principal.tenant, principal.key)
        response = jsonify(token=made, seconds=dashboards.GUEST_SECONDS)
        response.headers["Cache-Control"] = "no-store"
        return response
