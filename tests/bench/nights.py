"""The gate and the watch of forecasts over a year of nights, in worlds whose truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from tests import worlds
from tests.bench import trained
from tests.bench.measure import Measured, Sample
from tests.bench.report import Aim, Figure, at_least, at_most
from tests.bench.rig import Rig
from tools.console import Step
from workloads.kit.windows import Floats
from workloads.model_training import monitor
from workloads.model_training.runs import standing
from workloads.model_training.runs.settings import ForecastSettings
from workloads.model_training.runs.standing import Standing
from workloads.model_training.settings import MonitorSettings

_SETTINGS: Final = ForecastSettings.model_construct()
_NIGHTS: Final = 364
_WALKED: Final = 182
"""Days before the first night, forecast by what was known then."""
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_KIND: Final = "ensemble"
_MONITOR: Final = MonitorSettings.model_construct()
_SESSIONS: Final = 250
"""Of a year."""


def run(rig: Rig, step: Step) -> list[Figure]:
    console = Console() if Console().is_terminal else Console(width=120)
    return [
        *_noise(rig.sized(100, 2), rig.sized(1000, 100), step, console),
        *_champions(rig.sized(100, 4), step, console),
        *_sessions(rig.sized(100, 2), step, console),
        *_year(rig.sized(20, 1), step, console),
        *trained.run(rig, step),
    ]


def _noise(families: int, symbols: int, step: Step, console: Console) -> list[Figure]:
    """Families of symbols of which none, or a tenth, has skill: what one look at them promotes."""
    table = _table(f"One look at {symbols:,} symbols, {families} times", "any promoted %", "most", "found %")
    rate = _SETTINGS.false_discovery_rate
    any_at_all: dict[str, float] = {}
    found_of: dict[str, float] = {}
    wrong_of: dict[str, float] = {}
    for number, (world, leads) in enumerate(worlds.WORLDS.items()):
        step.detail(f"a look at noise: {world}")
        draw = np.random.default_rng(number)
        wrong = [len(_promoted([leads(draw, _WALKED) for _ in range(symbols)])) for _ in range(families)]
        able = symbols // 10
        named = _promoted([leads(draw, _WALKED) + 0.5 * (n < able) for n in range(symbols)])
        any_at_all[world] = sum(one > 0 for one in wrong) / families
        found_of[world] = sum(name < able for name in named) / able
        wrong_of[world] = sum(name >= able for name in named) / max(1, len(named))
        table.add_row(world, _percent(any_at_all[world]), str(max(wrong)), _percent(found_of[world]))
    console.print(table)
    return [
        _worst("any of noise alone is promoted at a look", any_at_all, at_most, _within(rate, families)),
        _worst("of those promoted beside a tenth that leads, by luck", wrong_of, at_most, 2 * rate),
        _worst("of a tenth that leads by half a deviation, promoted", found_of, at_least, 0.8),
    ]


def _champions(count: int, step: Step, console: Console) -> list[Figure]:
    """Champions that are as good as naive, and such as are worse, over a year of looks."""
    table = _table(
        f"{count} champions a world over a year", "no better: fall %", "worse by 1: fall %", "after days"
    )
    falls: dict[str, float] = {}
    for number, (world, leads) in enumerate(worlds.WORLDS.items()):
        step.detail(f"champions: {world}")
        draw = np.random.default_rng(100 + number)
        even = [_fell(leads(draw, _WALKED + _NIGHTS)) for _ in range(count)]
        bad = [_fell(leads(draw, _WALKED + _NIGHTS) - 1.0 * _live()) for _ in range(count)]
        days = [one for one in bad if one is not None]
        falls[world] = sum(one is not None for one in even) / count
        median = f"{np.median(days):.0f}" if days else ""
        table.add_row(world, _percent(falls[world]), _percent(len(days) / count), median)
    console.print(table)
    level = _within(_SETTINGS.watch_level, count)
    return [_worst("champions as good as naive that fall within a year", falls, at_most, level)]


def _sessions(count: int, step: Step, console: Console) -> list[Figure]:
    """Champions of the next session that are as good as naive, looked at with each outcome of a year."""
    table = _table(f"{count} champions of the next session a world over {_SESSIONS} sessions", "fall %")
    falls: dict[str, float] = {}
    for storms in (False, True):
        world = "quiet and wild weeks" if storms else "sessions alike"
        step.detail(f"champions of the next session: {world}")
        draw = np.random.default_rng(300 + storms)
        falls[world] = sum(_session_falls(*_next_session(draw, storms=storms)) for _ in range(count)) / count
        table.add_row(world, _percent(falls[world]))
    console.print(table)
    bound = _within(_SETTINGS.watch_level, count)
    return [_worst("champions of the next session as good as naive that fall", falls, at_most, bound)]


def _next_session(draw: np.random.Generator, *, storms: bool) -> tuple[Floats, Floats]:
    """Absolute errors of a forecast that overshoots by as much as naive falls short, and of naive."""
    size = np.exp(np.cumsum(draw.normal(0, 0.05, _SESSIONS))) if storms else np.ones(_SESSIONS)
    moved, noise = (draw.normal(0, 0.25, _SESSIONS) * size, draw.standard_t(4, _SESSIONS) * size)
    return np.abs(noise - moved), np.abs(noise + moved)


def _session_falls(ours: Floats, naive: Floats) -> bool:
    looks = range(_MONITOR.live_min_outcomes, _SESSIONS + 1)
    newest = (slice(max(0, n - _MONITOR.live_outcomes), n) for n in looks)
    return any(monitor.at_most(ours[at], naive[at], _MONITOR) < _MONITOR.live_min_skill for at in newest)


@dataclass(slots=True)
class _Symbol:
    """What is true of one, and how it stands on a night."""

    truth: str
    leads: Floats
    mean: Floats
    state: Standing = field(default_factory=lambda: Standing(None, None, None, None))
    risen: int = 0
    """The night on which its champion was promoted."""


def _year(each: int, step: Step, console: Console) -> list[Figure]:
    """Every night all symbols: watched, looked at where that is due, promoted together."""
    draw, length = np.random.default_rng(200), _WALKED + _NIGHTS
    symbols = []
    for truth, course in worlds.TRUTHS.items():
        mean = np.concatenate([np.full(_WALKED, course(_NIGHTS)[0]), course(_NIGHTS)])
        for leads in worlds.WORLDS.values():
            symbols += [_Symbol(truth, leads(draw, length) + mean, mean) for _ in range(each)]
    counts: Counter[tuple[str, str]] = Counter()
    for night in range(_NIGHTS):
        step.detail(f"night {night + 1} of {_NIGHTS}, {len(symbols)} symbols")
        _night(symbols, night, counts)
    columns = (
        "symbols",
        "promotions",
        "wrong",
        "roll-backs",
        "wrong",
        "nights served good %",
        "served bad %",
    )
    table = _table(f"A year of {_NIGHTS} nights, {len(symbols)} symbols", *columns)
    for truth in worlds.TRUTHS:
        n = each * len(worlds.WORLDS)
        told = [str(counts[truth, name]) for name in ("rise", "rise wrong", "fall", "fall wrong")]
        good, bad = (counts[truth, name] for name in ("good", "bad"))
        could, should_not = counts[truth, "could"], counts[truth, "should not"]
        table.add_row(truth, str(n), *told, _of(good, could), _of(bad, should_not))
    console.print(table)

    def total(name: str) -> int:
        return sum(counts[truth, name] for truth in worlds.TRUTHS)

    return [
        _figure(
            "a year: promotions that were wrong", total("rise wrong") / max(1, total("rise")), at_most, 0.05
        ),
        _figure(
            "a year: roll-backs that were wrong", total("fall wrong") / max(1, total("fall")), at_most, 0.05
        ),
        _figure(
            "a year: nights with a champion where one is better",
            total("good") / total("could"),
            at_least,
            0.8,
        ),
        _figure(
            "a year: nights with a champion that is worse, of all when the model is worse",
            total("bad") / total("should not"),
            at_most,
            0.2,
        ),
    ]


def _night(symbols: list[_Symbol], night: int, counts: Counter[tuple[str, str]]) -> None:
    now = _START + timedelta(days=night)
    until = _WALKED + night
    for one in symbols:
        better = one.mean[until] > 0
        if one.state.champion is not None and _falls(one.leads[:until], night - one.risen):
            one.state = replace(one.state, champion=None, since=None, fell=now)
            counts[one.truth, "fall"] += 1
            counts[one.truth, "fall wrong"] += int(one.mean[until] >= 0)
        counts[one.truth, "could"] += int(better)
        counts[one.truth, "should not"] += int(one.mean[until] < 0)
    due = [n for n, one in enumerate(symbols) if one.state.is_due(_KIND, now, _SETTINGS)]
    if due:
        newest = [symbols[n].leads[:until][-_SETTINGS.gate_days :] for n in due]
        risen = {due[place] for place in _promoted(newest)}
        for n in due:
            symbols[n].state = replace(symbols[n].state, looked=now)
        for one in (symbols[n] for n in risen):
            one.state, one.risen = replace(one.state, champion=_KIND, since=now), night
            counts[one.truth, "rise"] += 1
            counts[one.truth, "rise wrong"] += int(one.mean[until] <= 0)
    for one in symbols:
        if one.state.champion is not None:
            counts[one.truth, "good"] += int(one.mean[until] > 0)
            counts[one.truth, "bad"] += int(one.mean[until] < 0)


def _promoted(leads: list[Floats]) -> frozenset[int]:
    """The places of those that the gate lets pass, of all together."""
    _, passed = standing.judge({str(n): worlds.losses(one) for n, one in enumerate(leads)}, _SETTINGS)
    return frozenset(int(name) for name in passed)


def _falls(leads: Floats, days: int) -> bool:
    """Whether a champion of so many live days falls, whose leads these are up to now."""
    if days == 0 or days % _SETTINGS.watch_days:
        return False  # the verdict is that of the look before
    walked = worlds.losses(leads)
    outcomes = np.stack([walked.ours, walked.baseline], axis=1)[-days:]
    return standing.falls(outcomes, walked, _SETTINGS) is not None


def _fell(leads: Floats) -> int | None:
    """Days after which a champion falls that rose after _WALKED."""
    looks = range(_SETTINGS.watch_days, _NIGHTS + 1, _SETTINGS.watch_days)
    return next((days for days in looks if _falls(leads[: _WALKED + days], days)), None)


def _live() -> Floats:
    return np.concatenate([np.zeros(_WALKED), np.ones(_NIGHTS)])


def _within(rate: float, tries: int) -> float:
    """What so many tries may show of a rate that is kept: two of their standard errors more."""
    return rate + 2 * (rate * (1 - rate) / tries) ** 0.5


def _worst(
    name: str, by_world: dict[str, float], aim: Callable[[Measured, float], Aim], bound: float
) -> Figure:
    """The figure of the world that is the hardest for it."""
    pick = min if aim is at_least else max
    world = pick(by_world, key=by_world.__getitem__)
    figure = _figure(name, by_world[world], aim, bound)
    return msgspec.structs.replace(figure, note=f"in the world '{world}', the worst of {len(by_world)}")


def _figure(name: str, value: float, aim: Callable[[Measured, float], Aim], bound: float) -> Figure:
    ours = Sample.of([value])
    return Figure(name=name, unit="share", ours=ours, others=[], aims=[aim(ours, bound)])


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _of(part: int, whole: int) -> str:
    return _percent(part / whole) if whole else ""
