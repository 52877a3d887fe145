"""A client of Trino that asks and waits, and what is a tenant's in the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import httpx

from infra.manifests.trino_config import OWNER

OF_TENANTS: Final = ("ledger",)
"""Tables of `analytics`, in either catalogue, whose rows each belong to a tenant."""

_SECONDS: Final = 120


class Refused(Exception):
    """What Trino said instead of an answer."""


@dataclass(frozen=True)
class Client:
    """Asks as one user.

    Args:
        url: of the server.
    """

    url: str
    user: str = OWNER
    source: str = ""

    def query(self, sql: str) -> list[list[Any]]:
        """Rows of a statement.

        Raises:
            Refused: it failed.
        """
        return self.answer(sql)[0]

    def answer(self, sql: str) -> tuple[list[list[Any]], dict[str, Any]]:
        """Rows of a statement, and the last page of its answer. Raises as `query`."""
        headers = {"X-Trino-User": self.user, "X-Trino-Source": self.source}
        rows: list[list[Any]] = []
        with httpx.Client(timeout=_SECONDS) as http:
            page = http.post(f"{self.url}/v1/statement", content=sql, headers=headers).json()
            while True:
                rows += page.get("data", [])
                if "nextUri" not in page:
                    break
                page = http.get(page["nextUri"], headers=headers).json()
        if "error" in page:
            raise Refused(page["error"]["message"])
        return rows, page

    def details(self, query: str) -> dict[str, Any]:
        """What the server tells of one of this user's queries."""
        url = f"{self.url}/v1/query/{query}"
        return httpx.get(url, headers={"X-Trino-User": self.user}, timeout=_SECONDS).raise_for_status().json()
