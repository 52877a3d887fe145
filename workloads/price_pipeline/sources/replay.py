"""The withheld years of file sources, mapped onto today and on from there, a step each interval.

Steps are the true dates of the first source. A price of another source goes out with the first step at or
after its true date (a second one of its symbol with the step after it); those later than the last step follow
as steps of their own. Step k is delivered from start + k * interval, for an interval. Where a replay stands
is read from the topic: the newest replayed price there says which step it was and when, and the next ones
follow from it, so that a restart repeats and skips nothing and a changed interval holds from then on.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workloads.kit.contracts.messages import INSTANT, Price
from workloads.kit.contracts.sources.kinds import replay_name
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError

Place = tuple[str, str, datetime]
"""Source, symbol and true date of a replayed price."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A replayed price on the topic: whose and of which true date, and the delivery start it got."""

    source: str
    symbol: str
    replayed_from: datetime
    delivery_start: datetime


class ReplaySource:
    """The steps from where the topic stands up to the clock's now."""

    ordered = True

    def __init__(
        self,
        withheld: Sequence[tuple[str, Sequence[tuple[Price, RawRow]]]],
        interval: timedelta,
        anchor: Anchor | None,
        clock: Callable[[], datetime],
    ) -> None:
        """`withheld`: source name and prices, the source that sets the steps first.

        Raises:
            SourceError: there is nothing to replay, or the topic holds a step that is none of these.
        """
        self._steps, places = _steps(withheld)
        self._interval = interval
        self._clock = clock
        if not self._steps:
            raise SourceError("nothing is withheld for the replay: the files hold no prices of those years")
        if anchor is None:
            self._first, self._start = 0, clock().replace(microsecond=0)
            return
        place = places.get((anchor.source, anchor.symbol, anchor.replayed_from))
        if place is None:
            raise SourceError(
                f"the topic's last replayed price is {anchor.source} {anchor.symbol} of "
                f"{anchor.replayed_from:%Y-%m-%d}, which is not among the withheld prices: "
                "restore the file or withhold_years that it came from"
            )
        self._first, self._start = place, anchor.delivery_start

    @property
    def steps(self) -> int:
        """Steps from the first to the last."""
        return len(self._steps)

    @property
    def due(self) -> int:
        """Steps that are due by now, of all."""
        elapsed = (self._clock() - self._start) // self._interval
        return max(0, min(self.steps, self._first + elapsed + 1))

    @property
    def finished(self) -> bool:
        """Whether the last step is due: there is nothing after it."""
        return self.due == self.steps

    def seconds_to_next(self) -> float:
        """Time until the next step is due; none follows the last."""
        return max(0.0, (self.instant(self.due) - self._clock()).total_seconds())

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[RawRow]:
        for number in range(self._first, self.due):
            instant = self.instant(number)
            if (since is None or since <= instant) and (until is None or instant <= until):
                for row in self._steps[number]:
                    # A quote is of an instant, and has none of the step's length.
                    length = timedelta(0) if row.terms.resolution.text == INSTANT else self._interval
                    yield replace(row, period=(instant, instant + length))

    def instant(self, step: int) -> datetime:
        """Delivery start of a step."""
        return self._start + (step - self._first) * self._interval


def _steps(
    withheld: Sequence[tuple[str, Sequence[tuple[Price, RawRow]]]],
) -> tuple[list[list[RawRow]], dict[Place, int]]:
    """Rows by step, and the step of each price."""
    first = withheld[0][1] if withheld else ()
    dates = sorted({price.delivery_start for price, _ in first})
    after = {price.delivery_start for _, prices in withheld for price, _ in prices}
    dates += sorted(date for date in after if not dates or date > dates[-1])
    rows: defaultdict[int, list[RawRow]] = defaultdict(list)
    places: dict[Place, int] = {}
    for source, prices in withheld:
        name = replay_name(source)
        last: dict[str, int] = {}
        # Of the revisions of a price the last one: a step has one, and its steps are no times of revisions.
        revised = sorted(prices, key=lambda held: (held[0].delivery_start, held[0].published_at))
        final = {(price.symbol, price.delivery_start): (price, row) for price, row in revised}
        for price, row in final.values():
            place = (name, price.symbol, price.delivery_start)
            if place not in places:
                # A step has one price of a symbol: a second one that falls on it goes with the next.
                number = max(bisect_left(dates, price.delivery_start), last.get(price.symbol, -1) + 1)
                places[place] = last[price.symbol] = number
            terms = replace(row.terms, source=name, provenance="replay")
            rows[places[place]].append(replace(row, terms=terms, replayed_from=price.delivery_start))
    return [rows[number] for number in range(max(rows, default=-1) + 1)], places
