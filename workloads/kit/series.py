"""The prices of one series in event order, as of every record of the topic.

A series is what may be compared: prices of one symbol, resolution, currency and unit. A session is one
delivery start of it; the revision with the newest `published_at` holds, the later in the topic where two have
the same. After a record is applied, a series is what was known **at that record's
offset**: which windows follow from a record depends on the topic alone, not on how it was cut into batches,
on restarts or on replays.

A session whose price was withdrawn is none: windows reach over it, until a price of it is published again.
It is remembered all the same, with a price that is no number, so that what is older than the withdrawal does
not bring it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from workloads.kit.revisions import Micros, Revisions, Rows
from workloads.kit.windows import Floats

HISTORY: Final = 750
"""Sessions a series remembers unless told otherwise, beside those that a window reaches back: three years of
daily prices, a month of hourly ones, and some 60 kB a symbol (decision 0029)."""


@dataclass(frozen=True, slots=True)
class Change:
    """Input rows `row`, `row + 1`… are now the sessions from `start` up to, not including, `stop`.

    Nothing where the row is older than all that the series remembers. Of several revisions taken together,
    `start` and `stop` go round them all, and those between may be as they were. Where a session was withdrawn
    `start` and `stop` are both the one after it.
    """

    row: int
    start: int
    stop: int
    revised: Sequence[tuple[int, float | None]] = ()
    """Events of the sessions that got another price, and what it was before; None of those that came late or
    were withdrawn. In the order in which it happened; empty where sessions were added at the end."""

    @property
    def is_nothing(self) -> bool:
        return self.start == self.stop and not self.revised


class Series:
    """The sessions of one series, at most about `history` + `margin` of them, and what may still be undone.

    A row more than `history` sessions old changes nothing; `margin` is how many sessions before such a one
    its window may still reach.

    One that comes late pushes another out of the windows after it, which may have become known later than it:
    what was said of those windows is of that time. So what follows from it is `known` no earlier than any of
    the `margin` sessions before it, and what is said last of a session is what holds.
    """

    def __init__(self, history: int, margin: int) -> None:
        self._history = history
        self._margin = margin
        self._keep = history + margin
        self._sessions = Rows()
        self._steps: list[_Step] = []

    @property
    def sessions(self) -> Revisions:
        """The revision that holds for each session, oldest first; valid until the series changes."""
        held = self._sessions.live
        withdrawn = np.isnan(held["price"])
        if not withdrawn.any():
            return held
        # What follows from the session after a withdrawn one is not known before the withdrawal is: the
        # windows that the one was in are those that the other is in.
        shown = held.copy()
        for at in np.flatnonzero(withdrawn[:-1]):
            shown["known"][at + 1] = max(shown["known"][at], shown["known"][at + 1])
        return shown[~withdrawn]

    @property
    def kept(self) -> Revisions:
        """The sessions that anything may still follow from, and those withdrawn among them: a series that is
        `given` them goes on as this."""
        return self._sessions.live[self._last(self._keep) :]

    def given(self, sessions: Revisions) -> None:
        """Be what another was that had them `kept`."""
        self._sessions.replace(sessions)
        self._steps.clear()

    @property
    def steps(self) -> int:
        """Changes that may still be undone."""
        return len(self._steps)

    def prices(self, start: int, stop: int) -> Floats:
        """Prices of the sessions from `start` (cut off at the first) to `stop`, contiguous, oldest first."""
        return np.ascontiguousarray(self.sessions["price"][max(start, 0) : stop])

    def apply(self, rows: Revisions, *, together: bool = False) -> Iterator[Change]:
        """Take in rows in topic order, one change after the other: each is the state as of its last row.

        A row that repeats what holds, or has an older `published_at`, changes nothing and is left out. A row
        whose price is no number withdraws its session.

        Args:
            together: revisions of neighbouring sessions that are known from one instant on, as a restated day
                is, are one change, and so are such that came late. What follows from each of them would have
                that instant, too, so that the last one's holds.
        """
        for change in self._changes(rows, together):
            yield self._among_those_that_hold(change)

    def _changes(self, rows: Revisions, together: bool) -> Iterator[Change]:
        """With `start` and `stop` counted among all that are remembered."""
        events: Micros = rows["event"]
        withdraws = np.isnan(rows["price"])
        breaks = [
            *(np.flatnonzero((events[1:] <= events[:-1]) | withdraws[1:] | withdraws[:-1]) + 1).tolist(),
            len(rows),
        ]
        row = 0
        for stop in breaks:
            pending: Change | None = None
            while row < stop and not self._is_newest(int(events[row])):
                place = self._place(rows[row])
                if pending is not None and not self._neighbours(pending, place, rows[row]):
                    yield pending
                    pending = None
                change = self._revise(row, rows[row], place)
                if change is not None:
                    if pending is not None and change.stop:
                        pending = _joined(pending, change)
                    elif together and change.stop:
                        pending = change
                    else:
                        yield change
                row += 1
            if pending is not None:
                yield pending
            if row < stop:
                start = self._sessions.size
                self._sessions.insert(start, rows[row:stop])
                self._steps.append(_Step(int(rows["offset"][stop - 1]), start, stop - row, None))
                if not withdraws[row]:
                    yield Change(row, start, self._sessions.size)
                row = stop

    def rewind(self, offset: int) -> None:
        """Forget what the records at and after `offset` did."""
        steps = self._steps
        while steps and steps[-1].offset >= offset:
            step = steps.pop()
            if step.was is not None:
                self._sessions.live[step.at] = step.was
                continue
            offsets: Micros = self._sessions.live["offset"][step.at : step.at + step.added]
            kept = int(np.searchsorted(offsets, offset))
            if kept:
                steps.append(_Step(int(offsets[kept - 1]), step.at, kept, None))
            self._sessions.remove(step.at + kept, step.at + step.added)

    def trim(self) -> None:
        """Let go of sessions beyond the history, and of what could be undone: no later `rewind` may reach an
        offset that was applied before."""
        self._steps.clear()
        excess = self._last(self._keep)
        if excess > self._keep // 8:
            self._sessions.replace(self._sessions.live[excess:].copy())

    def _among_those_that_hold(self, change: Change) -> Change:
        withdrawn = np.flatnonzero(np.isnan(self._sessions.live["price"][: change.stop]))
        if not len(withdrawn):
            return change
        start = change.start - int(np.searchsorted(withdrawn, change.start))
        return Change(change.row, start, change.stop - len(withdrawn), change.revised)

    def _last(self, count: int, stop: int | None = None) -> int:
        """Where the last `count` sessions before `stop` begin that were not withdrawn."""
        prices: Floats = self._sessions.live["price"][:stop]
        if not np.isnan(prices[-count:]).any():
            return max(len(prices) - count, 0)
        hold = np.flatnonzero(~np.isnan(prices))
        return int(hold[-count]) if len(hold) >= count else 0

    def _is_newest(self, event: int) -> bool:
        return not self._sessions.size or event > int(self._sessions.live["event"][-1])

    def _place(self, revision: Any) -> _Place:
        sessions = self._sessions.live
        events: Micros = sessions["event"]
        event, known = int(revision["event"]), int(revision["available"])
        at = int(np.searchsorted(events, event))
        if at < len(events) and events[at] == event:
            return _Place(at, True, max(known, int(sessions["known"][at])))
        before: Micros = sessions["known"][self._last(self._margin, at) : at]
        return _Place(at, False, max(known, int(before.max())) if len(before) else known)

    def _neighbours(self, pending: Change, place: _Place, revision: Any) -> bool:
        prices: Floats = self._sessions.live["price"]
        if np.isnan([revision["price"], *prices[pending.start : pending.stop]]).any():
            return False
        if place.held and np.isnan(prices[place.at]):
            return False
        late = pending.revised[0][1] is None
        if late == place.held or self._known(pending) != place.known:
            return False
        return pending.start - self._margin <= place.at <= pending.stop + self._margin

    def _known(self, change: Change) -> int:
        """Of the first session of a change."""
        sessions = self._sessions.live
        return int(sessions["known"][np.searchsorted(sessions["event"], change.revised[0][0])])

    def _revise(self, row: int, revision: Any, place: _Place) -> Change | None:
        sessions = self._sessions.live
        event, at = int(revision["event"]), place.at
        if (first := self._last(self._history)) and event < sessions["event"][first]:
            return Change(row, 0, 0)
        was: float | None = None
        revision = revision.copy()
        revision["known"] = place.known
        if place.held:
            held = sessions[at]
            same = all(held[name] == revision[name] for name in ("available", "price", "origin"))
            if same or revision["available"] < held["available"]:
                return None
            was_none = bool(np.isnan(held["price"]))
            if not was_none and not np.isnan(revision["price"]):
                was = float(held["price"])
            self._steps.append(_Step(int(revision["offset"]), at, 0, held.copy()))
            sessions[at] = revision
        else:
            self._sessions.insert(at, revision)
            was_none = True
            self._steps.append(_Step(int(revision["offset"]), at, 1, None))
        if was_none and np.isnan(revision["price"]):
            return None
        return Change(row, at, at + 1, ((event, was),))


class _Place(NamedTuple):
    """Where a revision belongs among the sessions, whether one is `held` there, and as of when what follows
    from it is `known`."""

    at: int
    held: bool
    known: int


class _Step(NamedTuple):
    """What the records up to `offset` did: `added` sessions came in `at`, or the one there `was` another."""

    offset: int
    at: int
    added: int
    was: Any


def _joined(one: Change, other: Change) -> Change:
    """Both, where the sessions of `one` are numbered as they were before `other`, which is of one session and
    likewise late or not."""
    [(_, was)] = other.revised
    moved = 1 if was is None else 0
    start = one.start + (moved if other.start <= one.start else 0)
    stop = one.stop + (moved if other.start < one.stop else 0)
    revised = (*one.revised, *other.revised)
    return Change(one.row, min(start, other.start), max(stop, other.stop), revised)
