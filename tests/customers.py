"""Customers whose parameters are known, and the events that follow from them. Seeded: always the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.services.clients import MigratedDatabase

DAY: Final = timedelta(days=1)

BG_NBD: Final = {"r": 0.8, "alpha": 6.0, "a": 0.8, "b": 2.5}
"""Rates of purchase a week ~ gamma(r, alpha); to drop out after a purchase ~ beta(a, b)."""
GAMMA_GAMMA: Final = {"p": 6.0, "q": 4.0, "v": 15.0}
"""A purchase ~ gamma(p, rate), the rate ~ gamma(q, v)."""

HAZARDS: Final = {"quiet": 0.004, "troubled": 0.016}
"""Chance to leave, a day, by group; who is troubled meets ten times the errors."""
_USES, _ERRORS = 0.5, {"quiet": 0.05, "troubled": 0.5}
"""Events a day."""

Row = tuple[Any, ...]
COLUMNS: Final = (
    *("event_id", "customer", "subject", "kind", "occurred_at", "published_at", "source", "amount"),
    *("currency", "received_at"),
)


def row(number: int, customer: str, kind: str, at: datetime, amount: float | None = None) -> Row:
    """An event that was here as it happened."""
    event_id = uuid.UUID(int=number)
    currency = None if amount is None else "EUR"
    return (event_id, customer, "abcdef012345", kind, at, at, "test", amount, currency, at)


def buyers(count: int, start: datetime, weeks: int, seed: int = 1) -> Iterator[Row]:
    """Purchases of customers who come within the first 20 weeks."""
    rng, number = np.random.default_rng(seed), 10**9
    for n in range(count):
        rate = rng.gamma(BG_NBD["r"], 1 / BG_NBD["alpha"])
        leaves = rng.beta(BG_NBD["a"], BG_NBD["b"])
        scale = rng.gamma(GAMMA_GAMMA["q"], 1 / GAMMA_GAMMA["v"])
        week, alive, first_time = rng.uniform(0, 20), True, True
        while alive and week < weeks:
            number += 1
            amount = float(rng.gamma(GAMMA_GAMMA["p"], 1 / scale))
            yield row(number, f"buyer-{n}", "purchase", start + timedelta(weeks=week), amount)
            # Of the model: who has just come stays for a second purchase.
            alive = first_time or rng.uniform() >= leaves
            first_time = False
            week += rng.exponential(1 / rate)


def users(count: int, start: datetime, days: int, seed: int = 2) -> Iterator[Row]:
    """Use of customers who come all the time, and leave at their group's hazard."""
    rng, number = np.random.default_rng(seed), 2 * 10**9
    for n in range(count):
        group = "troubled" if n % 2 else "quiet"
        begins = rng.uniform(0, days)
        ends = min(days, begins + rng.exponential(1 / HAZARDS[group]))
        for kind, rate in (("api-call", _USES), ("error", _ERRORS[group])):
            for at in np.sort(rng.uniform(begins, ends, rng.poisson(rate * (ends - begins)))):
                number += 1
                yield row(number, f"{group}-{n}", kind, start + float(at) * DAY)


def cdnow(file: Path) -> Iterator[Row]:
    """Purchases of the sample of CDNOW's customers, who came in early 1997, until mid 1998."""
    for number, line in enumerate(file.read_text().splitlines()):
        _, customer, day, _, amount = line.split()
        if float(amount) <= 0:  # a disc for nothing is no value
            continue
        at = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        yield (*row(3 * 10**9 + number, customer, "purchase", at, float(amount))[:8], "USD", at)


def put(figures: MigratedDatabase, rows: Iterable[Sequence[Any]]) -> int:
    """Into the table, as customer-consumer would have."""
    count, copy = 0, f"COPY features.customer_events ({', '.join(COLUMNS)}) FROM STDIN".encode()
    with figures.admin() as connection, connection.cursor() as cursor, cursor.copy(copy) as into:
        for one in rows:
            into.write_row(one)
            count += 1
    return count
