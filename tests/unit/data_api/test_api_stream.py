"""Places of the stream's clients, and what the route says where there is no stream."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from flask_openapi3.openapi import OpenAPI
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data_api.conftest import StaticRegister
from workloads.data_api import predictions, prices
from workloads.data_api.identity import Principal
from workloads.data_api.stream import events, resume
from workloads.data_api.stream.client import Wanted
from workloads.data_api.stream.places import LONGEST, BadPlace, Place, Places
from workloads.data_api.stream.resume import NotReady, Resume
from workloads.kit.contracts.entitlements import Entitlement
from workloads.kit.contracts.messages import Prediction, Price

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


def test_a_tenant_of_late_prices_gets_none_as_they_come(app: OpenAPI, register: StaticRegister) -> None:
    whole = register.entitlements["pilot-one"]
    register.entitlements["pilot-one"] = whole.model_copy(update={"delay_minutes": 15})
    answer = app.test_client().get("/v1/stream")
    assert answer.status_code == 403
    (one,) = answer.get_json()["errors"]
    assert (one["field"], one["value"]) == ("delay_minutes", "15")


def test_a_client_gets_what_it_asked_for_and_may_have() -> None:
    now = datetime.now(UTC)
    entitlement = Entitlement(
        products=("api",),
        markets=("power",),
        history_days=2,
        delay_minutes=0,
        rows_per_month=None,
        requests_per_minute=60,
    )
    principal = Principal(tenant="a", key="k", scopes=frozenset({"read"}), entitlement=entitlement)
    wanted = Wanted(frozenset({"DE-LU"}), frozenset({"price"}), principal.sees, lambda events, size: None)
    price = Price(
        source="s",
        market="power",
        symbol="DE-LU",
        product="day-ahead",
        delivery_start=now,
        delivery_end=now + timedelta(hours=1),
        resolution="PT1H",
        published_at=now,
        provenance="market",
        price=-4.2,
        currency="EUR",
        unit="MWh",
    )
    assert wanted.gets(price)
    assert not wanted.gets(msgspec.structs.replace(price, market="gas"))
    old = now - timedelta(days=3)
    ended = msgspec.structs.replace(price, delivery_start=old, delivery_end=old + timedelta(hours=1))
    assert not wanted.gets(ended)
    assert [
        wanted.asks("price", "DE-LU"),
        wanted.asks("price", "FR"),
        wanted.asks("prediction", "DE-LU"),
    ] == [*(True, False, False)]


def test_a_withdrawal_is_told_as_a_price_that_says_so() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    sent = Price(
        source="s",
        market="power",
        symbol="DE-LU",
        product="day-ahead",
        delivery_start=at,
        delivery_end=at + timedelta(hours=1),
        resolution="PT1H",
        published_at=at,
        provenance="market",
        price=-4.2,
        currency="EUR",
        unit="MWh",
        correction=True,
        withdrawn="platform",
    )
    kind, data = events.block(sent).decode().removesuffix("\n\n").split("\n")
    assert kind == "event: price"
    told = prices.Price.model_validate_json(data.removeprefix("data: "))
    assert (told.withdrawn, told.correction, told.price) == ("platform", True, -4.2)
    held = events.block(msgspec.structs.replace(sent, withdrawn=None)).decode()
    assert '"withdrawn":null' in held


def test_a_prediction_is_told_by_the_names_of_the_route() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    sent = Prediction(
        source="s",
        market="power",
        symbol="DE-LU",
        event_time=at,
        price_available_time=at,
        available_time=at + timedelta(seconds=1),
        provenance="market",
        price=-4.2,
        predicted_return=0.0,
        prediction=-3.0,
        lower=-9.0,
        upper=3.0,
        nominal_level=0.9,
        model_name="m",
        model_version=1,
        model_alias="champion",
        skill="none",
        skill_score=None,
    )
    kind, data = events.block(sent).decode().removesuffix("\n\n").split("\n")
    told = json.loads(data.removeprefix("data: "))
    assert kind == "event: prediction"
    # What nobody knows as it is made, and what is of whole days alone, is not there.
    assert set(told) == set(predictions.Prediction.model_fields) - {"outcome", "period_start", "moved_by"}
    assert (told["prediction"], told["issued_at"]) == (-3.0, "2026-03-01T00:00:01Z")


class Behind:
    """A worker that is at `there` of a topic of which the brokers have `kept`."""

    def __init__(self, there: int, kept: range) -> None:
        self.first: Place = {KEY: kept.start}
        self._ends: Place = {KEY: kept.stop}
        self.there: Place = {KEY: there}
        self._resume = Resume(self, 200_000, threading.Event())

    def ends(self) -> Place:
        return self._ends

    def ask(self, offset: int) -> None:
        self._resume.judge({KEY: offset}, self.there)


KEY = ("prices", 0)


def test_a_place_that_another_worker_gave_out_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = Behind(100, range(120))
    monkeypatch.setattr(resume, "_AHEAD_SECONDS", 30)
    timer = threading.Timer(0.1, lambda: behind.there.update({KEY: 102}))
    timer.start()
    behind.ask(101)


def test_a_worker_that_is_far_behind_asks_for_a_moment_and_does_not_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resume, "_AHEAD_SECONDS", 0)
    with pytest.raises(NotReady):
        Behind(100, range(120)).ask(110)
    with pytest.raises(BadPlace, match="made anew"):
        Behind(100, range(120)).ask(121)


def test_a_place_of_which_the_next_is_not_kept_any_more_is_refused() -> None:
    behind = Behind(100, range(50, 100))
    behind.ask(50)
    with pytest.raises(BadPlace, match="older than what is kept"):
        behind.ask(49)
