"""Which prices are predicted, from which features, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from tests.prices import history, price, record
from workloads.kit.batch import Batch
from workloads.kit.contracts import metrics as names
from workloads.kit.contracts.messages import Prediction, Price
from workloads.kit.contracts.serving import MAX_INSTANCES, Forecast, Instance
from workloads.kit.dead_letters import DeadLetter, Guard, TooManyDeadLetters
from workloads.kit.features import WINDOW, features
from workloads.kit.records import Output, Record, Transient
from workloads.kit.settings import KafkaConsumerSettings
from workloads.prediction_consumer.handler import Limits, PredictionHandler
from workloads.prediction_consumer.model_client import Refused, Unreadable

SETTINGS = KafkaConsumerSettings(kafka_bootstrap="nowhere:1", kafka_group="g")


class World:
    """A model server and a table. The prediction is the price plus the first feature; a price in `refused`
    spoils the request that it is in."""

    def __init__(self, refused: Sequence[float] = (), **options: object) -> None:
        self.refused = set(refused)
        self.server_away = self.table_away = False
        self.asked: list[list[Instance]] = []
        self.table: dict[tuple[object, ...], Prediction] = {}
        self.handler = PredictionHandler(self.predict, self.save, **options)  # type: ignore[arg-type]

    def predict(self, instances: Sequence[Instance]) -> list[Forecast]:
        if self.server_away:
            raise Transient("away")
        assert 0 < len(instances) <= MAX_INSTANCES
        self.asked.append(list(instances))
        if any(instance.price in self.refused for instance in instances):
            raise Refused("price: not today")
        return [
            Forecast(
                symbol=instance.symbol,
                price=instance.price,
                predicted_return=0.5 if instance.price == 77.0 else 0.0,
                prediction=instance.price + (instance.features or [0.0])[0],
                lower=0.0,
                upper=1.0,
                nominal_level=0.9,
                realised_coverage=None,
                coverage_count=0,
                model_name=f"next-return.{instance.symbol}",
                model_version=3,
                model_alias="champion" if instance.features else "naive",
                skill="none",
                skill_score=None,
            )
            for instance in instances
        ]

    def save(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        if self.table_away:
            raise Transient("away")
        return [
            self.table.setdefault(
                (made.source, made.symbol, made.event_time, made.price_available_time), made
            )
            for made in predictions
        ]

    def run(self, batch: Sequence[Record[Price]]) -> tuple[list[Prediction], list[DeadLetter]]:
        """Process as the loop does: predictions published, and records dead-lettered."""
        loop: Batch[Price] = Batch(self.handler, Guard(SETTINGS), lambda: None)
        for one in batch:
            loop.add(one)
        outputs = loop.process()
        self.handler.committed([0, 1])
        return published(outputs), loop.dead


def published(outputs: Sequence[Output]) -> list[Prediction]:
    assert all(output.topic == "ml-predictions" for output in outputs)
    made = [msgspec.json.decode(output.value or b"", type=Prediction) for output in outputs]
    assert [m.symbol for m in made] == [output.key for output in outputs]
    return made


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_features_are_those_of_training_and_a_window_that_is_not_full_asks_for_naive() -> None:
    topic = history(WINDOW + 20)
    world = World()
    made, _ = world.run(topic)
    assert [m.event_time for m in made] == [r.value.delivery_start for r in topic]
    expected = features(np.array([r.value.price for r in topic]))
    [instances] = world.asked
    assert [i.features for i in instances[: WINDOW - 1]] == [None] * (WINDOW - 1)
    assert [i.features for i in instances[WINDOW - 1 :]] == expected[WINDOW - 1 :].tolist()
    assert [m.model_alias for m in made] == ["naive"] * (WINDOW - 1) + ["champion"] * 21
    last = made[-1]
    assert last.prediction == topic[-1].value.price + expected[-1][0]
    assert last.price_available_time == topic[-1].value.published_at
    assert last.available_time > last.price_available_time
    assert list(world.table.values()) == made


def test_history_that_is_loaded_is_not_predicted_but_fills_the_windows() -> None:
    world = World(limits=Limits(max_age_seconds=2 * 86_400))
    late = int(timedelta(days=2, seconds=1).total_seconds() * 1000)
    loaded = history(WINDOW)
    for one in loaded:
        one.timestamp_ms += late
    assert world.run(loaded) == ([], [])
    assert world.asked == []
    [made], _ = world.run([record(WINDOW, price(WINDOW, 50.0))])
    assert made.model_alias == "champion"


def test_a_price_that_waited_in_the_topic_is_still_predicted() -> None:
    made, _ = World().run([record(0, price(-5000, 50.0))])
    assert len(made) == 1


def test_a_correction_has_the_newest_session_predicted_again_and_no_old_one() -> None:
    """As of the correction, beside what was predicted before. A repeat and an older revision ask nothing."""
    topic = history(WINDOW + 5)
    world = World()
    before, _ = world.run(topic)
    correction = record(200, price(WINDOW + 2, 99.0, known=400))
    older = record(202, price(WINDOW + 2, 98.0, known=399))
    repeat = record(201, correction.value)
    [again], _ = world.run([correction, repeat, older])
    last = topic[-1].value
    assert (again.event_time, again.price) == (last.delivery_start, last.price)
    assert again.price_available_time == correction.value.published_at
    window = [r.value.price for r in topic[-WINDOW:]]
    window[-3] = 99.0
    assert world.asked[-1][0].features == features(np.array(window))[-1].tolist()
    assert list(world.table.values()) == [*before, again]


def test_a_withdrawal_has_the_newest_session_predicted_again_over_a_window_without_it() -> None:
    topic = history(WINDOW + 5)
    prices = [r.value.price for r in topic]
    world = World()
    before, _ = world.run(topic)
    withdrawal = record(200, price(WINDOW + 2, prices[WINDOW + 2], known=400, withdrawn="source"))
    [again], _ = world.run([withdrawal, record(201, withdrawal.value)])
    last = topic[-1].value
    assert (again.event_time, again.price) == (last.delivery_start, last.price)
    assert again.price_available_time == withdrawal.value.published_at
    window = [*prices[4 : WINDOW + 2], *prices[WINDOW + 3 :]]
    assert world.asked[-1][0].features == features(np.array(window))[-1].tolist()
    assert list(world.table.values()) == [*before, again]


def test_a_withdrawal_of_the_newest_session_or_of_one_out_of_its_window_asks_for_nothing() -> None:
    topic = history(WINDOW + 5)
    world = World()
    world.run(topic)
    skipped = metric("prediction_skipped_total", symbol="WTI")
    newest = record(200, price(WINDOW + 4, 1.0, known=400, withdrawn="source"))
    outside = record(201, price(3, 1.0, known=401, withdrawn="source"))
    assert world.run([newest, outside]) == ([], [])
    # A withdrawal is no history that was left out.
    assert metric("prediction_skipped_total", symbol="WTI") == skipped
    # The next price follows the last one that holds.
    [made], _ = world.run([record(202, price(WINDOW + 5, 50.0, known=WINDOW + 402))])
    window = [*[r.value.price for r in topic[5:-1]], 50.0]
    assert world.asked[-1][0].features == features(np.array(window))[-1].tolist()
    assert made.event_time == price(WINDOW + 5, 50.0).delivery_start


def test_a_correction_outside_the_newest_window_or_older_than_it_asks_for_nothing() -> None:
    topic = history(WINDOW + 5)
    world = World()
    world.run(topic)
    outside = record(200, price(4, 99.0, known=400))
    of_before = record(201, price(WINDOW + 2, 99.0, known=WINDOW + 3))
    assert world.run([outside, of_before]) == ([], [])


def test_a_correction_of_the_newest_session_is_predicted() -> None:
    topic = history(WINDOW + 5)
    world = World()
    world.run(topic)
    correction = record(200, price(WINDOW + 4, 99.0, known=400))
    [made], _ = world.run([correction])
    assert (made.price, made.price_available_time) == (99.0, correction.value.published_at)


def test_the_newest_price_is_predicted_though_its_source_was_away_over_a_week_end() -> None:
    """Later than a session's gap and a half it is history, and counted as such."""
    world = World(limits=Limits(max_age_seconds=3600))
    loaded = history(WINDOW)
    for one, hours in zip(loaded[-2:], (37, 35), strict=True):
        one.timestamp_ms += hours * 3_600_000
    for one in loaded[:-2]:
        one.timestamp_ms += 40 * 3_600_000
    symbol = loaded[0].value.symbol
    skipped = metric("carbon_predictions_skipped_total", symbol=symbol)
    [made], _ = world.run(loaded)
    assert made.event_time == loaded[-1].value.delivery_start
    assert metric("carbon_predictions_skipped_total", symbol=symbol) == skipped + WINDOW - 1


