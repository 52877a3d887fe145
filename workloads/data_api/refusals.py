"""How it is told that nobody knows who asks."""

from __future__ import annotations

from typing import Final

from workloads.data_api.problems import Refused

_REALM: Final = 'Bearer realm="carbon-platform"'


def unauthorized(detail: str) -> Refused:
    """401. What is wrong is told only where the credential was proven to be its holder's."""
    return _refused(detail, "send the header `Authorization: Bearer <key or access token>`", "invalid_token")


def second_factor() -> Refused:
    """401 of an administrator who signed in without a second factor (RFC 9470)."""
    return _refused(
        "administrators sign in with a second factor",
        "sign in again with a second factor",
        "insufficient_user_authentication",
    )


def _refused(detail: str, remedy: str, error: str) -> Refused:
    return Refused(
        401,
        detail,
        field="Authorization",
        value=None,
        remedy=remedy,
        reason="unauthorized",
        headers={"WWW-Authenticate": f'{_REALM}, error="{error}"'},
    )
