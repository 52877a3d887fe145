"""What was used, by hour, tenant, credential and product, and what was refused to whom: written in batches.

Each worker process is a writer with figures of its own that only grow, and it writes them whole: what is
written twice, because nobody knows whether the first time counted, is the same. A request is counted in one
process once. What a killed process (SIGKILL) had not written is lost: that of the last seconds.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from psycopg.types.json import Jsonb

from workloads.kit import db
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.entitlements import Product
from workloads.kit.contracts.tables import ACCESS_EVENTS, API_USAGE
from workloads.kit.records import Transient
from workloads.kit.settings import PostgresSettings

_log: Any = structlog.get_logger(__name__)

_CLOSING_SECONDS: Final = 5.0
_MOST_REFUSALS: Final = 2_000
"""Kinds of refusals that are kept until they are written; more of a minute are counted as one kind."""

_WRITE: Final = (
    f"INSERT INTO {API_USAGE} AS held (tenant_id, hour, key_id, product, writer, requests, row_count, bytes)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, hour, key_id, product, writer)"
    " DO UPDATE SET requests = greatest(held.requests, excluded.requests),"
    " row_count = greatest(held.row_count, excluded.row_count), bytes = greatest(held.bytes, excluded.bytes)"
)
_REFUSED: Final = (
    f"INSERT INTO {ACCESS_EVENTS} (id, at, tenant_id, actor, action, subject, reason, detail)"
    " VALUES (%s, %s, %s, %s, 'access.refuse', %s, %s, %s) ON CONFLICT (id) DO NOTHING"
)


@dataclass(slots=True)
class _Used:
    requests: int = 0
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Args:
    tenant, actor: where they are known.
    """

    tenant: str | None
    actor: str
    subject: str
    reason: str


class Usage:
    """Counts in memory; from the first count on a thread writes what has changed, every `seconds`."""

    def __init__(self, settings: PostgresSettings, *, seconds: float) -> None:
        self._database = db.Database(settings, application_name=f"{DATA_API.name}-usage")
        self._seconds = seconds
        self._writer = uuid.uuid4()
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._used: dict[tuple[str, datetime, str, Product], _Used] = {}
        self._changed: set[tuple[str, datetime, str, Product]] = set()
        self._refused: dict[tuple[datetime, Refusal], int] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def count(
        self, tenant: str, key: str, product: Product, *, rows: int, size: int, requests: int = 1
    ) -> None:
        """A request that was answered, its rows and its bytes."""
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        with self._lock:
            place = (tenant, hour, key, product)
            used = self._used.setdefault(place, _Used())
            used.requests += requests
            used.rows += rows
            used.bytes += size
            self._changed.add(place)
            self._begin()

    def refuse(self, refusal: Refusal) -> None:
        """A request that was not let in."""
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        with self._lock:
            place = (minute, refusal)
            if place not in self._refused and len(self._refused) >= _MOST_REFUSALS:
                place = (minute, Refusal(None, "many", "many", refusal.reason))
            self._refused[place] = self._refused.get(place, 0) + 1
            self._begin()

    def write(self, *, all_: bool = False) -> None:
        """Write what has changed.

        Args:
            all_: refusals of the minute that is not over, too.

        Raises:
            Transient: the database is away; what was to be written is still kept.
        """
        with self._writing:
            now = datetime.now(UTC)
            with self._lock:
                changed = {place: self._copy(place) for place in self._changed}
                minute = now.replace(second=0, microsecond=0)
                refused = {at: n for at, n in self._refused.items() if all_ or at[0] < minute}
            if not changed and not refused:
                return
            with self._database.transaction() as connection, connection.cursor() as cursor:
                cursor.executemany(_WRITE, [self._row(*one) for one in changed.items()])
                cursor.executemany(_REFUSED, [self._event(*one) for one in refused.items()])
            hour = now.replace(minute=0, second=0, microsecond=0)
            with self._lock:
                for place, was in changed.items():
                    if self._used[place] == was:
                        self._changed.discard(place)
                        if place[1] < hour:
                            del self._used[place]
                for at in refused:
                    self._refused.pop(at, None)

    def close(self) -> None:
        """Write what is left, for some seconds if need be; what cannot be written is logged whole."""
        self._ending.set()
        deadline = time.monotonic() + _CLOSING_SECONDS
        while True:
            try:
                self.write(all_=True)
                break
            except Transient as error:
                if time.monotonic() > deadline:
                    self._tell(str(error))
                    break
                time.sleep(0.2)
        self._database.close()

    def _copy(self, place: tuple[str, datetime, str, Product]) -> _Used:
        used = self._used[place]
        return _Used(used.requests, used.rows, used.bytes)

    def _row(self, place: tuple[str, datetime, str, Product], used: _Used) -> tuple[Any, ...]:
        tenant, hour, key, product = place
        return (tenant, hour, key, product, self._writer, used.requests, used.rows, used.bytes)

    def _event(self, at: tuple[datetime, Refusal], count: int) -> tuple[Any, ...]:
        minute, one = at
        event_id = uuid.uuid5(self._writer, repr((minute.isoformat(), one)))
        detail: Mapping[str, int] = {"requests": count}
        return (event_id, minute, one.tenant, one.actor, one.subject, one.reason, Jsonb(detail))

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            try:
                self.write()
            except Transient as error:
                _log.warning("usage.unwritten", error=str(error))
            except Exception:
                _log.exception("usage.failed")

    def _tell(self, error: str) -> None:
        with self._lock:
            for (tenant, hour, key, product), used in self._used.items():
                _log.error(
                    "usage.lost",
                    error=error,
                    writer=str(self._writer),
                    tenant=tenant,
                    hour=hour.isoformat(),
                    key_id=key,
                    product=product,
                    requests=used.requests,
                    rows=used.rows,
                    bytes=used.bytes,
                )
