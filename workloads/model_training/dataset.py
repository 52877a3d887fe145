"""Training rows: what was known at each moment, and what came next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workloads.kit.as_of import features_as_of_available
from workloads.kit.features import FeatureSpec
from workloads.kit.revisions import Micros
from workloads.kit.windows import Floats
from workloads.model_training.prices import Revisions


@dataclass(frozen=True, slots=True)
class Dataset:
    """One row a session whose window is full and whose next session became known after it, oldest first.

    Where one auction makes the prices of many hours, only its last hour is a row: what follows on the others
    is known when they are, so that there is nothing to forecast. A session that was withdrawn since is no
    row, and nothing came of the one before it.

    `x` has shape (m, F), the others (m,). `x` and `price` hold what was known at `available`, the instant the
    session's first price came in; `y` is the log return to the next session's price as it is known today,
    which is known since `label_available`.
    """

    event: Micros
    available: Micros
    label_available: Micros
    price: Floats
    next_price: Floats
    x: Floats
    y: Floats

    def __len__(self) -> int:
        return len(self.y)


def build(series: Revisions, spec: FeatureSpec) -> Dataset:
    """The rows of one symbol; none where it has no two sessions."""
    known = features_as_of_available(series.event, series.available, series.price, spec)
    newest = np.append(series.event[1:] != series.event[:-1], True)[: len(series.event)]
    newest &= np.isin(series.event, known.event)
    latest, latest_available = series.price[newest], series.available[newest]

    usable = np.asarray(np.isfinite(known.rows).all(axis=1)) & np.isfinite(latest)
    usable[:-1] &= np.isfinite(latest[1:]) & (latest[1:] > 0)
    usable[:-1] &= known.available[1:] > known.available[:-1]
    usable[-1:] = False
    rows = np.flatnonzero(usable)
    return Dataset(
        event=known.event[rows],
        available=known.available[rows],
        label_available=latest_available[rows + 1],
        price=known.price[rows],
        next_price=latest[rows + 1],
        x=known.rows[rows],
        # Of each by itself: the smallest price there is would make the quotient infinite.
        y=np.log(latest[rows + 1]) - np.log(known.price[rows]),
    )
