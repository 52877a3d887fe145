"""Features without look-ahead, from the rows of a table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workloads.kit.features import DEFAULT, FeatureSpec, features, window_features
from workloads.kit.revisions import Micros
from workloads.kit.windows import Floats


class SessionFeatures(NamedTuple):
    """Sessions of one symbol, oldest first, as known when the first price of each became available.

    `event` and `available` are microseconds since 1970, `price` that first price, each of shape (n,); `rows`
    (n, F) the features, NaN where the window was not full or held an unusable price.
    """

    event: Micros
    available: Micros
    price: Floats
    rows: Floats


def features_as_of_available(
    event: Micros, available: Micros, price: Floats, spec: FeatureSpec = DEFAULT
) -> SessionFeatures:
    """Features without look-ahead from table rows of one symbol (all revisions, in any order, shape (m,)).

    A session's window holds the last `spec.size` sessions known at the instant its own first price became
    available, each with the newest revision known then: a later correction or a price that came late is not
    seen.
    """
    order = np.lexsort((available, event))
    event, available, price = event[order], available[order], price[order]
    opens = np.append(True, event[1:] != event[:-1])[: len(event)]
    session = np.cumsum(opens) - 1
    known, first_price = available[opens], price[opens]
    rows = features(first_price, spec)

    # Where no session of the window came late or was revised in time, first prices are what was known.
    upset = np.zeros(len(known), dtype=np.bool_)
    for at in np.flatnonzero(~opens):
        reach = slice(session[at], session[at] + spec.size)
        upset[reach] |= known[reach] >= available[at]
    earliest_after = np.minimum.accumulate(known[::-1])[::-1]
    for at in np.flatnonzero(known > earliest_after):
        reach = slice(at, at + spec.size)
        upset[reach] |= known[reach] < known[at]

    for at in np.flatnonzero(upset):
        seen = np.flatnonzero((session <= at) & (available <= known[at]))
        newest = seen[np.append(session[seen][1:] != session[seen][:-1], True)][-spec.size :]
        rows[at] = window_features(price[newest][np.newaxis], spec)[0] if len(newest) == spec.size else np.nan
    return SessionFeatures(event[opens], known, first_price, rows)
