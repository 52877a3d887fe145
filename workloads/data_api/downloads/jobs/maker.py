"""Makes the file of a job: rows as the database sends them, in their form, into the place of files.

Nothing is held whole. What the tenant is entitled to is looked up anew when a job begins; row security says
the same of each row.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from workloads.data_api import identity
from workloads.data_api.downloads.jobs.place import Place, PlaceAway
from workloads.data_api.downloads.jobs.queue import Claim, Lost, Made, Queue
from workloads.data_api.downloads.jobs.settings import WorkerSettings
from workloads.data_api.downloads.making import blocks_of, made
from workloads.data_api.downloads.question import FileQuery, asked
from workloads.data_api.guard import entitled, rows_since
from workloads.data_api.identity import Principal
from workloads.data_api.limits import Limits
from workloads.data_api.problems import Refused
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store, StoreAway, StoreBusy, StoreSlow

_MOST_REST: Final = timedelta(minutes=5)
_UNKNOWN_SECONDS: Final = 1.0
"""Between two questions whether what was said counts."""

_log: Any = structlog.get_logger(__name__)


class Ending(Exception):
    """This process is to end."""


class Maker:
    """Args:
    limits: where rows are counted for all; their record is the database's.
    ending: set when this process is to end: the job in hand is given back.
    """

    def __init__(
        self,
        store: Store,
        place: Place,
        queue: Queue,
        limits: Limits,
        api: DataApiSettings,
        settings: WorkerSettings,
        ending: threading.Event,
    ) -> None:
        self._store, self._place, self._queue, self._limits = store, place, queue, limits
        self._api, self._settings, self._ending = api, settings, ending

    def do(self, claim: Claim) -> None:
        """Make the file, or say why there is none.

        Raises:
            StoreAway, StoreBusy, StoreSlow: it could not be said; the job's time runs out, and it is begun
                anew.
        """
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(tenant=claim.tenant, job=str(claim.id), attempt=claim.attempt)
        try:
            self._do(claim)
        except Lost:
            _log.warning("job.lost")
        except Ending:
            self._settle(lambda: self._queue.again(claim, None, timedelta(0)))
            _log.info("job.given_back")
        except Refused as refused:
            fault = refused.faults[0]
            self._settle(lambda: self._queue.failed(claim, f"{fault.detail}: {fault.remedy}"))
            _log.info("job.refused", reason=refused.reason)
        except PlaceAway as error:
            self._again(claim, "the place of files does not answer", error)
        except (StoreAway, StoreBusy) as error:
            self._again(claim, "the database does not answer", error)
        except StoreSlow as error:
            # An hour each, and others wait: what did not end twice does not end.
            self._again(claim, "the database did not finish in its time", error, most=2)
        except Exception as error:
            self._again(claim, "internal error", error)
        finally:
            identity.admit(None)

    def _do(self, claim: Claim) -> None:
        principal, job = self._queue.opened(claim)
        if principal is None:
            raise Refused(
                403,
                "its tenant is no longer one",
                field="tenant",
                value=claim.tenant,
                remedy="ask those who run the platform",
                reason="product",
            )
        identity.admit(principal)
        if claim.failures >= self._settings.job_attempts:
            self._queue.failed(claim, "its makers ended before it did, time and again: ask for less at once")
            return
        entitled(principal, "downloads")
        self._within_month(principal)
        query = FileQuery(**job["question"], as_of=job["as_of"])
        there = self._written(claim, query)
        try:
            self._say_done(claim, principal, there)
        except Lost:
            self._place.remove(there.place)
            raise
        self._limits.add(principal, there.rows)
        _log.info("job.done", rows=there.rows, bytes=there.size)
        self._remove_others(claim, there)

    def _written(self, claim: Claim, query: FileQuery) -> Made:
        values = asked(query, identity.newest())
        file, statement = made(query, values, self._api, named=True)
        name, digest, rows, size = f"{claim.id}/{claim.attempt}", hashlib.sha256(), 0, 0
        source = self._store.copied(statement, values, self._settings.job_seconds)
        beats = _Beats(self._queue, claim, self._settings.job_beat_seconds)
        with beats, self._place.written(name) as out:
            try:
                for block in blocks_of(query.format)(source, file):
                    self._write(out, block.data)
                    digest.update(block.data)
                    rows += block.rows
                    size += len(block.data)
                    beats.told(rows, size)
                    if self._ending.is_set():
                        raise Ending
            finally:
                source.close()
        return Made(place=name, rows=rows, size=size, digest=digest.hexdigest())

    def _write(self, out: Any, data: bytes) -> None:
        try:
            out.write(data)
        except OSError as error:
            raise PlaceAway(f"{type(error).__name__}: {error}") from error

    def _say_done(self, claim: Claim, principal: Principal, there: Made) -> None:
        keep = timedelta(hours=self._api.job_hours)
        self._settle(lambda: self._queue.done(claim, principal.key, there, keep))

    def _again(self, claim: Claim, what: str, error: Exception, most: int | None = None) -> None:
        if claim.failures + 1 >= (most or self._settings.job_attempts):
            told, after = f"{what}: ask for it again", None
        else:
            rest = timedelta(seconds=self._settings.job_rest_seconds) * 2**claim.failures
            told, after = f"{what}: it is begun again", min(rest, _MOST_REST)
        _log.warning("job.broke_off", error=f"{type(error).__name__}: {error}", ends=after is None)
        try:
            if after is None:
                self._settle(lambda: self._queue.failed(claim, told))
            else:
                self._settle(lambda: self._queue.again(claim, told, after))
        except Lost:
            _log.warning("job.lost")

    def _settle(self, say: Callable[[], None]) -> None:
        """Say it until it is known to count, for as long as the job is one's own at least."""
        until = time.monotonic() + self._settings.job_lease_seconds
        while True:
            try:
                say()
                return
            except (StoreAway, StoreBusy, StoreSlow):
                if time.monotonic() >= until:
                    raise
                time.sleep(_UNKNOWN_SECONDS)

    def _within_month(self, principal: Principal) -> None:
        most = principal.entitlement.rows_per_month
        month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        if most is not None and rows_since(self._store, principal.tenant, month) >= most:
            raise Refused(
                429,
                f"tenant {principal.tenant} has got its {most} rows of this month",
                field="rows_per_month",
                value=str(most),
                remedy="ask those who run the platform for more",
                reason="limit",
            )

    def _remove_others(self, claim: Claim, there: Made) -> None:
        """What earlier attempts left, of which nobody is told."""
        try:
            for name in self._place.names(str(claim.id)):
                if name != there.place:
                    self._place.remove(name)
        except PlaceAway as error:
            _log.warning("job.left", error=str(error))  # it goes with the job


class _Beats:
    """Says from a thread of its own how far a job is, so that none but its maker's end ends its time."""

    def __init__(self, queue: Queue, claim: Claim, seconds: float) -> None:
        self._queue, self._claim, self._seconds = queue, claim, seconds
        self._rows = self._size = 0
        self._lost = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beats", daemon=True)

    def told(self, rows: int, size: int) -> None:
        """It is so far now. Lost where it is no longer one's own."""
        self._rows, self._size = rows, size
        if self._lost:
            raise Lost

    def _run(self) -> None:
        self._queue.enter(self._claim.tenant)
        while not self._over.wait(self._seconds):
            try:
                self._queue.beat(self._claim, self._rows, self._size)
            except Lost:
                self._lost = True
                return
            except (StoreAway, StoreBusy, StoreSlow) as error:
                _log.warning("job.unheard", error=str(error))

    def __enter__(self) -> _Beats:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
