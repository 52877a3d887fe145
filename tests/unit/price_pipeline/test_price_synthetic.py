"""The generator: the same prices for ever, with the properties that it claims, and plainly synthetic."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from workloads.kit.contracts.messages import PROVENANCES, Price
from workloads.kit.contracts.sources.kinds import SyntheticSource as Config
from workloads.price_pipeline import config
from workloads.price_pipeline.checks import check
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.settings import DEFAULT_SOURCES
from workloads.price_pipeline.sources.synthetic import SyntheticSource, paths

START = date(2017, 1, 1)
GOLDEN = [62.36, 66.73, 31.7019, 0.8052, 105.2742, 78.4586, 78.5337, 79.8126]


def committed() -> Config:
    (found,) = (s for s in config.load(DEFAULT_SOURCES, PROVENANCES).sources if isinstance(s, Config))
    return found


def small(**changed: Any) -> Config:
    symbol = {
        "market": "a",
        "currency": "EUR",
        "unit": "t",
        "level": 10,
        "reversion": 0.1,
        "volatility": 0.02,
    }
    symbols = [symbol | {"symbol": "SYN-A"}, symbol | {"symbol": "SYN-B", "level": 20}]
    return Config.model_validate({"kind": "synthetic", "start": START, "symbols": symbols} | changed)


def rows_on(config: Config, now: datetime) -> list[RawRow]:
    return list(SyntheticSource(config, lambda: now).rows(None, None))


@pytest.fixture(scope="module")
def log_prices() -> NDArray[np.float64]:
    """Log prices of the committed symbols, (days, symbols)."""
    return np.log([prices for _, prices in paths(committed(), until=date(2026, 11, 20))])


def test_the_committed_generator_gives_these_prices_for_ever() -> None:
    *_, (day, prices) = paths(committed(), until=date(2017, 1, 31))

    assert day == date(2017, 1, 31)
    assert prices == GOLDEN


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 60))
def test_more_days_never_change_earlier_ones(seed: int, days: int, more: int) -> None:
    generated = small(seed=seed)

    first = list(paths(generated, until=START + timedelta(days=days)))
    longer = list(paths(generated, until=START + timedelta(days=days + more)))

    assert longer[: len(first)] == first
    assert [day for day, _ in longer] == [START + timedelta(days=n) for n in range(days + more + 1)]


def test_another_seed_gives_other_prices() -> None:
    until = START + timedelta(days=5)

    assert list(paths(small(seed=1), until)) != list(paths(small(seed=2), until))


def test_prices_stay_around_their_level_and_tend_back_to_it(log_prices: NDArray[np.float64]) -> None:
    for place, symbol in enumerate(committed().symbols):
        deviation = log_prices[:, place] - math.log(symbol.level)
        returns = np.diff(log_prices[:, place])
        # With a season the level moves too: the pull is seen against the last month's mean.
        mean = np.convolve(log_prices[:, place], np.ones(30) / 30, mode="valid")[:-1]
        pull = np.corrcoef(log_prices[29:-1, place] - mean, returns[29:])[0, 1]

        assert abs(deviation.mean()) < 0.1, symbol.symbol
        assert pull < -0.1, symbol.symbol


def test_volatility_clusters_and_jumps_make_the_tails_heavy(log_prices: NDArray[np.float64]) -> None:
    returns = np.diff(log_prices, axis=0)
    squares = np.minimum((returns / returns.std(axis=0)) ** 2, 9)

    for place, symbol in enumerate(committed().symbols):
        ours = returns[:, place] / returns[:, place].std()
        autocorrelations = [
            np.corrcoef(squares[lag:, place], squares[:-lag, place])[0, 1] for lag in range(1, 11)
        ]

        assert np.mean(autocorrelations) > 3 / math.sqrt(len(returns) * 10), symbol.symbol
        assert (ours**4).mean() > 3.3, symbol.symbol


def test_shocks_of_one_market_correlate_more_than_those_of_two(log_prices: NDArray[np.float64]) -> None:
    correlation = cast(list[list[float]], np.corrcoef(np.diff(log_prices, axis=0).T).tolist())
    markets = [symbol.market for symbol in committed().symbols]
    pairs = [(i, j) for i in range(len(markets)) for j in range(i)]

    within = [correlation[i][j] for i, j in pairs if markets[i] == markets[j]]
    across = [correlation[i][j] for i, j in pairs if markets[i] != markets[j]]

    assert min(within) > 0.55
    assert 0.1 < min(across) <= max(across) < 0.4


def test_a_price_is_dated_to_its_session_and_known_an_hour_later_and_says_that_it_is_synthetic() -> None:
    row = rows_on(small(), datetime(2017, 1, 1, 3, tzinfo=UTC))[0]

    price = check(row)
    assert isinstance(price, Price)
    assert (price.source, price.provenance, price.symbol) == ("synthetic", "synthetic", "SYN-A")
    assert price.delivery_start == datetime(2017, 1, 1, 16, tzinfo=UTC)
    assert price.published_at == datetime(2017, 1, 1, 17, tzinfo=UTC)


def test_only_the_days_asked_for_are_given() -> None:
    source = SyntheticSource(small(), lambda: datetime(2017, 3, 1, tzinfo=UTC))
    since, until = datetime(2017, 1, 5, 16, tzinfo=UTC), datetime(2017, 1, 7, 15, tzinfo=UTC)

    rows = list(source.rows(since, until))

    assert [row.event_time for row in rows[::2]] == [since, since + timedelta(days=1)]
    assert rows == [row for row in source.rows(None, None) if row in rows]


def test_faults_are_labelled_and_come_at_about_their_rates_and_again_the_same() -> None:
    shares = {"gap": 0.1, "duplicate": 0.1, "spike": 0.05, "late": 0.05, "late_days": 3}
    now = datetime(2018, 12, 31, 20, tzinfo=UTC)
    sound = {(row.symbol, row.event_time): row for row in rows_on(small(), now)}

    spoilt = rows_on(small(name="synthetic-faults", faults=shares), now)

    seen = Counter((row.symbol, row.event_time) for row in spoilt)
    kinds = Counter(row.fault for row in spoilt)
    assert len(sound) == 2 * 730
    assert 100 < len(sound) - len(seen) < 200
    assert 60 < sum(count == 2 for count in seen.values()) < 190
    assert {"duplicate", "spike", "late", None} == set(kinds)
    for row in spoilt:
        true = sound[row.symbol, row.event_time].price
        assert isinstance(true, float)
        assert row.price == (round(true * 10, 4) if row.fault == "spike" else true) or row.fault == "late"
    assert spoilt == rows_on(small(name="synthetic-faults", faults=shares), now)


def test_a_late_row_comes_days_after_its_session() -> None:
    late = small(name="faults", faults={"late": 1, "late_days": 3})

    seen = [
        {row.event_time for row in rows_on(late, datetime(2017, 1, day, 20, tzinfo=UTC))}
        for day in range(1, 7)
    ]

    assert [len(times) for times in seen] == [0, 0, 0, 1, 2, 3]
    assert all(earlier <= later for earlier, later in pairwise(seen))
