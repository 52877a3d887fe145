"""An OpenID Connect issuer: its description and its signing keys, held for some minutes."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Final, cast
from urllib.parse import urlencode

import jwt
import structlog

from workloads.data_api.problems import Refused
from workloads.data_api.settings import OidcSettings

_log: Any = structlog.get_logger(__name__)

_DISCOVERY: Final = "/.well-known/openid-configuration"
_MOST_BYTES: Final = 1_048_576


class Issuer:
    """What it says of itself, and its keys by id; read again when old, or for a token of a new one."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._held: dict[str, jwt.PyJWK] = {}
        self._described: Mapping[str, Any] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._answered = False

    def key(self, kid: str) -> jwt.PyJWK | None:
        """The key; None where the issuer has none of this id. Refused where it was never read."""
        s = self._settings
        old = self._read_at is None or time.monotonic() - self._read_at > s.keys_seconds
        if old or kid not in self._held:
            # A flood of tokens with ids that there are not is none at the issuer.
            self._try()
        if self._read_at is None:
            raise away()
        return self._held.get(kid)

    def answers(self) -> bool:
        """Whether it answered when it was last asked, which is now or some seconds ago."""
        self._try()
        return self._answered

    def endpoint(self, name: str) -> str:
        """An address of its description. Refused where it was never read or has none."""
        if (url := self._described.get(name)) is None:
            raise away()
        return str(url)

    def exchanged(self, form: Mapping[str, str]) -> dict[str, Any]:
        """What its token endpoint gives for a form. Refused where it does not answer.

        Raises:
            ValueError: it refuses.
        """
        url = self._settings.checked(self.endpoint("token_endpoint"))
        try:
            return self._sent(urllib.request.Request(url, urlencode(form).encode()))  # noqa: S310
        except urllib.error.HTTPError as error:
            if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                _log.warning("issuer.away", issuer=self._settings.issuer, error=str(error))
                raise away() from error
            raise ValueError(f"{error.code} {error.read(500).decode(errors='replace')}") from error
        except (OSError, HTTPException) as error:
            _log.warning("issuer.away", issuer=self._settings.issuer, error=str(error))
            raise away() from error

    def _try(self) -> None:
        with self._lock:
            now, rest = time.monotonic(), self._settings.rest_seconds
            if self._tried_at is None or now - self._tried_at > rest:
                self._tried_at = now
                self._answered = self._read()

    def _read(self) -> bool:
        s = self._settings
        try:
            url, described = s.keys_url, dict[str, Any]()
            if url is None or s.client_id is not None:
                described = self._get(f"{s.at}{_DISCOVERY}")
                if described.get("issuer") != s.issuer:
                    raise ValueError(f"it calls itself {described.get('issuer')!r}")
            found = self._get(url or s.checked(str(described["jwks_uri"])))["keys"]
        except (OSError, HTTPException, ValueError, LookupError) as error:
            _log.warning("issuer.away", issuer=s.issuer, error=str(error))
            return False
        keys: dict[str, jwt.PyJWK] = {}
        for one in found:
            try:
                if one.get("use", "sig") == "sig":
                    keys[str(one["kid"])] = jwt.PyJWK(one)
            except (jwt.PyJWTError, LookupError) as error:  # of a kind that is not known here
                _log.info("issuer.key_left_out", error=str(error))
        self._held, self._described, self._read_at = keys, described, time.monotonic()
        return True

    def _get(self, url: str) -> dict[str, Any]:
        return self._sent(urllib.request.Request(url))  # noqa: S310 - an address that was checked

    def _sent(self, asked: urllib.request.Request) -> dict[str, Any]:
        with _OPENER.open(asked, timeout=self._settings.timeout_seconds) as answer:
            read: Any = json.loads(answer.read(_MOST_BYTES))
        if not isinstance(read, dict):
            raise ValueError(f"{asked.full_url} is no JSON object")
        return cast("dict[str, Any]", read)


def away() -> Refused:
    """503: nobody can say now whether a token is good, or sign in."""
    return Refused(
        503,
        "the identity provider does not answer",
        field="Authorization",
        value=None,
        remedy="ask again after Retry-After, or with an API key",
        reason="issuer",
    )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What an issuer has is where it says, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirect)
