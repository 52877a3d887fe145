"""How many are promoted by luck of a thousand symbols, and how many that have skill."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import WORLDS
from workloads.kit.windows import Floats
from workloads.model_training.promotion import FEWEST, Losses, discoveries, p_value, worst

SYMBOLS, DAYS, RATE = 1000, 182, 0.05


def simulated(seed: int, skilled: int, lead: float = 0.0) -> dict[str, Losses]:
    """Losses of a thousand symbols, as a day's are: skewed, with days that are bad for both. The first
    `skilled` are better by `lead` of their baseline."""
    draw = np.random.default_rng(seed)
    common = draw.gamma(4, 1, (SYMBOLS, DAYS))
    ours, baseline, champion = (common * draw.gamma(9, 1 / 9, (SYMBOLS, DAYS)) for _ in range(3))
    ours[:skilled] *= 1 - lead
    return {f"S{n}": Losses(ours[n], baseline[n], champion[n] if n % 2 else None) for n in range(SYMBOLS)}


def promoted(losses: dict[str, Losses]) -> frozenset[str]:
    return discoveries({symbol: worst(one) for symbol, one in losses.items()}, RATE)


def test_of_a_thousand_symbols_of_pure_noise_any_is_promoted_at_most_at_the_stated_rate() -> None:
    """Without regard to their number, some fifty of them would be."""
    families = 20
    wrong = [promoted(simulated(seed, skilled=0)) for seed in range(families)]
    # Were the rate just kept, more than this would come about once in a thousand.
    limit = RATE * families + 3.1 * (families * RATE * (1 - RATE)) ** 0.5
    assert sum(bool(one) for one in wrong) <= limit
    single = {symbol: worst(one) for symbol, one in simulated(0, skilled=0).items()}
    assert sum(p < RATE for p in single.values()) > 10


def test_of_those_promoted_few_are_so_by_luck_and_most_that_have_skill_are() -> None:
    shares, found = [], []
    for seed in range(4):
        names = promoted(simulated(seed, skilled=100, lead=0.18))
        true = sum(int(name[1:]) < 100 for name in names)
        shares.append(1 - true / len(names))
        found.append(true / 100)
    assert np.mean(shares) <= RATE
    assert np.mean(found) > 0.9


def test_a_lead_over_the_baseline_alone_promotes_nobody_over_a_champion() -> None:
    draw = np.random.default_rng(1)
    ours, champion = draw.gamma(9, 1, DAYS), draw.gamma(9, 1, DAYS)
    assert worst(Losses(ours, ours + 1.0)) < 1e-9
    assert worst(Losses(ours, ours + 1.0, champion)) > 0.05


def test_the_p_value_is_uniform_where_nothing_tells_two_apart_in_its_tail_too() -> None:
    draw = np.random.default_rng(2)
    found = np.array([p_value(draw.normal(5, 1, 30), draw.normal(5, 1, 30)) for _ in range(10_000)])
    for level in (0.05, 0.01, 0.001):
        expected = level * len(found)
        assert abs((found <= level).sum() - expected) < 4 * expected**0.5


def after_one_another(draw: np.random.Generator, rows: int, days: int, share: float = 0.5) -> Floats:
    """Leads without skill, each day's `share` of the day before's and noise: (rows, days)."""
    found = np.empty((rows, days))
    day = draw.normal(0, (1 - share**2) ** -0.5, rows)
    for place in range(days):
        found[:, place] = day
        day = share * day + draw.normal(0, 1, rows)
    return found


@pytest.mark.parametrize(("days", "few", "fewer"), [(DAYS, 0.075, 0.02), (FEWEST, 0.09, 0.027)])
def test_leads_that_follow_one_another_are_found_hardly_more_often_than_the_level_says(
    days: int, few: float, fewer: float
) -> None:
    """Taken as independent, 17 % of them pass at 5 %, and 9 % at 1 %."""
    leads = after_one_another(np.random.default_rng(3), 4000, days)
    found = np.array([p_value(np.zeros(days), lead) for lead in leads])
    assert 0.035 < np.mean(found <= 0.05) < few
    assert 0.005 < np.mean(found <= 0.01) < fewer


@pytest.mark.parametrize("world", ["much skewed", "skewed, days alike"])
def test_leads_with_few_days_that_are_far_worse_pass_hardly_more_often_than_the_level_says(
    world: str,
) -> None:
    """By Student's test alone 3.4 % of the first pass at 1 %, and 0.9 % at 0.1 %."""
    draw = np.random.default_rng(7)
    leads = [-WORLDS[world](draw, DAYS) for _ in range(4000)]
    found = np.array([p_value(np.zeros(DAYS), lead) for lead in leads])
    assert 0.005 < np.mean(found <= 0.01) < 0.02
    assert np.mean(found <= 0.001) < 0.0035


def test_of_symbols_whose_leads_follow_one_another_any_is_promoted_about_at_the_stated_rate() -> None:
    draw = np.random.default_rng(4)
    families = [
        {f"S{n}": p_value(np.zeros(DAYS), lead) for n, lead in enumerate(after_one_another(draw, 20, DAYS))}
        for _ in range(200)
    ]
    wrong = sum(bool(discoveries(one, RATE)) for one in families)
    assert wrong <= 200 * (RATE + 3 * (RATE * (1 - RATE) / 200) ** 0.5)


def test_a_lead_that_is_the_same_every_day_to_the_last_bit_is_no_fault() -> None:
    theirs = np.linspace(1, 2, 60)
    assert p_value(theirs - 0.1, theirs) < 1e-9
    assert p_value(theirs, theirs - 0.1) > 1 - 1e-9


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (np.ones(FEWEST - 1), np.full(FEWEST - 1, 2.0), 1.0),  # too few days
        (np.ones(60), np.ones(60), 1.0),
        (np.ones(60), np.full(60, 2.0), 0.0),
        (np.full(60, 2.0), np.ones(60), 1.0),
        (np.full(60, np.nan), np.ones(60), 1.0),
    ],
)
def test_what_cannot_be_told_is_no_lead(ours: Floats, theirs: Floats, expected: float) -> None:
    assert p_value(ours, theirs) == expected


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.floats(0, 1), max_size=30), st.floats(0.01, 0.3))
def test_discoveries_are_the_least_p_values_and_more_at_a_higher_rate(
    p_values: dict[str, float], rate: float
) -> None:
    found = discoveries(p_values, rate)
    assert found >= {name for name, p in p_values.items() if p <= rate / len(p_values)}
    assert all(p_values[name] <= rate for name in found)
    assert all(p_values[a] <= p_values[b] for a in found for b in set(p_values) - found)
    assert found <= discoveries(p_values, min(0.5, rate * 1.5))
