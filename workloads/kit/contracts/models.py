"""The model registry's contract: names, aliases, and the card that goes with every model."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREVIOUS: Final = "previous"
NAIVE: Final = "naive"

MODEL_FILE: Final = "model.onnx"
CARD_FILE: Final = "card.json"
PAGE_FILE: Final = "report/report.html"
"""Of the run that made a version: how it did, for people."""

ProvenanceGroup = Literal["real", "synthetic"]
"""Market and replayed prices are `real`; no model, and no figure, has both."""

Skill = Literal["proven", "none"]

_PREFIX: Final = "next-return."

_Utc = Annotated[datetime, msgspec.Meta(tz=True)]


def model_name(symbol: str) -> str:
    """Registered model of a symbol: each has its own, so that gate, skill and roll-back are its own."""
    return f"{_PREFIX}{symbol}"


def symbol_of(name: str) -> str:
    """Symbol of a registered model's name; ValueError where it is not one of ours."""
    if not name.startswith(_PREFIX):
        raise ValueError(f"{name!r} is not a model of this platform: expected {_PREFIX}<symbol>")
    return name.removeprefix(_PREFIX)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one symbol between two event times, both included."""

    start: _Utc
    end: _Utc
    rows: int


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How a model did on a window that it had not seen. Errors are of one-session log returns.

    `skill` is 1 - mae / mae_naive, the naive forecast being no change; `lower` its one-sided lower confidence
    bound from a block bootstrap. `coverage` is the share of intervals that held the return, None where
    no interval existed yet.
    """

    window: Window
    mae: float
    mae_naive: float
    skill: float
    lower: float
    coverage: float | None = None


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """Rows whose answer is known: a copy of the model that answers otherwise is not served."""

    features: list[list[float]]
    returns: list[float]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a registered model; `card.json` beside `model.onnx`.

    The model maps float32 features of shape (n, len(features)) to log returns of shape (n, 1). An interval
    is the return -+ `quantile` * max(volatility, `volatility_floor`), volatility being the feature of that
    name; it is meant to hold the next return with probability `nominal_level`; `naive_quantile` is the
    half-width of the interval around no change when the volatility is not known. `fingerprint` is equal for
    two models made from the same data by the same code and settings.
    """

    schema_version: Literal[1] = 1
    symbol: str
    provenance: ProvenanceGroup
    created_at: _Utc
    code_version: str
    fingerprint: str
    onnx_sha256: str
    feature_set: str
    features: list[str]
    volatility: str
    trained: Window
    evaluated: Score
    walk_forward: Score
    folds: list[Score]
    price_mae: float
    price_mae_naive: float
    champion_version: int | None
    champion_skill: float | None
    quantile: float
    volatility_floor: float
    naive_quantile: float
    nominal_level: float
    skill: Skill
    reasons: list[str]
    probe: Probe
