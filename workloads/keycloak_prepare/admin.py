"""Keycloak's administration, by its own API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import quote, urlencode

import structlog

ADMIN: Final = "admin"
_MASTER: Final = "/realms/master/protocol/openid-connect/token"
_TIMEOUT_SECONDS: Final = 120
_RENEW_SECONDS: Final = 30
"""How old its own token gets: Keycloak's administrators' live for a minute."""

_log: Any = structlog.get_logger(__name__)


class Refused(Exception):
    """Keycloak refused what was asked of it: what, and its own words."""


class Away(Exception):
    """Keycloak did not answer in time."""


class Admin:
    """Asks as the administrator.

    Args:
        url: at which it answers.
    """

    def __init__(self, url: str, password: str) -> None:
        self._url, self._password = url.rstrip("/"), password
        self._token, self._since = "", 0.0

    def wait(self, seconds: float) -> None:
        """Until it answers as it should: while it makes its tables, it answers 503 to everything.

        Raises:
            Away: not within `seconds`.
            Refused: it answers, and the password is not its administrator's.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._renew()
                return
            except Away as error:
                if time.monotonic() > deadline:
                    raise
                _log.info("keycloak_away", error=str(error))
                time.sleep(2)

    def get(self, *path: str, **query: str) -> Any:
        """What is there; None where nothing is."""
        return self._ask("GET", path, query=query)

    def post(self, *path: str, body: Any) -> None:
        self._ask("POST", path, body)

    def put(self, *path: str, body: Any) -> None:
        self._ask("PUT", path, body)

    def delete(self, *path: str, body: Any = None) -> None:
        self._ask("DELETE", path, body)

    def _ask(
        self, method: str, path: tuple[str, ...], body: Any = None, query: dict[str, str] | None = None
    ) -> Any:
        if time.monotonic() - self._since > _RENEW_SECONDS:
            self._renew()
        where = "/admin/realms" + "".join(f"/{quote(part, safe='')}" for part in path)
        asked = urllib.request.Request(  # noqa: S310 - where the settings say
            f"{self._url}{where}{'?' + urlencode(query) if query else ''}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            return _sent(asked)
        except urllib.error.HTTPError as error:
            if method == "GET" and error.code == 404:
                return None
            said = error.read(2000).decode(errors="replace")
            raise Refused(f"{method} {where}: {error.code} {said}") from error

    def _renew(self) -> None:
        form = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": ADMIN,
            "password": self._password,
        }
        asked = urllib.request.Request(self._url + _MASTER, urlencode(form).encode())  # noqa: S310
        try:
            self._token = _sent(asked)["access_token"]
        except urllib.error.HTTPError as error:
            if error.code in (400, 401):
                raise Refused(
                    "it does not know its administrator by the password of the stack's secrets: "
                    "one of the two was changed"
                ) from error
            raise Away(f"it answers {error.code}") from error
        self._since = time.monotonic()


def _sent(asked: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            read = answer.read()
            return json.loads(read) if read else None
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        raise Away(str(error)) from error
