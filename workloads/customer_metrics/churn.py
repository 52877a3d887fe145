"""How likely a customer is to be gone: to do nothing of its own will from 30 to 60 days ahead.

The split is by time. A logistic regression is fitted on instants 180 days back and more, its probabilities
are calibrated (Platt) 120 days back, and both are judged 60 days back, on what was not seen: what became of
one part was known before the next part's instant. Only if it beats the share of those who left, is it
offered; then fitted and calibrated again with each part one step newer. Features of an instant are made of
what was known then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from workloads.customer_metrics.figures import ACTIVE_SQL, KNOWN, Score, Verdict, ask
from workloads.customer_metrics.settings import MetricsSettings
from workloads.kit.contracts.customers import CHURN_HIGH, CHURN_MEDIUM
from workloads.kit.db import Connection

FIGURE: Final = "churn"
HORIZON: Final = timedelta(days=30)
"""After it begins the silence that counts, which lasts as long."""
_STEP: Final = 2 * HORIZON
"""Until what became of an instant's customers is known."""
_WINDOW: Final = timedelta(days=56)
"""How far features look back: an instant is learnt from only where so much was known by then."""
_BINS: Final = 10

FEATURES: Final = (
    "days_since_last",
    "days_known",
    "active_days_28",
    "active_days_28_before",
    "logins_28",
    "downloads_28",
    "scenarios_28",
    "errors_28",
    "newest_nps",
)

# By day first, so that what is counted once a day is few. Who was silent for 28 days is gone already.
_FEATURES: Final = f"""
WITH days AS (
  SELECT customer, kind, date_trunc('day', occurred_at, 'UTC') AS day, count(*) AS events,
         min(occurred_at) AS first, max(occurred_at) AS last, max(score) AS score
  FROM {{events}} WHERE {KNOWN.replace("received_at <= %(as_of)s", "received_at <= %(received)s")}
    AND occurred_at > %(as_of)s - interval '365 days'
  GROUP BY 1, 2, 3
), since AS (
  SELECT *, kind IN ({ACTIVE_SQL}) AS active, day >= %(as_of)s - interval '28 days' AS late,
         day >= %(as_of)s - interval '56 days' AS seen FROM days
)
SELECT customer,
  extract(epoch FROM %(as_of)s - max(last) FILTER (WHERE active))::float8 / 86400,
  extract(epoch FROM %(as_of)s - min(first))::float8 / 86400,
  (count(DISTINCT day) FILTER (WHERE active AND late))::float8,
  (count(DISTINCT day) FILTER (WHERE active AND seen AND NOT late))::float8,
  coalesce(sum(events) FILTER (WHERE kind = 'login' AND late), 0)::float8,
  coalesce(sum(events) FILTER (WHERE kind = 'download' AND late), 0)::float8,
  coalesce(sum(events) FILTER (WHERE kind = 'scenario' AND late), 0)::float8,
  coalesce(sum(events) FILTER (WHERE kind = 'error' AND late), 0)::float8,
  coalesce((array_agg(score ORDER BY day DESC) FILTER (WHERE kind = 'nps'))[1], 8)::float8
FROM since GROUP BY 1
HAVING max(last) FILTER (WHERE active) > %(as_of)s - interval '28 days' ORDER BY 1
"""
# Who never answered the question of recommendation counts as passive (8).

_FIRST: Final = """
SELECT min(greatest(occurred_at, published_at)) FROM {events}
WHERE received_at <= %(as_of)s AND published_at <= %(as_of)s
"""

_STAYED: Final = f"""
SELECT DISTINCT customer FROM {{events}}
WHERE received_at <= %(received)s AND published_at <= %(received)s AND kind IN ({ACTIVE_SQL})
  AND occurred_at > %(from)s AND occurred_at <= %(until)s
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Customers as of some instants, and whether they were gone.

    Args:
        features: a row a customer.
        gone: of each row; empty where it is not known yet.
    """

    customers: list[str]
    features: Any
    gone: Any


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted and calibrated model; `slope` and `shift` are the calibration's."""

    scaler: Any
    linear: Any
    slope: float
    shift: float

    def contributions(self, features: Any) -> Any:
        """What each feature adds to the log-odds, a row a customer."""
        return self.slope * self.linear.coef_[0] * self.scaler.transform(_squeezed(features))

    @property
    def base(self) -> float:
        """Log-odds of who is average in all."""
        return self.slope * float(self.linear.intercept_[0]) + self.shift

    def probability(self, features: Any) -> Any:
        """Of being gone."""
        return 1 / (1 + np.exp(-(self.base + self.contributions(features).sum(axis=1))))