def test_a_non_positive_price_in_the_window_asks_for_naive() -> None:
    world = World()
    made, _ = world.run(
        [*history(WINDOW), record(WINDOW, price(WINDOW, -37.63)), record(WINDOW + 1, price(95, 1.0))]
    )
    assert [m.model_alias for m in made[-3:]] == ["champion", "naive", "naive"]
    assert made[-2].prediction == -37.63


def test_how_far_a_price_usually_moves_is_asked_with_it_also_of_a_window_that_is_not_full() -> None:
    world = World()
    world.run([record(day, price(day, -5.0 + 3.0 * (day % 2))) for day in range(12)])
    moves = [instance.move for instances in world.asked for instance in instances]
    assert moves == [None] * 9 + [3.0] * 3  # nine moves at the least for nine of ten


@settings(max_examples=40, deadline=None)
@given(bad=st.sets(st.integers(0, 29), max_size=6), split=st.integers(1, 30))
def test_a_price_that_the_server_refuses_is_dead_lettered_alone_and_stays_in_the_windows(
    bad: set[int], split: int
) -> None:
    topic = history(WINDOW + 30)
    old, fresh = topic[:WINDOW], topic[WINDOW:]
    world = World(refused=[fresh[i].value.price for i in bad])
    world.handler.restore(old)
    made: list[Prediction] = []
    dead: list[DeadLetter] = []
    for batch in (fresh[:split], fresh[split:]):
        more, refused = world.run(batch)
        made, dead = made + more, dead + refused
    assert [one.offset for one in dead] == sorted(WINDOW + i for i in bad)
    assert all("not today" in one.reason for one in dead)
    good = [r for i, r in enumerate(fresh) if i not in bad]
    assert [m.event_time for m in made] == [r.value.delivery_start for r in good]
    rows = features(np.array([r.value.price for r in topic]))
    assert [m.prediction for m in made] == [r.value.price + rows[r.offset][0] for r in good]


