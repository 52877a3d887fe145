"""What a customer is worth: purchases to come by BG/NBD (Fader, Hardie, Lee 2005), what one is worth by
gamma-gamma (Fader, Hardie 2013), both by `lifetimes`.

A customer's purchases of a day are one; times are weeks. Value is the discounted sum of what is expected of
the weeks ahead. How good the count of purchases is, is looked at by a fit as of a third of the history
before.
"""

# Neither `lifetimes`, which stands in the image alone, nor pandas says of what type its values are.
# pyright: reportMissingImports=false, reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportOperatorIssue=false

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.utils import ConvergenceError

from workloads.customer_metrics.figures import KNOWN, Score, Verdict, ask
from workloads.customer_metrics.settings import MetricsSettings
from workloads.kit.db import Connection

FIGURE: Final = "clv"
_WEEK: Final = timedelta(weeks=1)
_HELD_OUT: Final = 1 / 3

_BOUGHT: Final = f"""
WITH days AS (
  SELECT customer, (date_trunc('day', occurred_at, 'UTC') AT TIME ZONE 'UTC')::date AS day,
         sum(amount::numeric)::float8 AS amount
  FROM {{events}} WHERE {KNOWN} AND kind = 'purchase' AND currency = %(currency)s
  GROUP BY 1, 2
), numbered AS (
  SELECT *, row_number() OVER (PARTITION BY customer ORDER BY day) AS n FROM days
)
SELECT customer, count(*) - 1 AS frequency, (max(day) - min(day))::float8 / 7 AS recency,
       extract(epoch FROM %(as_of)s - min(day)::timestamp AT TIME ZONE 'UTC')::float8 / 86400 / 7 AS age,
       coalesce(avg(amount) FILTER (WHERE n > 1), 0) AS mean
FROM numbered GROUP BY 1 ORDER BY 1
"""


def figure(s: MetricsSettings) -> str:
    """Name of the figure: value is of one currency."""
    return f"{FIGURE}-{s.value_currency}"


def bought(connection: Connection, as_of: datetime, currency: str) -> pd.DataFrame:
    """A row a customer who bought: repeat purchases, weeks from the first to the last and to the instant, and
    the mean of the repeat ones."""
    rows = ask(connection, _BOUGHT, {"as_of": as_of, "currency": currency})
    return pd.DataFrame(rows, columns=["customer", "frequency", "recency", "age", "mean"])


def value(connection: Connection, as_of: datetime, s: MetricsSettings) -> tuple[Verdict, Iterator[Score]]:
    """Whether it is offered, and each customer's."""
    rows = bought(connection, as_of, s.value_currency)
    repeat = int((rows["frequency"] > 0).sum())
    if len(rows) < s.value_min_customers or repeat < s.value_min_repeat:
        return _refused(
            f"{len(rows)} customers bought in {s.value_currency} and {repeat} of them again:"
            f" {s.value_min_customers} and {s.value_min_repeat} are needed"
        )
    try:
        counts, amounts = fitted(rows)
    except ConvergenceError as error:
        return _refused(f"no fit: {first_line(error)}")
    parameters = {**_floats(counts.params_), **_floats(amounts.params_)}
    if not parameters["q"] > 1:
        return _refused("the mean of a purchase is not finite: gamma-gamma's q is not above 1")
    again = rows[rows["frequency"] > 0]
    quality = {
        "customers": len(rows),
        "repeat_customers": repeat,
        # Gamma-gamma takes the two for unrelated.
        "correlation_of_frequency_and_mean": float(np.corrcoef(again["frequency"], again["mean"])[0, 1]),
        "held_out": _held_out(connection, as_of, rows, s),
    }
    reason = f"fitted on {len(rows)} customers, {repeat} of whom bought again"
    return Verdict("offered", reason, parameters, quality), _scores(rows, counts, amounts, s)


def fitted(rows: pd.DataFrame) -> tuple[BetaGeoFitter, GammaGammaFitter]:
    """The two models, by maximum likelihood. ConvergenceError where there is none."""
    counts, amounts = BetaGeoFitter(penalizer_coef=0.0), GammaGammaFitter(penalizer_coef=0.0)
    again = rows[rows["frequency"] > 0]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        counts.fit(rows["frequency"], rows["recency"], rows["age"])
        amounts.fit(again["frequency"], again["mean"])
    return counts, amounts


