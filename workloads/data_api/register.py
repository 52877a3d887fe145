"""Keys and entitlements, as the database had them a moment ago.

All are read at once, so that a request costs no question: an unknown key is answered as fast as a known one,
and no flood of them reaches the database. A change of them holds after `seconds`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from psycopg import sql

from workloads.data_api.keys import Key
from workloads.data_api.store import Store, StoreAway, StoreBusy, StoreSlow
from workloads.kit.contracts.entitlements import Entitlement
from workloads.kit.contracts.tables import API_KEYS, ENTITLEMENTS, SCHEMA

_log: Any = structlog.get_logger(__name__)

# An expired key is told that it is, for a while.
_KEYS: Final = sql.SQL(
    "SELECT id, tenant_id, digest, scopes, expires_at, revoked_at, requests_per_minute FROM {}"
    " WHERE expires_at > now() - interval '90 days'"
).format(sql.Identifier(SCHEMA, API_KEYS))

_ENTITLEMENTS: Final = sql.SQL("SELECT tenant_id, {} FROM {}").format(
    sql.SQL(", ").join(map(sql.Identifier, Entitlement.model_fields)), sql.Identifier(SCHEMA, ENTITLEMENTS)
)


@dataclass(frozen=True, slots=True)
class Known:
    """Keys by id, entitlements by tenant."""

    keys: Mapping[str, Key]
    entitlements: Mapping[str, Entitlement]


class Register:
    """The last reading. A request reads anew when it is older than `seconds`; others take what there is.

    Args:
        seconds: how old it may be.
        most_seconds: how old while the database is away: then nobody is let in, for a key may be revoked.
        wait_seconds: how long a request waits for another's reading, where there is none.
    """

    def __init__(self, store: Store, *, seconds: float, most_seconds: float, wait_seconds: float) -> None:
        self._store, self._seconds, self._most, self._wait = store, seconds, most_seconds, wait_seconds
        self._reading = threading.Lock()
        self._held: tuple[float, Known] | None = None
        self._tried = 0.0

    def known(self) -> Known:
        """As `Store.rows` raises, where there is no reading that is new enough."""
        held = self._usable()
        if held is not None and self._rests():
            return held
        if not self._reading.acquire(timeout=self._wait if held is None else 0):
            if held is None:
                raise StoreBusy("keys and entitlements are being read")
            return held
        try:
            held = self._usable()
            return held if held is not None and self._rests() else self._read()
        except (StoreAway, StoreBusy, StoreSlow) as error:
            if held is None:
                raise
            _log.warning("access.stale", error=str(error))
            return held
        finally:
            self._reading.release()

    def _usable(self) -> Known | None:
        held = self._held
        return held[1] if held is not None and time.monotonic() - held[0] < self._most else None

    def _rests(self) -> bool:
        # After a failure, too: not every request has to wait for the same.
        return time.monotonic() - self._tried < self._seconds

    def _read(self) -> Known:
        self._tried = started = time.monotonic()
        keys = {
            row["id"]: Key(
                id=row["id"],
                tenant=row["tenant_id"],
                digest=bytes(row["digest"]),
                scopes=frozenset(row["scopes"]),
                expires_at=row["expires_at"],
                revoked_at=row["revoked_at"],
                requests_per_minute=row["requests_per_minute"],
            )
            for row in self._store.rows(_KEYS, {})
        }
        entitlements = {
            row.pop("tenant_id"): Entitlement.model_validate(row)
            for row in self._store.rows(_ENTITLEMENTS, {})
        }
        known = Known(keys, entitlements)
        self._held = (started, known)
        return known
