"""Staleness, by the clock: a source that is silent sends no message that could say so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final

import structlog

from workloads.data_quality import metrics
from workloads.data_quality.alerts import alert
from workloads.data_quality.rules.finding import Finding
from workloads.data_quality.rules.stale import Rhythm, overdue
from workloads.data_quality.watch import SeriesId
from workloads.kit.contracts.quality import QualityAlert

_log = structlog.get_logger(__name__)

Tell = Callable[[Sequence[QualityAlert]], None]
"""Stores and publishes those alerts that were not told before."""

_JOIN_SECONDS: Final = 10.0


def stale(
    topic: str, rhythms: Mapping[SeriesId, Rhythm], now: datetime
) -> tuple[dict[str, timedelta], list[QualityAlert]]:
    """What is overdue: by how much, of each source (0 where nothing is), and an alert a series.

    Of a series in several resolutions only the one that was published last is waited for: a market that goes
    from hours to quarters has no more hours.
    """
    newest: dict[SeriesId, datetime] = {}
    for series, rhythm in rhythms.items():
        if (last := rhythm.last()) is not None:
            newest[_any_length(series)] = max(last, newest.get(_any_length(series), last))
    late: dict[str, timedelta] = {}
    alerts: list[QualityAlert] = []
    for series, rhythm in rhythms.items():
        due, last = rhythm.due(), rhythm.last()
        by = overdue(due, now) if last == newest.get(_any_length(series)) else None
        late[series.source] = max(late.get(series.source, timedelta(0)), by or timedelta(0))
        if by is None or due is None or last is None:
            continue
        finding = Finding(
            "stale",
            last,
            due,
            0,
            None,
            f"the next publication here by {due:%Y-%m-%dT%H:%MZ}",
            f"nothing since the one of {last:%Y-%m-%dT%H:%MZ}",
            "see whether its source still publishes and the pipeline runs; run it again once both do",
        )
        alerts.append(alert(topic, series, finding, last, now))
    return late, alerts


def _any_length(series: SeriesId) -> SeriesId:
    return series._replace(resolution="")


class Clock:
    """Looks every `seconds`, in a thread of its own, until closed.

    A look that fails (the database or the brokers are away) is logged and made up for by the next one.
    """

    def __init__(
        self,
        topic: str,
        rhythms: Callable[[], Mapping[SeriesId, Rhythm] | None],
        tell: Tell,
        seconds: float,
    ) -> None:
        self._topic = topic
        self._rhythms = rhythms
        self._tell = tell
        self._seconds = seconds
        self._told: set[str] = set()
        self._sources: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def __enter__(self) -> Clock:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(_JOIN_SECONDS)

    def look(self, now: datetime) -> None:
        """Set the gauges and tell of what is newly overdue."""
        rhythms = self._rhythms()
        if rhythms is None:
            return
        late, alerts = stale(self._topic, rhythms, now)
        for gone in self._sources - late.keys():  # another member has its partition now
            metrics.OVERDUE.remove(gone)
        for source, by in late.items():
            metrics.OVERDUE.labels(source).set(by.total_seconds())
        self._sources = set(late)
        new = [one for one in alerts if one.id not in self._told]
        if new:
            self._tell(new)
        self._told = {one.id for one in alerts}

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            try:
                self.look(datetime.now(UTC))
            except Exception as error:
                _log.warning("clock_failed", error=f"{type(error).__name__}: {error}")
