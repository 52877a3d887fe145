"""Forward curves: each quote repriced, as smooth as the published method makes them, contradictions named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.kit.curves.build import Curve, build
from workloads.kit.curves.consistency import Contradictory
from workloads.kit.curves.grid import Grid
from workloads.kit.curves.quotes import Product, Quote, days
from workloads.kit.curves.shape import Shape, learn
from workloads.kit.markets import peak
from workloads.kit.windows import Floats

BERLIN = ZoneInfo("Europe/Berlin")
POWER = peak("power")
PERIODS = (
    *("2027-01", "2027-02", "2027-03", "2027-04", "2027-10", "2027-Q1", "2027-Q2", "2027-Q4", "2027"),
    *("2027-W05", "2027-W12", "2027-W43", "2027-03-28", "2027-10-31", "2027-11-02", "2028", "2028-Q1"),
)
"""Overlapping, with both changes of the clock: a day of 23 hours and one of 25."""


def _quotes(**prices: float) -> list[Quote]:
    return [Quote(period=name[1:].replace("_", "-"), price=price) for name, price in prices.items()]


MONTHS = _quotes(y2027_01=80, y2027_02=78, y2027_03=60)


@st.composite
def _consistent(draw: st.DrawFn) -> tuple[list[Quote], Curve]:
    """Overlapping quotes of one hidden curve, rounded nowhere, and that curve."""
    names = draw(st.lists(st.sampled_from(PERIODS), min_size=1, max_size=12, unique=True))
    products = [
        Product(period=name, profile=draw(st.sampled_from(["base", "peak", "off-peak"]))) for name in names
    ]
    grid = Grid.of(date(2027, 1, 1), date(2029, 1, 1), BERLIN, POWER)
    seed = draw(st.integers(0, 2**32 - 1))
    hidden = Curve("", grid, np.random.default_rng(seed).normal(30, 60, len(grid.starts)))
    priced: list[Quote] = []
    for one in products:
        if grid.within(*one.days, one.profile).any():
            priced.append(Quote(period=one.period, profile=one.profile, price=hidden.mean(one)))
    return priced or [Quote(period="2027", price=hidden.mean(Product(period="2027")))], hidden


@settings(max_examples=40, deadline=None)
@given(_consistent(), st.booleans())
def test_each_quote_is_repriced(drawn: tuple[list[Quote], Curve], shaped: bool) -> None:
    quotes, _ = drawn
    shape = None
    if shaped:
        rng = np.random.default_rng(1)
        shape = Shape(rng.normal(0, 5, 4), rng.normal(0, 5, 7), rng.normal(0, 20, (4, 3, 24)))
    curve = build(quotes, BERLIN, POWER, shape)
    for one in quotes:
        assert one.price is not None
        assert curve.mean(one) == pytest.approx(one.price, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(_consistent(), st.floats(0.01, 50), st.booleans())
def test_a_quarter_that_its_months_do_not_make_up_is_named(
    drawn: tuple[list[Quote], Curve], gap: float, above: bool
) -> None:
    quotes, hidden = drawn
    others = [one for one in quotes if one.period != "2027-Q1"]
    known = {one.name for one in others}
    months = [Quote(period=one.period, price=hidden.mean(one)) for one in MONTHS if one.name not in known]
    wrong = Quote(period="2027-Q1", price=hidden.mean(Product(period="2027-Q1")) + (gap if above else -gap))
    with pytest.raises(Contradictory) as refused:
        build([*others, *months, wrong], BERLIN, POWER)
    found = {one.quote.name: one for one in refused.value.found}
    # Where the year and the rest of it are quoted, too, it is the year that has no room.
    (one,) = found.values() if "2027-Q1 base" not in found else [found["2027-Q1 base"]]
    if one.quote == wrong:
        assert one.gap == pytest.approx(gap, abs=1e-6)
    assert wrong in (one.quote, *one.against)


def test_days_count_by_their_hours() -> None:
    # March 2027 has 743 hours, and its last Sunday 23.
    rest = Quote(period="2027-03", price=50)
    sunday = Quote(period="2027-03-28", price=0)
    curve = build([rest, sunday], BERLIN, POWER)
    others = np.delete(curve.prices, curve.hours(sunday))
    assert others.mean() == pytest.approx(50 * 743 / 720)
    assert Grid.of(date(2027, 10, 31), date(2027, 11, 1), BERLIN, POWER).clock.tolist() == [
        *(0, 1, 2, 2),
        *range(3, 24),
    ]


def test_a_contradiction_says_both_and_the_gap() -> None:
    with pytest.raises(Contradictory) as refused:
        build([*MONTHS, Quote(period="2027-Q1", price=70)], BERLIN, POWER)
    # 744, 672 and 743 hours
    implied = (80 * 744 + 78 * 672 + 60 * 743) / 2159
    assert str(refused.value) == (
        "2027-Q1 base at 70 contradicts 2027-01 base at 80, 2027-02 base at 78, 2027-03 base at 60,"
        f" which imply {implied:.6g}: {implied - 70:.4g} apart"
    )


def test_contradicting_quotes_are_met_in_least_squares_when_asked() -> None:
    quotes = [*MONTHS, Quote(period="2027-Q1", price=70), Quote(period="2027-Q2", price=50)]
    curve = build(quotes, BERLIN, POWER, least_squares=True)
    off = np.array([curve.mean(one) - (one.price or 0) for one in quotes])
    # The nearest point of {quarter = weighted months} is along that plane's normal.
    normal = np.array([744, 672, 743]) / 2159
    normal = np.append(normal, -1.0)
    asked = np.array([80, 78, 60, 70.0])
    assert off[:4] == pytest.approx(-normal * (normal @ asked) / (normal @ normal), abs=1e-4)
    assert off[4] == pytest.approx(0, abs=1e-4)


def test_a_curve_stays_within_bid_and_ask() -> None:
    wide = Quote(period="2027-Q1", bid=71, ask=74)
    tight = Quote(period="2027-W05", bid=84, ask=85)
    curve = build([*MONTHS, wide, tight], BERLIN, POWER)
    free = build(MONTHS, BERLIN, POWER)
    assert free.mean(tight) < 83  # so that the bid does something
    assert curve.mean(tight) == pytest.approx(84, abs=1e-4)
    with pytest.raises(Contradictory, match=r"2027-Q1 base with bid 73 and ask 74 contradicts .* apart"):
        build([*MONTHS, Quote(period="2027-Q1", bid=73, ask=74)], BERLIN, POWER)


def test_bounds_that_only_together_leave_no_room_are_refused() -> None:
    halves = [Quote(period=f"2027-Q{number}", bid=40, ask=60) for number in (1, 2, 3, 4)]
    weeks = [Quote(period="2027-Q1", profile=one, ask=45) for one in ("peak", "off-peak")]
    with pytest.raises(Contradictory):
        build([*halves, *weeks, Quote(period="2027", price=57)], BERLIN, POWER)


@pytest.mark.parametrize(
    ("quotes", "said"),
    [
        ([Quote(period="2027", bid=1)], "nothing says how high"),
        ([*MONTHS, MONTHS[0]], "2027-01 base is quoted twice"),
        ([Quote(period="2027-03-28", profile="peak", price=1)], "has no hours in Europe/Berlin"),
    ],
)
def test_quotes_that_say_nothing_are_refused(quotes: list[Quote], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build(quotes, BERLIN, POWER)


def _spline(edges: list[float], prices: Floats) -> Floats:
    """Coefficients (S, 5) of Benth, Koekebakker and Ollmar's curve, by its own equations: quartics between
    `edges` in years, whose value and first two derivatives go on, flat at the end, of the given means."""
    count = len(prices)
    rows: list[Floats] = []
    right: list[float] = []
    powers = np.arange(5)

    def derivative(order: int, at: float) -> Floats:
        factor = np.array([np.prod(range(one - order + 1, one + 1)) for one in powers], dtype=float)
        return factor * np.where(powers >= order, at ** np.maximum(powers - order, 0), 0.0)

    def add(value: float, **parts: Floats) -> None:
        row = np.zeros(5 * count)
        for name, part in parts.items():
            row[5 * int(name[1:]) :][:5] += part
        rows.append(row)
        right.append(value)

    quadratic = np.zeros((5 * count, 5 * count))
    for number, (begin, end) in enumerate(pairwise(edges)):
        length = end - begin  # each quartic counts time from its own begin
        add(float(prices[number]), **{f"s{number}": length ** (powers + 1) / (powers + 1) / length})
        if number + 1 < count:
            for order in range(3):
                here, there = derivative(order, length), -derivative(order, 0.0)
                add(0.0, **{f"s{number}": here, f"s{number + 1}": there})
        curvature = np.polynomial.Polynomial
        for i in range(2, 5):
            for j in range(2, 5):
                one = curvature(derivative(2, 1.0) * (powers == i)).deriv(0)
                other = curvature(derivative(2, 1.0) * (powers == j))
                integral = (curvature(one.coef[2:]) * curvature(other.coef[2:])).integ()
                quadratic[5 * number + i, 5 * number + j] = integral(length)
    add(0.0, **{f"s{count - 1}": derivative(1, edges[-1] - edges[-2])})
    equations = np.array(rows)
    size = len(equations)
    kkt = np.block([[2 * quadratic, equations.T], [equations, np.zeros((size, size))]])
    solved = np.linalg.lstsq(kkt, np.concatenate([np.zeros(5 * count), right]), rcond=None)[0]
    return solved[: 5 * count].reshape(count, 5)


def test_it_is_the_curve_of_the_published_method() -> None:
    """Benth, Koekebakker, Ollmar (2007): the same quotes, solved as splines, and no day two cents apart."""
    quotes = _quotes(
        y2027_01=80,
        y2027_02=78,
        y2027_03=60,
        y2027_Q2=50,
        y2027_Q3=55,
        y2027_Q4=75,
        y2028=62,
        y2029=58,
    )
    curve = build(quotes, ZoneInfo("UTC"), POWER)
    starts = [one.days[0] for one in quotes] + [quotes[-1].days[1]]
    edges = [(one - starts[0]).days / 365 for one in starts]
    spline = _spline(edges, np.array([one.price for one in quotes], dtype=float))
    means: list[float] = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        whole = np.polynomial.Polynomial(spline[number]).integ()
        steps = np.arange(round((end - begin) * 365) + 1) / 365
        means += (np.diff(whole(steps)) * 365).tolist()
    assert np.ptp(means) > 25
    assert np.abs(curve.daily() - means).max() < 0.02


def test_the_shape_of_history_comes_back() -> None:
    grid = Grid.of(date(2023, 1, 1), date(2026, 1, 1), BERLIN, POWER)
    weekend = np.array([0, 0, 0, 0, 0, -6, -12.0])
    weekdays = (grid.first.weekday() + np.arange(grid.days)) % 7
    hour = np.where((grid.clock >= 8) & (grid.clock < 20), 9.0, -9.0)
    prices = 70 + weekend[weekdays][grid.day] + hour * np.where(weekdays < 5, 1.0, 0.25)[grid.day]
    prices[1000:1100] = np.nan
    shape = learn(grid, prices)
    ahead = Grid.of(date(2027, 1, 4), date(2027, 1, 11), BERLIN, POWER)
    additions = shape.on(ahead)
    wanted = (weekend - weekend.mean())[ahead.day] + np.where(
        (ahead.clock >= 8) & (ahead.clock < 20), 9.0, -9.0
    ) * np.where(ahead.day < 5, 1.0, 0.25)
    # A little of the cut days' gap goes into the season.
    assert additions == pytest.approx(wanted, abs=0.1)
    with pytest.raises(ValueError, match="0 whole days"):
        learn(grid, np.full(len(prices), np.nan))


@given(st.dates(date(1900, 1, 1), date(2197, 12, 31)))
def test_a_period_holds_its_days(day: date) -> None:
    year, week, _ = day.isocalendar()
    texts = [f"{day}", f"{day:%Y-%m}", f"{day.year}-Q{(day.month + 2) // 3}", f"{day.year}"]
    if year >= 1900:
        texts.append(f"{year}-W{week:02}")
    lengths: list[int] = []
    for text in texts:
        first, after = days(text)
        assert first <= day < after
        lengths.append((after - first).days)
    assert lengths[0] == 1
    assert 28 <= lengths[1] <= 31
    assert 90 <= lengths[2] <= 92
    assert lengths[3] in (365, 366)
    assert lengths[4:] in ([], [7])


@given(st.text(max_size=12) | st.from_regex(r"\d{4}-[WQ]?\d{1,2}(-\d{1,2})?", fullmatch=True))
def test_text_is_a_period_or_is_refused_with_the_remedy(text: str) -> None:
    try:
        first, after = days(text)
    except ValueError as error:
        assert "give a year" in str(error)  # noqa: PT017 - either is right
    else:
        assert timedelta(0) < after - first <= timedelta(days=366)


def test_peak_hours_are_the_clocks() -> None:
    grid = Grid.of(date(2027, 3, 26), date(2027, 3, 30), BERLIN, POWER)
    busy = [datetime.fromtimestamp(int(one), UTC) for one in grid.starts[grid.peak]]
    assert busy[0] == datetime(2027, 3, 26, 7, tzinfo=UTC)
    assert busy[12] == datetime(2027, 3, 29, 6, tzinfo=UTC)
    assert len(busy) == 24
