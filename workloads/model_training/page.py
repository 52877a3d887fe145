"""The page that is stored with a model version: how it did on the window that it had not seen."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, tostring

import numpy as np

from workloads.kit.contracts.models import Card
from workloads.kit.revisions import Micros, instants
from workloads.kit.windows import Floats
from workloads.model_training import charts

_PARTS: Final = 10
"""Stretches of the window whose coverage is told apart."""

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:800px;margin:2em auto;padding:0 1em;color:#222}"
    "h2{font-size:1.1em;margin:1.6em 0 .2em}td,th{padding:.1em 1.2em .1em 0;text-align:left}svg{width:100%}"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """The rows of the window, each (n,): when the session was, its price, the next one as forecast and as it
    came, the ends of the interval. `importances` is by feature the rise of the error where it is shuffled."""

    event: Micros
    price: Floats
    forecast: Floats
    actual: Floats
    lower: Floats
    upper: Floats
    importances: Mapping[str, float]


def importances(
    predict: Callable[[Floats], Floats], x: Floats, y: Floats, names: list[str], seed: int
) -> dict[str, float]:
    """By feature, the share that the mean absolute error rises by where its values are shuffled (Breiman
    2001, Machine Learning 45): of rows (n, F) that the model had not seen. About 0 is of no use to it."""
    draw = np.random.default_rng(seed)
    error = float(np.abs(predict(x) - y).mean())
    found: dict[str, float] = {}
    for place, name in enumerate(names):
        shuffled = x.copy()
        shuffled[:, place] = draw.permutation(shuffled[:, place])
        risen = float(np.abs(predict(shuffled) - y).mean())
        found[name] = risen / error - 1 if error else 0.0
    return found


def render(card: Card, judged: Judged) -> str:
    """One HTML document that loads nothing from anywhere."""
    title = html.escape(f"{card.symbol}, made {card.created_at:%Y-%m-%d %H:%M} UTC")
    parts = [
        _chart("Forecast and what came", _forecast(judged)),
        _chart("Mean absolute error, of forecast and last price", *_errors(judged)),
        _chart(
            f"Share of prices within the interval, meant {card.nominal_level:.0%}", _coverage(card, judged)
        ),
        _chart("Rise of the error where an input is shuffled", _importances(judged)),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{_facts(card)}{''.join(parts)}</body></html>\n"
    )


def _facts(card: Card) -> str:
    window, score = card.evaluated.window, card.evaluated
    rows = {
        "Skill": f"{card.skill}: {'; '.join(card.reasons)}",
        "Judged on": f"{window.rows} sessions, {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}, not seen",
        "Learned from": f"{card.trained.rows} sessions, {card.trained.start:%Y-%m-%d} to"
        f" {card.trained.end:%Y-%m-%d}, {card.provenance} prices",
        "Saved of the naive error": f"{score.skill:+.2%}, at least {score.lower:+.2%}; on the windows before"
        f" {card.walk_forward.skill:+.2%}",
        "Within the interval": "" if score.coverage is None else f"{score.coverage:.1%}",
        "Code": card.code_version,
    }
    lines = (f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in rows.items())
    return f"<table>{''.join(lines)}</table>"


def _chart(title: str, *drawn: Element) -> str:
    return f"<h2>{html.escape(title)}</h2>" + "".join(tostring(one, encoding="unicode") for one in drawn)


def _forecast(judged: Judged) -> Element:
    first, last = (f"{at:%Y-%m-%d}" for at in instants(judged.event[[0, -1]]))
    lines = {"what came": judged.actual, "forecast": judged.forecast}
    return charts.over_time("Forecast and price", (first, last), lines, (judged.lower, judged.upper))


def _errors(judged: Judged) -> tuple[Element, Element]:
    """By hour (UTC) where sessions have several, else by weekday: of the model, and of the last price."""
    times = instants(judged.event)
    by_hour = len({at.hour for at in times}) > 1
    key = np.array([at.hour if by_hour else at.weekday() for at in times])
    kinds = np.unique(key).tolist()
    names = [f"{kind:02}" if by_hour else _DAYS[kind] for kind in kinds]

    def mean(errors: Floats) -> Floats:
        return np.array([errors[key == kind].mean() for kind in kinds])

    ours, naive = np.abs(judged.forecast - judged.actual), np.abs(judged.price - judged.actual)
    return (
        charts.bars("Error of the forecast", names, mean(ours)),
        charts.bars("Error of the last price", names, mean(naive)),
    )


def _coverage(card: Card, judged: Judged) -> Element:
    held = (judged.lower <= judged.actual) & (judged.actual <= judged.upper)
    stretches = np.array_split(np.arange(len(held)), min(_PARTS, len(held)))
    names = [f"{instants(judged.event[rows[:1]])[0]:%Y-%m-%d}" for rows in stretches]
    values = np.array([held[rows].mean() for rows in stretches])
    return charts.bars("Coverage by stretch of the window", names, values, card.nominal_level)


def _importances(judged: Judged) -> Element:
    ranked = sorted(judged.importances.items(), key=lambda one: -one[1])
    return charts.bars("Importances", [name for name, _ in ranked], np.array([by for _, by in ranked]))
