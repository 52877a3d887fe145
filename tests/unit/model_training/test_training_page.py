"""The page of a model version: whole in itself, true to what was judged, and small."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.prices import walk
from tests.unit.model_training.test_training_candidate import made
from workloads.model_training import charts, page
from workloads.model_training.candidate import Candidate

SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)


@pytest.fixture(scope="module")
def candidate() -> Candidate:
    return made(walk(3, 900))


def test_it_loads_nothing_and_runs_nothing(candidate: Candidate) -> None:
    class Loads(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[tuple[str, str]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            loading = [name for name, _ in attrs if name in ("src", "href", "srcset", "style", "onload")]
            self.found += [(tag, name) for name in loading]
            assert tag not in ("script", "link", "img", "iframe", "object")

    parser = Loads()
    parser.feed(candidate.page)
    assert parser.found == []
    assert "url(" not in candidate.page
    assert "http" not in candidate.page
    assert len(candidate.page) < 100_000


def test_it_says_what_the_card_says_and_draws_all_that_was_judged(candidate: Candidate) -> None:
    card = candidate.artifact.card
    assert f"{card.evaluated.skill:+.2%}" in candidate.page
    assert f"{card.evaluated.coverage:.1%}" in candidate.page
    forecast, ours, naive, coverage, importances = map(ElementTree.fromstring, SVG.findall(candidate.page))
    lines = [line.attrib["points"].split() for line in forecast.iter("polyline")]
    assert [len(points) for points in lines] == [card.evaluated.window.rows] * 2
    (band,) = forecast.iter("polygon")
    assert len(band.attrib["points"].split()) == 2 * card.evaluated.window.rows

    def told(chart: ElementTree.Element) -> dict[str, float]:
        texts = (str(title.text).rpartition(": ") for title in chart.iter("title"))
        return {name: float(value) for name, _, value in texts}

    assert list(told(ours)) == list(told(naive)) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert np.mean(list(told(ours).values())) == pytest.approx(card.price_mae, rel=0.01)
    assert np.mean(list(told(naive).values())) == pytest.approx(card.price_mae_naive, rel=0.01)
    assert np.mean(list(told(coverage).values())) == pytest.approx(card.evaluated.coverage, abs=0.01)
    assert set(told(importances)) == set(card.features)


def test_an_input_that_all_depends_on_matters_and_one_that_nothing_does_does_not() -> None:
    x = np.random.default_rng(1).normal(size=(400, 2))
    found = page.importances(lambda rows: rows[:, 0] * 0.5, x, x[:, 0], ["all", "none"], 1)
    assert found["none"] == 0
    assert found["all"] > 0.5


def test_bars_stand_on_zero_and_higher_is_more() -> None:
    chart = charts.bars("a <label>", ["x&y", "b", "c"], np.array([1.0, 2.0, -1.0]), aim=1.5)
    boxes = [{name: float(box.attrib[name]) for name in ("y", "height")} for box in chart.iter("rect")]
    zero = boxes[0]["y"] + boxes[0]["height"]
    assert boxes[1]["y"] + boxes[1]["height"] == pytest.approx(zero, abs=0.11)
    assert boxes[2]["y"] == pytest.approx(zero, abs=0.11)
    assert boxes[1]["height"] == pytest.approx(2 * boxes[0]["height"], abs=0.3)
    assert b"x&amp;y" in ElementTree.tostring(chart)


@pytest.mark.parametrize("values", [np.zeros(3), np.full(3, -7.0), np.array([5.0])])
def test_what_never_moves_is_drawn_all_the_same(values: np.ndarray) -> None:
    text = ElementTree.tostring(charts.over_time("x", ("a", "b"), {"one": values}, (values, values)))
    assert b"nan" not in text
    assert b"inf" not in text