def test_one_price_at_fault_among_many_is_found_in_few_requests() -> None:
    topic = history(MAX_INSTANCES)
    world = World(refused=[topic[700].value.price])
    made, dead = world.run(topic)
    assert [one.offset for one in dead] == [700]
    assert len(made) == MAX_INSTANCES - 1
    assert len(world.asked) < 25


def test_a_server_that_refuses_everything_is_given_up_after_few_requests() -> None:
    topic = history(MAX_INSTANCES)
    world = World(refused=[one.value.price for one in topic])
    with pytest.raises(TooManyDeadLetters):
        world.run(topic)
    assert len(world.asked) < 250


def test_a_price_whose_forecast_cannot_be_read_is_set_aside_alone() -> None:
    topic = history(100)
    bad = topic[61].value.price
    world = World()
    predict = world.predict

    def spoilt(instances: Sequence[Instance]) -> list[Forecast]:
        if any(instance.price == bad for instance in instances):
            raise Unreadable("Expected `float`, got `null` - at `$.predictions[...].upper`")
        return predict(instances)

    world.handler = PredictionHandler(spoilt, world.save)
    made, dead = world.run(topic)
    assert [(one.offset, one.error) for one in dead] == [(61, "Unreadable")]
    assert len(made) == 99


def test_more_than_the_server_takes_at_once_goes_in_parts() -> None:
    world = World()
    made, _ = world.run(history(2 * MAX_INSTANCES + 1))
    assert [len(instances) for instances in world.asked] == [MAX_INSTANCES, MAX_INSTANCES, 1]
    assert len(made) == 2 * MAX_INSTANCES + 1


