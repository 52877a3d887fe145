"""Segments by recency, frequency and money (RFM), in plain SQL: each in five classes by its rank, 5 the best.

Who is alike in a figure is in one class, however many they are. Of frequency and money that is the lowest
that any of them could have: seven of ten who came once are no champions. Money is of one currency and ranked
among those who bought; who bought nothing has the lowest class of it, and is a segment by its use alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from workloads.customer_metrics.figures import ACTIVE_SQL, KNOWN, Score, ask
from workloads.customer_metrics.settings import MetricsSettings
from workloads.kit.db import Connection

FIGURE: Final = "rfm"

_RANKED: Final = f"""
WITH days AS (
  SELECT customer, date_trunc('day', occurred_at, 'UTC') AS day, max(occurred_at) AS last,
         coalesce(sum(amount::numeric) FILTER (WHERE currency = %(currency)s), 0) AS bought
  FROM {{events}} WHERE {KNOWN} AND kind IN ({ACTIVE_SQL})
    AND occurred_at > %(as_of)s - make_interval(days => %(days)s)
  GROUP BY 1, 2
), each AS (
  SELECT customer, extract(epoch FROM %(as_of)s - max(last))::float8 / 86400 AS recency,
         count(*) AS frequency, sum(bought)::float8 AS money
  FROM days GROUP BY 1
)
SELECT customer, recency, frequency, money,
       ceil(5 * cume_dist() OVER (ORDER BY recency DESC))::int,
       1 + 5 * (rank() OVER (ORDER BY frequency) - 1) / count(*) OVER (),
       CASE WHEN money > 0 THEN 1 + 5 * (rank() OVER buyers - 1) / count(*) OVER (PARTITION BY money > 0)
            ELSE 1 END
FROM each WINDOW buyers AS (PARTITION BY money > 0 ORDER BY money) ORDER BY 1
"""


def named(recency: int, frequency: int) -> str:
    """The segment of two classes."""
    if recency >= 4:
        return "champion" if frequency >= 4 else "promising" if frequency >= 2 else "new"
    if recency == 3:
        return "loyal" if frequency >= 3 else "fading"
    return "at risk" if frequency >= 3 else "lost"


def segments(connection: Connection, as_of: datetime, s: MetricsSettings) -> Iterator[Score]:
    """Of all who did anything within the settings' days; the value is the three classes as one number."""
    values = {"as_of": as_of, "currency": s.value_currency, "days": s.rfm_days}
    for customer, recency, frequency, money, r, f, m in ask(connection, _RANKED, values):
        why = {
            "days_since_last": round(recency, 3),
            "active_days": frequency,
            "bought": round(money, 2),
            "currency": s.value_currency,
            "classes": {"recency": r, "frequency": f, "money": m},
        }
        yield Score(customer, float(100 * r + 10 * f + m), named(r, f), why)
