"""How a request shows its credential: in the header for it, and nowhere else."""

from __future__ import annotations

import re
from typing import Final

from flask import request

from workloads.data_api.problems import Refused
from workloads.data_api.refusals import unauthorized

_LONGEST: Final = 8192
"""Characters of a credential."""

_IN_URL: Final = frozenset({"access_token", "api_key", "apikey", "authorization", "key", "token"})
_LOOKS_SECRET: Final = re.compile(
    r"ck_[0-9a-f]{12}_[0-9a-f]{16}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
)


def bearer() -> str:
    """The key or token of the request. Refused, 401, where there is none."""
    scheme, _, credential = request.headers.get("Authorization", "").strip().partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential:
        raise unauthorized("there is no bearer credential")
    if len(credential) > _LONGEST:
        raise unauthorized("the credential is not valid")
    return credential


def none_in_url() -> None:
    """A credential in an address ends in histories and logs: it is neither taken nor given back."""
    for name, value in request.args.items(multi=True):
        if name.lower() in _IN_URL or _LOOKS_SECRET.search(value) or _LOOKS_SECRET.search(name):
            break
    else:
        if not _LOOKS_SECRET.search(request.path):
            return
    raise Refused(
        400,
        "a credential is no part of an address",
        field="url",
        value=None,
        remedy="send it as the header `Authorization: Bearer …`, and rotate this one: it may be in a log",
        reason="token_in_url",
    )
