"""Forecasts from features, by the symbol's model or, where it has none, by the naive last value."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from statistics import NormalDist
from typing import Any, Final

import msgspec
import numpy as np
import structlog

from workloads.kit.contracts.forecasts import NOMINAL_LEVEL
from workloads.kit.contracts.models import NAIVE, model_name
from workloads.kit.contracts.serving import Forecast, Instance
from workloads.kit.features import FeatureSpec, features
from workloads.kit.naive import usual_move
from workloads.kit.windows import Floats
from workloads.model_server.cache import Store
from workloads.model_server.models import Models, Served
from workloads.model_server.residents import ModelGone
from workloads.model_server.settings import ModelServerSettings
from workloads.model_server.store import Asked, Coverage

_log: Any = structlog.get_logger(__name__)

_REMEMBERED = 1000
"""Symbols without a model whose coverage is followed at most: those that were asked for last."""


LEAST_WIDTH: Final = 0.01
"""Least half-width of a naive interval, and of a model's that measured none, in the price's unit: most prices
are quoted to a hundredth. A price that stood still has no measured width, and an interval that is a point has
no level."""


class Unprocessable(Exception):
    """A request that is well formed and cannot be answered; `field` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class UnknownSymbol(Exception):
    """No price of the symbol is known."""


class NoForecast(Exception):
    """There is no forecast of that delivery day; the text is why, and what would help."""


