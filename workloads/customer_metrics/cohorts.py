"""Who stayed: of those who came in a month, how many were active in each month since."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from workloads.customer_metrics.figures import ACTIVE_SQL, KNOWN, ask
from workloads.kit.contracts import tables
from workloads.kit.db import Connection, upsert

_COLUMNS: Final = ("as_of", "cohort", "month", "customers", "active")

_STAYED: Final = f"""
WITH months AS (
  SELECT DISTINCT customer, date_trunc('month', occurred_at, 'UTC') AS month
  FROM {{events}} WHERE {KNOWN} AND kind IN ({ACTIVE_SQL})
), came AS (
  SELECT customer, min(month) AS cohort FROM months GROUP BY 1
), sizes AS (
  SELECT cohort, count(*) AS customers FROM came GROUP BY 1
), spans AS (
  SELECT cohort, customers, n FROM sizes, generate_series(0, (
    12 * (extract(year FROM %(as_of)s AT TIME ZONE 'UTC') - extract(year FROM cohort AT TIME ZONE 'UTC'))
    + extract(month FROM %(as_of)s AT TIME ZONE 'UTC') - extract(month FROM cohort AT TIME ZONE 'UTC')
  )::int) n
)
SELECT (s.cohort AT TIME ZONE 'UTC')::date, s.n, s.customers, count(m.customer)
FROM spans s
JOIN came c ON c.cohort = s.cohort
LEFT JOIN months m ON m.customer = c.customer
  AND m.month AT TIME ZONE 'UTC' = s.cohort AT TIME ZONE 'UTC' + s.n * interval '1 month'
GROUP BY 1, 2, 3 ORDER BY 1, 2
"""


def write_cohorts(connection: Connection, as_of: datetime) -> int:
    """Write them, the month of the instant included, which is not over; returns how many rows."""
    rows = [(as_of, *row) for row in ask(connection, _STAYED, {"as_of": as_of})]
    return upsert(connection, tables.CUSTOMER_COHORTS, _COLUMNS, _COLUMNS[:3], rows)
