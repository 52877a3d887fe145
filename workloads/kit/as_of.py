"""Features without look-ahead, from the rows of a table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workloads.kit.features import DEFAULT, FeatureSpec, features, window_features
from workloads.kit.revisions import Micros
from workloads.kit.windows import Floats


class SessionFeatures(NamedTuple):
    """Sessions of one symbol that ever had a price, oldest first, as known when the first one of each became
    available.

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
    seen. A revision whose price is NaN withdraws its session: from then on windows reach over it, until it
    has a price again.
    """
    order = np.lexsort((available, event))
    order = order[_had_a_price(event[order], price[order])]
    event, available, price = event[order], available[order], price[order]
    opens = _opens(event)
    session = np.cumsum(opens) - 1
    known, first_price = available[opens], price[opens]
    rows = features(first_price, spec)

    # Where no session of the window came late or was revised in time, first prices are what was known. A
    # window that reaches over a session is one of those, since it would hold that one else.
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
        newest = seen[np.append(session[seen][1:] != session[seen][:-1], True)]
        newest = newest[~np.isnan(price[newest])][-spec.size :]
        rows[at] = window_features(price[newest][np.newaxis], spec)[0] if len(newest) == spec.size else np.nan
    return SessionFeatures(event[opens], known, first_price, rows)


def _opens(event: Micros) -> NDArray[np.bool_]:
    """Which rows are the first of their session, of rows in order."""
    return np.append(True, event[1:] != event[:-1])[: len(event)]


def _had_a_price(event: Micros, price: Floats) -> NDArray[np.bool_]:
    """Which rows are a session's first price or later ones, of rows in order: what withdraws a session that
    had none takes nothing back."""
    prices = np.append(0, np.cumsum(~np.isnan(price)))
    before = prices[:-1][_opens(event)]
    return prices[1:] > before[np.cumsum(_opens(event)) - 1]