class Forecaster:
    """Answers `/predict`.

    A model's interval is its card's, but is no point; where it is not finite, and the window's moves are
    known, the forecast is naive. Naive forecasts say no change, skill none. Their interval is as wide as
    the window's price changes were (`Instance.move`). Where it holds too few for the level it is, in
    this order: the normal quantile times the features' volatility; where the features are missing, what the
    symbol's model measured of returns as such; the widest of the other models' measures; `unknown_spread`.
    It is never narrower than `LEAST_WIDTH` on either side.
    """

    def __init__(self, models: Models, store: Store, settings: ModelServerSettings) -> None:
        self._models = models
        self._store = store
        self._settings = settings
        self._spec = FeatureSpec.parse(settings.feature_windows)
        self.feature_set = self._spec.version
        """Names the features that `batch` takes."""
        self._names = self._spec.names
        self._volatility = self._names.index(self._spec.volatility)
        self._normal = NormalDist().inv_cdf((1 + NOMINAL_LEVEL) / 2)
        self._coverage: Mapping[tuple[str, int], Coverage] = {}
        self._naive_symbols: OrderedDict[str, None] = OrderedDict()
        self._naive_lock = threading.Lock()

    def by_symbol(self, symbol: str, as_of: datetime | None) -> Forecast:
        """From the feature store. As of an instant by a model that was there then, else naive, and without
        the coverage, of which later outcomes are part. UnknownSymbol where it has no price; StoreAway where
        it does not answer."""
        sessions = self._store.sessions(symbol, as_of, self._spec.size)
        if sessions is None:
            raise UnknownSymbol(symbol)
        row = features(sessions.prices, self._spec)[-1]
        given: list[float] | None = row.tolist() if np.isfinite(row).all() else None
        instance = Instance(
            symbol=symbol,
            price=float(sessions.prices[-1]),
            features=given,
            move=usual_move(sessions.prices, NOMINAL_LEVEL),
        )
        models = self._models.current
        if as_of is not None:
            models = {name: served for name, served in models.items() if served.card.created_at <= as_of}
        [forecast] = self._answers([instance], models)
        if as_of is not None:
            forecast = msgspec.structs.replace(forecast, realised_coverage=None, coverage_count=0)
        return msgspec.structs.replace(forecast, event_time=sessions.event_time, stale=sessions.stale)

    def by_delivery(self, symbol: str, day: date, as_of: datetime | None) -> tuple[bytes, bool]:
        """The newest forecast of a delivery day as JSON, and whether it is stale. NoForecast where there
        is none; StoreAway where the feature store does not answer."""
        found = self._store.delivery(symbol, day, as_of)
        if found is None:
            raise NoForecast(
                f"no forecast of {symbol} for {day}: forecast-run makes those of the instruments in its list,"
                " each when it is due; without `delivery` the next session is predicted"
            )
        if found.message is None:
            raise NoForecast(f"no forecast of {symbol} for {day}: {found.reason}")
        return found.message, found.stale

    def batch(self, instances: Sequence[Instance]) -> list[Forecast]:
        """In the instances' order; naive where a symbol's model was lost. Unprocessable where an instance's
        features or price cannot be used; ModelAway where a model cannot be read just now."""
        return self._answers(instances, self._models.current)

    def _answers(self, instances: Sequence[Instance], models: Mapping[str, Served]) -> list[Forecast]:
        rows: dict[str, list[int]] = {}
        for at, instance in enumerate(instances):
            given = instance.features
            if given is not None:
                self._check(at, instance, given)
                if instance.symbol in models:
                    rows.setdefault(instance.symbol, []).append(at)
        answers: list[Forecast | None] = [None] * len(instances)
        for symbol, places in rows.items():
            served = models[symbol]
            x = np.array([instances[at].features for at in places], dtype=np.float64)
            try:
                returns, widths = self.interval(served, x)
            except ModelGone as error:
                _log.error("model.lost", symbol=symbol, serving="naive last value", error=str(error))
                continue
            for at, change, width in zip(places, returns.tolist(), widths.tolist(), strict=True):
                try:
                    answers[at] = self._modelled(served, at, instances[at], change, width)
                except Unprocessable:
                    # Returns without end, as from a price of next to nothing: how far it moves is finite.
                    if instances[at].move is None:
                        raise
        return [
            answer if answer is not None else self._naive(at, instance, models)
            for at, (answer, instance) in enumerate(zip(answers, instances, strict=True))
        ]

    def interval(self, served: Served, x: Floats) -> tuple[Floats, Floats]:
        """Log returns predicted for features of shape (n, F), and their intervals' half-widths, both (n,)."""
        card = served.card
        # Of a price that stood still all came as it said, and nothing was measured: then as a naive one's.
        widths = (card.quantile or self._normal) * np.maximum(x[:, served.volatility], card.volatility_floor)
        return served.model.predict(x), widths

    def refresh_coverage(self) -> None:
        """Read again how the served models' intervals turned out."""
        models = self._models.current
        asked = [
            Asked(symbol, served.version, served.card.evaluated.window.end)
            for symbol, served in models.items()
        ]
        with self._naive_lock:
            naive = self._naive_symbols.keys() - models.keys()
        asked += [Asked(symbol, 0, None) for symbol in sorted(naive)]
        found = self._store.coverage(asked, self._settings.coverage_outcomes)
        self._coverage = {
            (one.symbol, one.version): found[one.symbol] for one in asked if one.symbol in found
        }

    def _check(self, at: int, instance: Instance, given: list[float]) -> None:
        if len(given) != len(self._names):
            raise Unprocessable(
                f"instances[{at}].features",
                f"expected {len(self._names)} figures ({', '.join(self._names)}), got {len(given)}",
            )
        if not all(map(math.isfinite, given)):
            raise Unprocessable(f"instances[{at}].features", "expected finite figures")
        if given[self._volatility] < 0:
            name = self._spec.volatility
            raise Unprocessable(f"instances[{at}].features", f"expected {name} to be at least 0")
        if instance.price <= 0:
            raise Unprocessable(
                f"instances[{at}].price", f"expected a positive price beside features, got {instance.price}"
            )

    def _modelled(self, served: Served, at: int, instance: Instance, change: float, width: float) -> Forecast:
        card, price = served.card, instance.price
        prediction, lower, upper = _prices(
            at, lambda: (price * math.exp(change + by) for by in (0.0, -width, width))
        )
        if not (card.quantile and lower < upper):
            lower, upper = min(lower, prediction - LEAST_WIDTH), max(upper, prediction + LEAST_WIDTH)
        return Forecast(
            symbol=card.symbol,
            price=price,
            predicted_return=change,
            prediction=prediction,
            lower=lower,
            upper=upper,
            nominal_level=card.nominal_level,
            model_name=model_name(card.symbol),
            model_version=served.version,
            model_alias=served.alias,
            skill=served.skill,
            skill_score=card.evaluated.skill,
            **self._record(card.symbol, served.version),
        )

    def _naive(self, at: int, instance: Instance, models: Mapping[str, Served]) -> Forecast:
        symbol, price = instance.symbol, instance.price
        if symbol not in models:
            with self._naive_lock:
                self._naive_symbols[symbol] = None
                self._naive_symbols.move_to_end(symbol)
                if len(self._naive_symbols) > _REMEMBERED:
                    self._naive_symbols.popitem(last=False)

        def bounds() -> Iterator[float]:
            if instance.move is not None:
                down = up = instance.move
            else:
                width = self._naive_width(instance, models)
                # A price that is not positive has no log return: the same share of it on both sides.
                up = (price if price > 0 else max(-price, 1.0)) * math.expm1(width)
                down = -price * math.expm1(-width) if price > 0 else up
            yield price - max(down, LEAST_WIDTH)
            yield price + max(up, LEAST_WIDTH)

        below, above = _prices(at, bounds)
        return Forecast(
            symbol=symbol,
            price=price,
            predicted_return=0.0,
            prediction=price,
            lower=below,
            upper=above,
            nominal_level=NOMINAL_LEVEL,
            model_name=model_name(symbol),
            model_version=0,
            model_alias=NAIVE,
            skill="none",
            skill_score=None,
            **self._record(symbol, 0),
        )

    def _naive_width(self, instance: Instance, models: Mapping[str, Served]) -> float:
        if instance.features is not None:
            return self._normal * instance.features[self._volatility]
        own = models.get(instance.symbol)
        if own is not None:
            return own.card.naive_quantile
        known = (served.card.naive_quantile for served in models.values())
        return max(known, default=self._settings.unknown_spread)

    def _record(self, symbol: str, version: int) -> dict[str, Any]:
        coverage = self._coverage.get((symbol, version))
        if coverage is None:
            return {"realised_coverage": None, "coverage_count": 0}
        return {"realised_coverage": coverage.share, "coverage_count": coverage.count}


def _prices(at: int, made: Callable[[], Iterable[float]]) -> list[float]:
    """Prices that come of an instance's features; Unprocessable where one is no number."""
    try:
        prices = list(made())
    except OverflowError:
        prices = [math.inf]
    if not all(map(math.isfinite, prices)):
        raise Unprocessable(f"instances[{at}].features", "they give no finite forecast")
    return prices
