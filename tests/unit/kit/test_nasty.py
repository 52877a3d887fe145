"""A fuzzed thousand through decoder, batch and the real handlers: the good go on, the bad are set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from tests import nasty
from workloads.analytics_consumer.handler import AnalyticsHandler, Effects
from workloads.kit.batch import Batch
from workloads.kit.codec import DecodeError, decoder
from workloads.kit.contracts.messages import Prediction, Price
from workloads.kit.contracts.serving import Forecast, Instance
from workloads.kit.dead_letters import DeadLetter, Guard, text_of
from workloads.kit.handler import Handler
from workloads.kit.records import Record
from workloads.kit.settings import KafkaConsumerSettings
from workloads.prediction_consumer.handler import PredictionHandler

SETTINGS = KafkaConsumerSettings(kafka_bootstrap="nowhere:1", kafka_group="g")
decode = decoder(Price)


@pytest.mark.parametrize("kind", nasty.BAD)
def test_every_bad_message_of_the_corpus_is_refused_with_words(kind: str) -> None:
    raw = nasty.BAD[kind](nasty.price(0))
    if raw is not None:
        with pytest.raises(DecodeError) as raised:
            decode(raw)
        assert text_of(raised.value)


@pytest.mark.parametrize("kind", nasty.ODD)
def test_every_odd_message_of_the_corpus_is_the_price_that_it_was_made_from(kind: str) -> None:
    good = nasty.price(0)
    found = decode(nasty.ODD[kind](good))
    assert (found.delivery_start, found.price, found.unit) == (good.delivery_start, good.price, good.unit)


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

    def save(predictions: Sequence[Prediction]) -> None:
        rows.extend((made.symbol, made.event_time) for made in predictions)

    return PredictionHandler(predict, save), rows


@pytest.mark.parametrize("make", [analytics, prediction])
@pytest.mark.parametrize(("seed", "size"), [(1, 400), (2, 7)])
def test_of_a_fuzzed_thousand_each_good_one_has_its_effect_once_and_each_bad_one_its_letter(
    make: Any, seed: int, size: int
) -> None:
    sent = list(nasty.stream(seed, 1_000, share=0.06))
    handler, rows = make()
    guard = Guard(SETTINGS)
    batch: Batch[Price] = Batch(handler, guard, lambda: None)
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
        handler.committed()
        letters += batch.dead
    good = [message.price for message in sent if message.price is not None]
    assert Counter(rows) == Counter((price.symbol, price.delivery_start) for price in good)
    assert len(letters) == len(sent) - len(good) == 60
