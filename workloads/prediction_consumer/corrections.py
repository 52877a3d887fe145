"""What a correction of a session, its withdrawal, or one that comes late, means for predictions: none of that
session, and a new one of the newest."""

from __future__ import annotations

import msgspec
import numpy as np

from workloads.kit.contracts.messages import Price
from workloads.kit.records import Record
from workloads.kit.revisions import instants
from workloads.kit.series import Change, Series
from workloads.kit.series_store import Origin


def of_the_past(series: Series, change: Change) -> bool:
    """Whether a session of which the next is known got another price, its first, or none any more: to
    predict it is hindsight."""
    return bool(change.revised) and change.stop < len(series.sessions)


def newest_again(
    series: Series, change: Change, record: Record[Price], origins: list[Origin], size: int
) -> Record[Price] | None:
    """The newest session as of the correction: its prediction is beside the one that was made before.

    None where the correction is not in its window of `size` sessions, where one that is as new is there
    already, which the prediction that stands is of, and where the session is of another source.

    Args:
        record: the correction, the withdrawal, or what came late.
    """
    price = record.value
    start = max(len(series.sessions) - size, 0)
    known, newest, at = series.sessions["known"][start:], series.sessions[-1], change.start - start
    # The one after a withdrawn session was in its window where another session is before it there.
    if at < (1 if price.withdrawn else 0) or known[at] <= np.delete(known, at).max(initial=0):
        return None
    if origins[newest["origin"]] != (price.source, price.market, price.provenance):
        return None
    event, known_at = instants(np.array([newest["event"], known[at]]))
    value = msgspec.structs.replace(
        price,
        delivery_start=event,
        delivery_end=event + (price.delivery_end - price.delivery_start),
        published_at=known_at,
        price=float(newest["price"]),
        withdrawn=None,
    )
    return msgspec.structs.replace(record, value=value)
