"""A fuzzed thousand through decoder, batch and the real handlers: the good go on, the bad are set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from tests import nasty
from workloads.analytics_consumer.handler import AnalyticsHandler, Effects
from workloads.indicator_consumer.handler import COLUMNS, IndicatorHandler
from workloads.kit.batch import Batch
from workloads.kit.codec import DecodeError, decoder
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.messages import Prediction, Price
from workloads.kit.contracts.serving import Forecast, Instance
from workloads.kit.dead_letters import DeadLetter, Guard, text_of
from workloads.kit.handler import Handler
from workloads.kit.records import Record
from workloads.kit.settings import KafkaConsumerSettings
from workloads.prediction_consumer.handler import PredictionHandler

SETTINGS = KafkaConsumerSettings(kafka_bootstrap="nowhere:1", kafka_group="g")
decode = decoder(Price)


@pytest.mark.parametrize(
    ("kind", "raw", "message"),
    [
        *((kind, make(nasty.price(0)), Price) for kind, make in nasty.BAD.items()),
        *((kind, make(nasty.indicator(0)), Indicator) for kind, make in nasty.BAD_INDICATORS.items()),
    ],
    ids=[*nasty.BAD, *(f"{kind} as an indicator" for kind in nasty.BAD_INDICATORS)],
)
def test_every_bad_message_of_the_corpus_is_refused_with_words(
    kind: str, raw: bytes | None, message: type[Price] | type[Indicator]
) -> None:
    if raw is not None:
        with pytest.raises(DecodeError) as raised:
            decoder(message)(raw)
        assert text_of(raised.value), kind


@pytest.mark.parametrize("kind", nasty.ODD)
def test_every_odd_message_of_the_corpus_is_the_price_that_it_was_made_from(kind: str) -> None:
    good = nasty.price(0)
    found = decode(nasty.ODD[kind](good))
    assert (found.delivery_start, found.price, found.unit) == (good.delivery_start, good.price, good.unit)
    actual = nasty.indicator(0)
    assert decoder(Indicator)(nasty.ODD[kind](actual)) == actual


@settings(max_examples=200, deadline=None)
@given(raw=nasty.bad_messages())
def test_whatever_bytes_come_the_decoder_gives_a_price_or_a_decode_error(raw: bytes | None) -> None:
    try:
        assert isinstance(decode(raw or b""), Price)
    except DecodeError as error:
        letter = DeadLetter(0, 0, None, raw, 0, "DecodeError", text_of(error), 1).output("prices", "g")
        assert dict(letter.headers)["error"] == b"DecodeError"


def analytics() -> tuple[Handler[Price], list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = []

    def save(effects: Effects) -> None:
        rows.extend((row[1], row[2]) for row in effects.prices)

    return AnalyticsHandler(save), rows


def prediction() -> tuple[Handler[Price], list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = []

    def predict(instances: Sequence[Instance]) -> list[Forecast]:
        return [
            Forecast(
                symbol=one.symbol,
                price=one.price,
                predicted_return=0.0,
                prediction=one.price,
                lower=one.price,
                upper=one.price,
                nominal_level=0.9,
                realised_coverage=None,
                coverage_count=0,
                model_name="m",
                model_version=0,
                model_alias="naive",
                skill="none",
                skill_score=None,
            )
            for one in instances
        ]

    def save(predictions: Sequence[Prediction]) -> Sequence[Prediction]:
        rows.extend((made.symbol, made.event_time) for made in predictions)
        return predictions

    return PredictionHandler(predict, save), rows


def indicators() -> tuple[Handler[Indicator], list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = []
    zone, name, start = map(COLUMNS.index, ("zone", "name", "delivery_start"))

    def save(saved: Sequence[Sequence[Any]]) -> None:
        rows.extend((f"{row[zone]}/{row[name]}", row[start]) for row in saved)

    return IndicatorHandler(save), rows


@pytest.mark.parametrize("make", [analytics, prediction, indicators])
@pytest.mark.parametrize(("seed", "size"), [(1, 400), (2, 7)])
def test_of_a_fuzzed_thousand_each_good_one_has_its_effect_once_and_each_bad_one_its_letter(
    make: Any, seed: int, size: int
) -> None:
    message = nasty.indicator if make is indicators else nasty.price
    decode = decoder(type(message(0)))
    sent = list(nasty.stream(seed, 1_000, share=0.06, make=message))
    handler, rows = make()
    guard = Guard(SETTINGS)
    batch: Batch[Any] = Batch(handler, guard, lambda: None)
    letters: list[DeadLetter] = []
    for start in range(0, len(sent), size):
        batch.clear()
        for offset, message in enumerate(sent[start : start + size], start):
            try:
                value = decode(message.value if message.value is not None else b"")
            except DecodeError as error:
                batch.refuse(DeadLetter(0, offset, None, message.value, 0, "", text_of(error), 1))
            else:
                at = int(value.published_at.timestamp() * 1000)
                batch.add(Record("prices", 0, offset, None, value, message.value or b"", at))
        batch.process()
        guard.account(len(batch), batch.dead)
        handler.committed([0, 1])
        letters += batch.dead
    good = [message.good for message in sent if message.good is not None]
    assert Counter(rows) == Counter((one.message_key, one.delivery_start) for one in good)
    assert len(letters) == len(sent) - len(good) == 60