def _scores(
    rows: pd.DataFrame, counts: BetaGeoFitter, amounts: GammaGammaFitter, s: MetricsSettings
) -> Iterator[Score]:
    frequency, recency, age = (rows[name].to_numpy(dtype=float) for name in ("frequency", "recency", "age"))
    alive = _array(counts.conditional_probability_alive(frequency, recency, age))
    mean = _array(amounts.conditional_expected_average_profit(rows["frequency"], rows["mean"]))
    by_week = [_ahead(counts, week, frequency, recency, age) for week in range(s.value_weeks + 1)]
    weekly = np.diff(np.array(by_week), axis=0)
    discount = (1 - s.value_discount_year) ** (np.arange(1, s.value_weeks + 1) / 52)
    worth = mean * (discount @ weekly)
    for at, row in enumerate(rows.itertuples(index=False)):
        why = {
            "repeat_purchases": int(row.frequency),
            "weeks_first_to_last": round(float(recency[at]), 3),
            "weeks_known": round(float(age[at]), 3),
            "mean_of_repeat_purchases": round(float(row.mean), 4),
            "probability_alive": round(float(alive[at]), 6),
            "expected_purchases": round(float(by_week[-1][at]), 6),
            "expected_amount": round(float(mean[at]), 4),
            "discount": round(float(worth[at] / (mean[at] * by_week[-1][at])) if by_week[-1][at] else 1.0, 6),
            "weeks_ahead": s.value_weeks,
            "currency": s.value_currency,
        }
        yield Score(str(row.customer), float(worth[at]), s.value_currency, why)


def _ahead(counts: BetaGeoFitter, weeks: int, frequency: Any, recency: Any, age: Any) -> Any:
    if weeks == 0:
        return np.zeros(len(frequency))
    expected = counts.conditional_expected_number_of_purchases_up_to_time(weeks, frequency, recency, age)
    return _array(expected)


def _held_out(
    connection: Connection, as_of: datetime, rows: pd.DataFrame, s: MetricsSettings
) -> dict[str, Any]:
    """What a fit of then expected of those who had bought by then, and what they bought since. It knows what
    was published by then, and nothing after."""
    weeks = float(np.floor(rows["age"].max() * _HELD_OUT))
    if weeks < 1:
        return {"reason": "the history is shorter than three weeks"}
    then = as_of - weeks * _WEEK
    before = ask_then(connection, as_of, then, s.value_currency)
    if int((before["frequency"] > 0).sum()) < s.value_min_repeat:
        return {"reason": f"too few had bought again by {then:%Y-%m-%d}"}
    try:
        counts, _ = fitted(before)
    except ConvergenceError:
        return {"reason": f"no fit as of {then:%Y-%m-%d}"}
    expected = _ahead(
        counts, int(weeks), *(before[name].to_numpy(dtype=float) for name in ("frequency", "recency", "age"))
    )
    since = before.merge(rows, on="customer", suffixes=("", "_now"))
    happened = (since["frequency_now"] - since["frequency"]).to_numpy(dtype=float)
    return {
        "weeks": int(weeks),
        "expected_purchases": float(expected.sum()),
        "purchases": float(happened.sum()),
        "mean_absolute_error": float(np.abs(expected - happened).mean()),
        "mean_absolute_error_of_the_mean": float(np.abs(expected.mean() - happened).mean()),
    }


def ask_then(connection: Connection, as_of: datetime, then: datetime, currency: str) -> pd.DataFrame:
    """As `bought`, by an earlier instant, of what is here as of the later one."""
    known = "received_at <= %(received)s AND published_at <= %(as_of)s AND occurred_at <= %(as_of)s"
    values = {"as_of": then, "received": as_of, "currency": currency}
    rows = ask(connection, _BOUGHT.replace(KNOWN, known), values)
    return pd.DataFrame(rows, columns=["customer", "frequency", "recency", "age", "mean"])


def first_line(error: Exception) -> str:
    """The first line of what it says that is not empty, or what it is."""
    return next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)


def _refused(reason: str) -> tuple[Verdict, Iterator[Score]]:
    return Verdict("refused", reason, {}, {}), iter(())


def _floats(params: Any) -> dict[str, float]:
    return {str(name): float(one) for name, one in params.items()}


def _array(given: Any) -> Any:
    return np.asarray(given, dtype=float)
