"""The series of all partitions under watch, and the way back to what they were."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from workloads.data_quality.markets import facts_of
from workloads.data_quality.rules.finding import Finding, Point
from workloads.data_quality.rules.stale import LIVE, Rhythm
from workloads.data_quality.series import SeriesWatch
from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.messages import Provenance
from workloads.kit.periods import Resolution
from workloads.kit.records import Record


class SeriesId(NamedTuple):
    """What may be compared: values of one source, series, resolution and terms, real or not."""

    source: str
    series: str
    resolution: str
    provenance: Provenance
    terms: tuple[str, ...]


def id_of(message: Message) -> SeriesId:
    return SeriesId(message.source, message.series, message.resolution, message.provenance, message.terms)


class Found(NamedTuple):
    """A finding, and the record that tripped it."""

    record: Record[Message]
    finding: Finding


class _State:
    """One series: the rules' state, the rhythm, and what is needed to go back to the last commit."""

    def __init__(self, partition: int, watch: SeriesWatch, rhythm: Rhythm) -> None:
        self.partition = partition
        self.watch = watch
        self.rhythm = rhythm
        self.before: bytes | None = None
        """Both as of the last commit, where records came since."""
        self.since: list[Record[Message]] = []

    def take(self, record: Record[Message]) -> list[Finding]:
        message = record.value
        if message.withdrawn is not None:
            return []  # it says of no value that it is one
        arrived = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
        if message.provenance != "replay":
            self.rhythm.take(message.published_at, arrived)
        return self.watch.take(
            Point(
                message.delivery_start,
                message.delivery_end,
                message.published_at,
                message.amount,
                message.correction,
                arrived if arrived - message.published_at <= LIVE else None,
            )
        )


class Watch:
    """Findings of records in the topic's order. Records that come again are taken as if for the first time:
    until `settle`, what followed from them can be undone."""

    def __init__(self) -> None:
        self._states: dict[SeriesId, _State] = {}

    def take(self, records: Sequence[Record[Message]]) -> Iterator[Found]:
        """What the records give rise to; those of a partition are in their order."""
        for record in records:
            state = self._state(record)
            if state.since and record.offset <= state.since[-1].offset:
                self._rewind(state, record.offset)
            if state.before is None:
                state.before = pickle.dumps((state.watch, state.rhythm))
            state.since.append(record)
            try:
                found = state.take(record)
            except Exception:  # as if it never came, or it would fail again beside each that comes again
                self._rewind(state, record.offset)
                raise
            for finding in found:
                yield Found(record, finding)

    def sources(self) -> set[str]:
        """Of the series under watch."""
        return {one.source for one in self._states}

    def settle(self, partitions: Collection[int]) -> None:
        """All that was taken of these partitions is committed."""
        settled = set(partitions)
        for state in self._states.values():
            if state.before is not None and state.partition in settled:
                state.before = None
                state.since = []

    def forget(self, partitions: Collection[int]) -> None:
        """Drop the series of these partitions."""
        gone = set(partitions)
        self._states = {one: state for one, state in self._states.items() if state.partition not in gone}

    def rhythms(self) -> Mapping[SeriesId, Rhythm]:
        """When each series is published."""
        return {one: state.rhythm for one, state in list(self._states.items())}

    def _state(self, record: Record[Message]) -> _State:
        series = id_of(record.value)
        state = self._states.get(series)
        if state is None:
            watch = SeriesWatch(facts_of(record.value))
            rhythm = Rhythm(Resolution.parse(series.resolution))
            state = self._states[series] = _State(record.partition, watch, rhythm)
        return state

    def _rewind(self, state: _State, offset: int) -> None:
        """Back to before a record, by what was before all of them and those between."""
        assert state.before is not None, "records since a commit came after what was before"
        state.watch, state.rhythm = pickle.loads(state.before)  # noqa: S301  # our own, of this process
        kept = [record for record in state.since if record.offset < offset]
        state.since = kept
        for record in kept:
            state.take(record)