def churn(connection: Connection, as_of: datetime, s: MetricsSettings) -> tuple[Verdict, Iterator[Score]]:
    """Whether it is offered, and each active customer's."""
    test, calibration = _part(connection, as_of, [_STEP]), _part(connection, as_of, [2 * _STEP])
    ((first,),) = ask(connection, _FIRST, {"as_of": as_of})
    backs = [3 * _STEP + n * HORIZON for n in range(s.churn_cutoffs)]
    backs = [back for back in backs if first is not None and first <= as_of - back - _WINDOW]
    if not backs:
        return _refused(
            f"the history is too short: nothing is known of {(3 * _STEP + _WINDOW).days} days ago and before"
        )
    fit = _part(connection, as_of, backs)
    for name, part, back in (("fit", fit, 3), ("calibrate", calibration, 2), ("judge", test, 1)):
        customers, gone = len(set(part.customers)), int(part.gone.sum())
        if customers < s.churn_min_customers or min(gone, len(part.gone) - gone) < s.churn_min_gone:
            return _refused(
                f"the history is too short or too small to {name} it: {(back * _STEP).days} days back"
                f" and more {customers} customers were active and {gone} of them left; there have to be"
                f" {s.churn_min_customers}, and {s.churn_min_gone} who left and who stayed"
            )
    judged = _judged(_model(fit, calibration), calibration, test)
    if judged["brier"] >= judged["brier_of_the_share"]:
        return Verdict("refused", "it does not beat the share of those who left before", {}, judged), iter(())
    served = _model(_joined(fit, calibration), test)
    parameters = {
        "horizon_days": HORIZON.days,
        "base": served.base,
        "features": {
            name: {"mean": float(mean), "scale": float(scale), "weight": float(served.slope * weight)}
            for name, mean, scale, weight in zip(
                FEATURES, served.scaler.mean_, served.scaler.scale_, served.linear.coef_[0], strict=True
            )
        },
    }
    reason = f"Brier score {judged['brier']:.4f} where the share alone has {judged['brier_of_the_share']:.4f}"
    return Verdict("offered", reason, parameters, judged), _scores(connection, as_of, served)


def _scores(connection: Connection, as_of: datetime, model: Model) -> Iterator[Score]:
    now = _at(connection, as_of, as_of)
    if not now.customers:
        return
    each = model.contributions(now.features)
    for customer, given, added, p in zip(
        now.customers, now.features, each, model.probability(now.features), strict=True
    ):
        label = "high" if p >= CHURN_HIGH else "medium" if p >= CHURN_MEDIUM else "low"
        of = {
            name: {"value": round(float(one), 3), "log_odds": round(float(more), 6)}
            for name, one, more in zip(FEATURES, given, added, strict=True)
        }
        yield Score(customer, float(p), label, {"base_log_odds": round(model.base, 6), "of": of})


def _model(fit: Part, calibration: Part) -> Model:
    scaler = StandardScaler().fit(_squeezed(fit.features))
    linear = LogisticRegression(C=1.0, max_iter=1000).fit(scaler.transform(_squeezed(fit.features)), fit.gone)
    odds = linear.decision_function(scaler.transform(_squeezed(calibration.features)))
    platt: Any = LogisticRegression(C=1e6, max_iter=1000).fit(odds.reshape(-1, 1), calibration.gone)
    return Model(scaler, linear, float(platt.coef_[0, 0]), float(platt.intercept_[0]))


def _judged(model: Model, calibration: Part, test: Part) -> dict[str, Any]:
    """How good it is on what it has not seen, and in tenths by its own word: said against what happened."""
    said, gone = model.probability(test.features), test.gone.astype(float)
    share = float(calibration.gone.mean())
    order = np.argsort(said, kind="stable")
    tenths = [part for part in np.array_split(order, _BINS) if len(part)]
    return {
        "customers": len(said),
        "share_gone": float(gone.mean()),
        "share_said": float(said.mean()),
        "brier": float(np.mean((said - gone) ** 2)),
        "brier_of_the_share": float(np.mean((share - gone) ** 2)),
        "auc": float(roc_auc_score(gone, said)),
        "calibration": [
            {"customers": len(part), "said": float(said[part].mean()), "gone": float(gone[part].mean())}
            for part in tenths
        ],
    }


def _part(connection: Connection, as_of: datetime, back: list[timedelta]) -> Part:
    found = _at(connection, as_of, as_of - back[0])
    for more in back[1:]:
        found = _joined(found, _at(connection, as_of, as_of - more))
    return found


def _at(connection: Connection, received: datetime, then: datetime) -> Part:
    """Customers as of `then`, of what is here as of `received`; what became of them, where it is known."""
    rows = ask(connection, _FEATURES, {"as_of": then, "received": received})
    customers = [row[0] for row in rows]
    features = np.array([row[1:] for row in rows], dtype=float).reshape(len(rows), len(FEATURES))
    if then + _STEP > received:
        return Part(customers, features, np.array([], dtype=bool))
    values = {"received": received, "from": then + HORIZON, "until": then + _STEP}
    stayed = {customer for (customer,) in ask(connection, _STAYED, values)}
    return Part(customers, features, np.array([one not in stayed for one in customers], dtype=bool))


def _joined(one: Part, other: Part) -> Part:
    return Part(
        one.customers + other.customers,
        np.vstack([one.features, other.features]),
        np.concatenate([one.gone, other.gone]),
    )


def _squeezed(features: Any) -> Any:
    """Counts are worth less the more there are of them."""
    return np.log1p(np.maximum(features, 0))


def _refused(reason: str) -> tuple[Verdict, Iterator[Score]]:
    return Verdict("refused", reason, {}, {}), iter(())
