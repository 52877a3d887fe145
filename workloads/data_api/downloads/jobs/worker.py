"""Takes one job after the other until it is told to end, and removes what has had its time."""

from __future__ import annotations

import signal
import threading
import time
from datetime import timedelta
from typing import Any

import structlog

from workloads.data_api import identity
from workloads.data_api.downloads.jobs.maker import Maker
from workloads.data_api.downloads.jobs.place import Place, PlaceAway
from workloads.data_api.downloads.jobs.queue import Lost, Queue
from workloads.data_api.downloads.jobs.settings import WorkerSettings
from workloads.data_api.guard import rows_since
from workloads.data_api.limits import Limits
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store, StoreAway, StoreBusy, StoreSlow
from workloads.kit import health, log, redis_client
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.data_api import DOWNLOAD_WORKER
from workloads.kit.settings import load

_log: Any = structlog.get_logger(__name__)

_SILENT_SECONDS = 600.0
"""How long the database may give nothing of a file before its first row: some are sorted first."""


def main() -> int:
    """Until SIGTERM; 2 on a bad setting."""
    log.configure(DOWNLOAD_WORKER.name)
    api, settings = load(DataApiSettings, download_patience_seconds=_SILENT_SECONDS), load(WorkerSettings)
    if api.downloads_location is None:
        _log.error("jobs.nowhere", remedy=f"set {env.DOWNLOADS_LOCATION} to where files are kept")
        return 2
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    store = Store(api)
    try:
        place = Place(api.downloads_location, api)
        worker = Worker(store, place, api, settings, ending)
        with health.serve(settings.metrics_port, worker.ready):
            worker.run()
    finally:
        store.close()
    return 0


class Worker:
    """Args:
    ending: set when it is to end.
    """

    def __init__(
        self,
        store: Store,
        place: Place,
        api: DataApiSettings,
        settings: WorkerSettings,
        ending: threading.Event,
    ) -> None:
        self._place, self._settings, self._ending = place, settings, ending
        self._queue = Queue(store, timedelta(seconds=settings.job_lease_seconds))
        self._kept = timedelta(hours=api.job_hours)

        def used(tenant: str, since: Any) -> int:
            return rows_since(store, tenant, since)

        limits = Limits(redis_client.of(api), used)
        self._maker = Maker(store, place, self._queue, limits, api, settings, ending)
        self._cleaned = float("-inf")
        self._away: str | None = None

    def ready(self) -> tuple[bool, str]:
        """Whether jobs can be taken."""
        return self._away is None, self._away or "ok"

    def run(self) -> None:
        """Take jobs until the end."""
        while not self._ending.is_set():
            if not self._step():
                self._ending.wait(self._settings.job_poll_seconds)

    def _step(self) -> bool:
        """Whether there was something to do."""
        try:
            if time.monotonic() - self._cleaned >= self._settings.job_clean_seconds:
                self._cleaned = time.monotonic()
                self._clean()
            claim = self._queue.claim()
            self._away = None
            if claim is None:
                return False
            self._maker.do(claim)
            return True
        except Lost:
            # What was to be said of a job counts no more: it was taken back, or taken by another.
            _log.warning("job.lost")
            return True
        except (StoreAway, StoreBusy, StoreSlow) as error:
            self._away = f"the database does not answer: {error}"
            _log.warning("jobs.away", error=str(error))
            return False

    def _clean(self) -> None:
        try:
            for job, tenant in self._queue.ended(self._kept):
                self._place.clear(str(job))
                self._queue.clear(job, tenant)
                _log.info("job.cleared", job=str(job), tenant=tenant)
        except PlaceAway as error:
            _log.warning("jobs.uncleared", error=str(error))
        finally:
            identity.admit(None)