@pytest.mark.parametrize("away", ["server_away", "table_away"])
def test_a_batch_that_failed_is_predicted_the_same_when_it_is_tried_again(away: str) -> None:
    topic = history(WINDOW + 10)
    steady, world = World(), World()
    expected, _ = steady.run(topic)
    world.run(topic[:WINDOW])
    setattr(world, away, True)
    with pytest.raises(Transient):
        world.handler.process(topic[WINDOW:])
    setattr(world, away, False)
    again = published(world.handler.process(topic[WINDOW:]))
    repeated = published(world.handler.process(topic[WINDOW:]))
    assert [m.prediction for m in again] == [m.prediction for m in expected[WINDOW:]]
    assert [m.prediction for m in repeated] == [m.prediction for m in again]
    assert len(world.table) == len(topic)


def test_a_price_beyond_the_history_is_not_predicted() -> None:
    """What followed it is known: to predict it, and to say so last, were hindsight."""
    world = World(history=10)
    world.run(history(200, symbol="SYN-BEYOND"))
    skipped = metric("carbon_predictions_skipped_total", symbol="SYN-BEYOND")
    asked = list(world.asked)
    assert world.run([record(200, price(20, 50.0, known=250, symbol="SYN-BEYOND"))]) == ([], [])
    assert world.asked == asked
    assert metric("carbon_predictions_skipped_total", symbol="SYN-BEYOND") == skipped + 1


def test_a_session_that_comes_late_has_the_newest_one_predicted_again_and_not_itself() -> None:
    topic = history(WINDOW + 20)
    late = topic.pop(WINDOW + 5)
    world = World()
    world.run(topic)
    known = WINDOW + 25
    [again], _ = world.run([record(500, price(WINDOW + 5, late.value.price, known=known))])
    last = topic[-1].value
    assert (again.event_time, again.price) == (last.delivery_start, last.price)
    assert again.price_available_time == price(0, 1.0, known=known).published_at
    prices = [one.value.price for one in [*topic[: WINDOW + 5], late, *topic[WINDOW + 5 :]]]
    [instance] = world.asked[-1]
    assert instance.features == features(np.array(prices))[-1].tolist()


def test_anomalies_and_predictions_are_counted() -> None:
    symbol = "SYN-COUNTED"
    before = metric(names.PREDICTION_ANOMALIES, symbol=symbol)
    world = World()
    world.run(history(WINDOW, symbol=symbol))
    last = history(WINDOW, symbol=symbol)[-1].value.price
    calm, predicted, jump = (
        record(500 + step, price(WINDOW + step, value, symbol=symbol))
        for step, value in enumerate([last, 77.0, 154.0])
    )
    world.run([calm])
    assert metric(names.PREDICTION_ANOMALIES, symbol=symbol) == before
    for _ in range(3):  # its transaction is aborted, and it comes again
        world.handler.process([predicted])
    assert metric(names.PREDICTION_ANOMALIES, symbol=symbol) == before
    world.run([predicted])
    assert metric(names.PREDICTION_ANOMALIES, symbol=symbol) == before + 1
    world.run([jump])
    assert metric(names.PREDICTION_ANOMALIES, symbol=symbol) == before + 2
    assert metric(names.PREDICTIONS, symbol=symbol, alias="champion") == 4
    assert metric(names.PREDICTIONS, symbol=symbol, alias="naive") == WINDOW - 1
