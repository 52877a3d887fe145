"""Charts as SVG, small enough to stand in a page: a line over time with a band, and bars.

A library that draws would be sixty megabytes of the image for these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from workloads.kit.windows import Floats

_WIDTH, _HEIGHT = 760, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 28
_COLOURS: Final = ("#1f5fa8", "#b4531a")
_INK, _BAND = "#444", "#c9d8ea"
_TICKS: Final = 4


def over_time(
    label: str, ends: tuple[str, str], lines: Mapping[str, Floats], band: tuple[Floats, Floats] | None = None
) -> Element:
    """Lines of one length, each in its colour, over time; `ends` are the texts below its first and last.

    Args:
        band: lower and upper ends of what is filled behind them.
    """
    drawn = [*lines.values(), *(band or ())]
    scale = _Scale(min(float(one.min()) for one in drawn), max(float(one.max()) for one in drawn))
    chart = _frame(label, scale)
    if band is not None:
        there = [*scale.points(band[1]), *reversed(scale.points(band[0]))]
        SubElement(chart, "polygon", points=" ".join(there), fill=_BAND)
    for place, (name, values) in enumerate(lines.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        points = " ".join(scale.points(values))
        SubElement(chart, "polyline", points=points, fill="none", stroke=colour)
        _text(chart, _LEFT + 8 + 110 * place, _TOP + 12, name, fill=colour)
    _text(chart, _LEFT, _HEIGHT - 8, ends[0])
    _text(chart, _WIDTH - _RIGHT, _HEIGHT - 8, ends[1], anchor="end")
    return chart


def bars(label: str, names: Sequence[str], values: Floats, aim: float | None = None) -> Element:
    """A bar a name, from zero; `aim` is a level that is drawn across them."""
    marks = [0.0, *values.tolist(), *([] if aim is None else [aim])]
    scale = _Scale(min(marks), max(marks))
    chart = _frame(label, scale)
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(names))
    for place, (name, value) in enumerate(zip(names, values.tolist(), strict=True)):
        top, bottom = sorted((scale.y(value), scale.y(0.0)))
        box = {"x": _short(_LEFT + step * (place + 0.15)), "y": _short(top), "width": _short(step * 0.7)}
        bar = SubElement(chart, "rect", {**box, "height": _short(bottom - top), "fill": _COLOURS[0]})
        SubElement(bar, "title").text = f"{name}: {value:.4g}"
        _text(chart, _LEFT + step * (place + 0.5), _HEIGHT - 8, name, anchor="middle")
    if aim is not None:
        _level(chart, scale.y(aim), _COLOURS[1])
    return chart


class _Scale:
    """From values to places on the chart."""

    def __init__(self, low: float, high: float) -> None:
        room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        self.low, self.high = low - room, high + room

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def points(self, values: Floats) -> list[str]:
        places = np.linspace(_LEFT, _WIDTH - _RIGHT, max(2, len(values)))
        return [f"{_short(x)},{_short(self.y(v))}" for x, v in zip(places, values.tolist(), strict=False)]


def _frame(label: str, scale: _Scale) -> Element:
    chart = Element("svg", {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img", "aria-label": label})
    for value in np.linspace(scale.low, scale.high, _TICKS + 2)[1:-1].tolist():
        _level(chart, scale.y(value), "#ddd")
        _text(chart, _LEFT - 6, scale.y(value) + 4, f"{value:.4g}", anchor="end")
    return chart


def _level(chart: Element, y: float, colour: str) -> None:
    ends = {"x1": str(_LEFT), "x2": str(_WIDTH - _RIGHT), "y1": _short(y), "y2": _short(y)}
    SubElement(chart, "line", {**ends, "stroke": colour})


def _text(chart: Element, x: float, y: float, text: str, *, anchor: str = "start", fill: str = _INK) -> None:
    place = {"x": _short(x), "y": _short(y), "text-anchor": anchor, "fill": fill, "font-size": "11"}
    SubElement(chart, "text", place).text = text


def _short(value: float) -> str:
    return f"{value:.1f}"
