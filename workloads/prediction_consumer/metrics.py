"""The consumer's own metrics, beside those of the loop."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from workloads.kit.contracts import metrics as names

PREDICTIONS: Final = Counter(
    names.PREDICTIONS.removesuffix("_total"), "Predictions made, by symbol and alias", ("symbol", "alias")
)
ANOMALIES: Final = Counter(
    names.PREDICTION_ANOMALIES.removesuffix("_total"),
    "Predicted or realised returns beyond ANOMALY_THRESHOLD volatilities",
    ("symbol",),
)
SKIPPED: Final = Counter(
    "carbon_predictions_skipped",
    "Prices that were not predicted: history, published longer than PREDICT_MAX_AGE_SECONDS before they came",
    ("symbol",),
)
