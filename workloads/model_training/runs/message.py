"""What is told of a delivery day: its periods, how sure they are, what they come from and what moved them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import structlog

from workloads.kit.contracts.forecasts import LEVELS, NOMINAL_LEVEL, DeliveryForecast, ForecastPeriod
from workloads.kit.contracts.instruments import ForecastKind, Instrument
from workloads.kit.windows import Floats
from workloads.model_training.runs import model, standing
from workloads.model_training.runs.known import Known
from workloads.model_training.runs.model import Made

_log: Any = structlog.get_logger(__name__)


def of(
    instrument: Instrument,
    found: Known,
    champion: ForecastKind | None,
    kinds: Mapping[ForecastKind, Made],
    at: datetime,
) -> DeliveryForecast:
    """The champion's forecast, made at `at`, or without one that of the settings' kind, which claims no
    skill."""
    kind = champion or instrument.kind
    made = kinds[kind]
    newest = found.newest
    # A model that does without what is missing has no proof of its own.
    proven = champion is not None and not found.missing
    return DeliveryForecast(
        source=instrument.source,
        market=newest.market,
        symbol=instrument.symbol,
        resolution=instrument.resolution,
        currency=newest.currency,
        unit=newest.unit,
        provenance=newest.provenance,  # pyright: ignore[reportArgumentType]  # as its table's check has it
        delivery_day=found.delivery,
        time_zone=instrument.time_zone,
        issued_at=found.issued_at,
        available_time=at,
        event_time=newest.delivery_start,
        price_available_time=newest.published_at,
        price=newest.price,
        kind=kind,
        model_name=standing.model_name(kind),
        model_version=model.VERSION,
        model_alias="champion" if champion is not None else "challenger",
        skill="proven" if proven else "none",
        skill_score=round(standing.skill(made.losses), 6),
        nominal_level=NOMINAL_LEVEL,
        levels=list(LEVELS),
        missing=list(found.missing),
        periods=list(_periods(found, made, _moved(instrument.symbol, made))),
    )


def _moved(symbol: str, made: Made) -> dict[str, Floats]:
    """What moved a forecast; nothing where that cannot be told, for which no forecast stays away."""
    try:
        found = made.drivers()
    except Exception:  # it asks a model for hundreds of forecasts, and no database
        _log.exception("forecast_not_explained", symbol=symbol)
        return {}
    return found if all(np.isfinite(by).all() for by in found.values()) else {}


def _periods(found: Known, made: Made, moved: Mapping[str, Floats]) -> Iterator[ForecastPeriod]:
    for start, end in found.grid.periods(found.delivery):
        place = found.grid.place(start)
        prediction, quantiles = float(made.prediction[place]), made.quantiles[:, place].tolist()
        yield ForecastPeriod(
            delivery_start=start,
            delivery_end=end,
            prediction=prediction,
            lower=min(quantiles[0], prediction),
            upper=max(quantiles[-1], prediction),
            baseline=float(made.baseline[place]),
            quantiles=quantiles,
            moved_by={name: round(float(by[place]), 4) for name, by in moved.items()},
        )
