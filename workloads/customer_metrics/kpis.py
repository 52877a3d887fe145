"""Figures over all customers, as of an instant."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from workloads.customer_metrics.figures import ACTIVE_SQL, KNOWN, ask
from workloads.kit.contracts import tables
from workloads.kit.contracts.customers import PASSIVE, PROMOTER
from workloads.kit.db import Connection, upsert

_COLUMNS: Final = ("as_of", "name", "value", "detail")

_USED: Final = f"""
SELECT count(DISTINCT customer) FILTER (WHERE active AND at > %(as_of)s - interval '1 day')::float8,
       count(DISTINCT customer) FILTER (WHERE active AND at > %(as_of)s - interval '7 days')::float8,
       count(DISTINCT customer) FILTER (WHERE active)::float8,
       coalesce(sum(events) FILTER (WHERE at > %(as_of)s - interval '1 hour'), 0)::float8,
       coalesce(sum(events) FILTER (WHERE kind = 'error' AND at > %(as_of)s - interval '1 day'), 0)::float8,
       coalesce(sum(events) FILTER (WHERE kind NOT IN ('purchase', 'nps')
                                    AND at > %(as_of)s - interval '1 day'), 0)::float8
FROM (
  SELECT customer, kind, kind IN ({ACTIVE_SQL}) AS active, count(*) AS events, max(occurred_at) AS at
  FROM {{events}} WHERE {KNOWN} AND occurred_at > %(as_of)s - interval '30 days'
  GROUP BY customer, kind, date_trunc('hour', occurred_at, 'UTC')
) hours
"""

# An answer that a customer gave anew replaces its earlier one.
_NPS: Final = f"""
SELECT count(*), count(*) FILTER (WHERE score >= %(promoter)s), count(*) FILTER (WHERE score < %(passive)s)
FROM (
  SELECT DISTINCT ON (customer, subject) score FROM {{events}}
  WHERE {KNOWN} AND kind = 'nps' AND occurred_at > %(as_of)s - interval '90 days'
  ORDER BY customer, subject, occurred_at DESC, event_id
) newest
"""

_REVENUE: Final = f"""
SELECT currency, sum(amount::numeric)::float8 FROM {{events}}
WHERE {KNOWN} AND kind = 'purchase' AND occurred_at > %(as_of)s - interval '30 days' GROUP BY 1 ORDER BY 1
"""


def kpis(connection: Connection, as_of: datetime) -> dict[str, tuple[float | None, dict[str, Any]]]:
    """name → value and what it is made of; None where there is nothing to make it of."""
    values = {"as_of": as_of, "promoter": PROMOTER, "passive": PASSIVE}
    (day, week, month, hour, errors, used) = ask(connection, _USED, values)[0]
    ((answers, promoters, detractors),) = ask(connection, _NPS, values)
    of_answers = {"answers": answers, "promoters": promoters, "detractors": detractors}
    return {
        "active_1d": (day, {}),
        "active_7d": (week, {}),
        "active_30d": (month, {}),
        "events_1h": (hour, {}),
        "error_share_1d": (errors / used if used else None, {"errors": errors, "events": used}),
        "nps_90d": (100 * (promoters - detractors) / answers if answers else None, of_answers),
        **{f"revenue_30d_{currency}": (sum_, {}) for currency, sum_ in ask(connection, _REVENUE, values)},
    }


def write_kpis(
    connection: Connection, as_of: datetime, found: dict[str, tuple[float | None, dict[str, Any]]]
) -> None:
    """Write them; again the same ones change nothing."""
    rows = [(as_of, name, value, detail) for name, (value, detail) in found.items()]
    upsert(connection, tables.CUSTOMER_KPIS, _COLUMNS, _COLUMNS[:2], rows)
