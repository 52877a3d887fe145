"""tools/steps.py: order, lanes, failure, and what is said about the time that is left."""

import json
import threading
from pathlib import Path

import pytest

from tools import steps
from tools.steps import Progress, Step


def nothing() -> None:
    return


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARBON_CACHE", str(tmp_path))
    monkeypatch.setattr(steps, "REFERENCE", tmp_path / "reference.json")
    return tmp_path


def test_a_step_begins_when_those_it_waits_for_are_done() -> None:
    done: list[str] = []
    plan = [
        Step("last", lambda: done.append("last"), after=("first", "second")),
        Step("first", lambda: done.append("first")),
        Step("second", lambda: done.append("second"), after=("first",)),
    ]
    steps.run(plan, record="test")
    assert done == ["first", "second", "last"]


def test_steps_run_side_by_side_but_for_those_of_one_lane() -> None:
    together = threading.Barrier(2, timeout=20)
    in_lane: set[str] = set()

    def lane(name: str) -> None:
        assert not in_lane
        in_lane.add(name)
        if name == "one":
            together.wait()
        in_lane.remove(name)

    plan = [
        Step("one", lambda: lane("one"), lane="compile"),
        Step("two", lambda: lane("two"), lane="compile"),
        Step("beside", together.wait),
    ]
    steps.run(plan, record="test")


def test_a_failure_is_raised_and_nothing_more_begins(cache: Path) -> None:
    begun: list[str] = []

    def fails() -> None:
        raise RuntimeError("no network")

    with pytest.raises(RuntimeError, match="no network"):
        steps.run([Step("a", fails), Step("b", lambda: begun.append("b"), after=("a",))], record="test")
    assert begun == []
    assert not (cache / "durations").exists()


def test_steps_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="never to begin"):
        steps.run([Step("a", nothing, after=("b",)), Step("b", nothing, after=("a",))], record="test")


def test_what_steps_took_is_kept_but_not_of_those_that_were_done(cache: Path) -> None:
    plan = [Step("a", nothing), Step("b", nothing, done=lambda: True)]
    steps.run(plan, record="test")
    kept = json.loads((cache / "durations" / "test.json").read_text())
    assert kept.keys() == {"a"}
    assert 0 <= kept["a"] < 20


def progress(seconds: dict[str, float], *plan: Step) -> Progress:
    return Progress(plan, seconds)


def test_the_rest_is_the_longest_way_not_the_sum() -> None:
    plan = (
        Step("short", nothing),
        Step("long", nothing),
        Step("end", nothing, after=("short", "long")),
    )
    assert progress({"short": 10, "long": 100, "end": 5}, *plan).remaining(0) == 105


def test_a_lane_adds_up() -> None:
    plan = (Step("a", nothing, lane="x"), Step("b", nothing, lane="x"), Step("c", nothing))
    assert progress({"a": 10, "b": 20, "c": 25}, *plan).remaining(0) == 30


def test_time_passed_and_the_pace_of_this_run_count() -> None:
    plan = (Step("a", nothing), Step("b", nothing, after=("a",)), Step("c", nothing, after=("b",)))
    now = progress({"a": 10, "b": 20, "c": 30}, *plan)
    now.took["a"] = 20
    now.started["b"] = 100
    assert now.pace() == 2
    assert now.remaining(110) == (40 - 10) + 60
    # A step that takes longer than was expected does not make the rest shorter.
    assert now.remaining(1000) == 60


def test_a_step_that_is_done_takes_no_time() -> None:
    now = progress({"a": 500, "b": 20}, Step("a", nothing), Step("b", nothing, after=("a",)))
    now.idle.add("a")
    assert now.remaining(0) == 20


def test_no_time_is_named_where_a_step_was_never_measured() -> None:
    plan = (Step("a", nothing), Step("b", nothing, after=("a",)))
    assert progress({"a": 300, "b": 240}, *plan).position() == "step 0 of 2 · about 9 min to go"
    assert progress({"a": 300}, *plan).position() == "step 0 of 2"
