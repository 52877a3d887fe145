"""How much a customer uses the platform: points of what it did, of which time takes a half again and again.

score = 100 · (1 - exp(-points / full)); points = Σ points of the kind · 2^(-age / half-life), at least 0.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from workloads.customer_metrics.figures import KNOWN, Score, ask
from workloads.customer_metrics.settings import MetricsSettings
from workloads.kit.contracts.customers import POINTS
from workloads.kit.db import Connection

FIGURE: Final = "engagement"

# By hour first: what an event of an hour is worth is known then, and there are far fewer hours than events.
_USED: Final = f"""
SELECT customer, kind, sum(events)::bigint,
       sum(events * power(2.0, -extract(epoch FROM %(as_of)s - hour)::float8 / 86400 / %(half_life)s))
FROM (
  SELECT customer, kind, date_trunc('hour', occurred_at, 'UTC') AS hour, count(*) AS events
  FROM {{events}} WHERE {KNOWN} AND occurred_at > %(as_of)s - make_interval(days => %(days)s)
  GROUP BY 1, 2, 3
) hours
GROUP BY 1, 2 ORDER BY 1, 2
"""


def engagement(connection: Connection, as_of: datetime, s: MetricsSettings) -> Iterator[Score]:
    """Of all who did anything within the settings' days."""
    values = {"as_of": as_of, "half_life": s.engagement_half_life_days, "days": s.engagement_days}
    used: dict[str, dict[str, Any]] = defaultdict(dict)
    for customer, kind, events, weight in ask(connection, _USED, values):
        if kind in POINTS:
            used[customer][kind] = {"events": events, "points": round(POINTS[kind] * weight, 6)}
    for customer, kinds in used.items():
        points = max(0.0, sum(one["points"] for one in kinds.values()))
        score = 100 * (1 - math.exp(-points / s.engagement_full))
        label = "high" if score >= 66 else "medium" if score >= 33 else "low"
        yield Score(customer, score, label, {"points": round(points, 6), "of": kinds})
