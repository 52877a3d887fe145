"""Places of the stream's clients, and what the route says where there is no stream."""

from __future__ import annotations

import pytest
from flask_openapi3.openapi import OpenAPI
from hypothesis import given
from hypothesis import strategies as st

from workloads.data_api.stream.places import LONGEST, BadPlace, Places

KEYS = [(topic, partition) for topic in ("prices", "predictions") for partition in range(6)]


@given(st.lists(st.integers(0, 2**63 - 1), min_size=12, max_size=12))
def test_a_place_comes_back(offsets: list[int]) -> None:
    place = dict(zip(KEYS, offsets, strict=True))
    text = Places(place).encode(place)
    assert Places(dict.fromkeys(KEYS, 0)).decode(text) == place
    assert len(text) <= LONGEST


@given(st.text(max_size=64) | st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_text_that_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(BadPlace):
        Places(dict.fromkeys(KEYS, 0)).decode(text)


def test_a_place_of_other_topics_is_refused() -> None:
    text = Places({("prices", 0): 5}).encode({("prices", 0): 5})
    with pytest.raises(BadPlace, match="of other topics"):
        Places(dict.fromkeys(KEYS, 0)).decode(text)


def test_without_kafka_there_is_no_stream_and_the_answer_says_so(app: OpenAPI) -> None:
    answer = app.test_client().get("/v1/stream")
    assert answer.status_code == 503
    assert "there is no stream here" in answer.get_json()["detail"]
