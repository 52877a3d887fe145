"""`/predict`: forecasts, their intervals and labels, and each way to be refused."""

from __future__ import annotations

import math
import shutil
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fixture_models import ECHO, artifact, echoing
from tests.prices import walk
from tests.unit.model_server.conftest import Server
from workloads.kit.contracts import public
from workloads.kit.features import DEFAULT, FEATURES, VOLATILITY, features
from workloads.kit.registry import ArtifactError, RegistryError
from workloads.model_server.store import Coverage, Delivery, Sessions

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ROW = features(echoing(1, 200))[-1].tolist()
RETURN = ROW[FEATURES.index("return_1")]


def batch(*instances: dict[str, Any]) -> dict[str, Any]:
    return {"instances": list(instances)}


def instance(symbol: str = "S", price: float = 50.0, row: list[float] | None = ROW) -> dict[str, Any]:
    return {"symbol": symbol, "price": price, "features": row}


@pytest.fixture
def ready(server: Server) -> Server:
    server.registry.add(artifact("S"), 4, "champion")
    server.registry.add(artifact("T", weight=0.5, score=-0.02, skill="none"), 1, "challenger")
    server.models.refresh()
    return server


def test_a_batch_is_answered_in_its_order(ready: Server):
    sent = [instance("T"), instance("S"), instance("UNKNOWN"), instance("S", 20.0), instance("T", row=None)]
    answer = ready.client().post("/predict", json=batch(*sent))
    assert answer.status_code == 200
    got = answer.json["predictions"]
    assert [(one["symbol"], one["model_version"], one["model_alias"], one["skill"]) for one in got] == [
        ("T", 1, "challenger", "none"),
        ("S", 4, "champion", "proven"),
        ("UNKNOWN", 0, "naive", "none"),
        ("S", 4, "champion", "proven"),
        ("T", 0, "naive", "none"),
    ]
    assert [one["skill_score"] for one in got] == [-0.02, 0.1, None, 0.1, None]


@pytest.mark.parametrize(
    ("error", "status"), [(ArtifactError("no readable model"), 200), (RegistryError("away"), 503)]
)
def test_a_model_that_is_lost_leaves_the_naive_forecast_and_one_that_is_away_is_asked_for_again(
    ready: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
):
    def fetch(*_: Any) -> Any:
        raise error

    ready.models._residents.keep({("T", 1)})  # the other gave way, and its copy is gone
    shutil.rmtree(tmp_path / "models" / "S")
    monkeypatch.setattr(ready.registry, "fetch", fetch)
    answer = ready.client().post("/predict", json=batch(instance("S"), instance("T")))
    assert answer.status_code == status
    if status == 200:
        aliases = {one["symbol"]: one["model_alias"] for one in answer.json["predictions"]}
        assert aliases == {"S": "naive", "T": "challenger"}


def test_a_forecast_is_the_models_return_with_its_cards_interval(ready: Server):
    (got,) = ready.client().post("/predict", json=batch(instance(price=50.0))).json["predictions"]
    card = ready.models.current["S"].card
    width = card.quantile * ROW[VOLATILITY]
    assert got["predicted_return"] == pytest.approx(ECHO * RETURN, abs=1e-7)
    assert got["prediction"] == pytest.approx(50 * math.exp(ECHO * RETURN))
    assert got["lower"] == pytest.approx(50 * math.exp(ECHO * RETURN - width))
    assert got["upper"] == pytest.approx(50 * math.exp(ECHO * RETURN + width))
    assert (got["nominal_level"], got["model_name"]) == (0.9, "next-return.S")


def test_an_interval_does_not_shrink_below_the_calmest_sessions(ready: Server):
    calm = list(ROW)
    calm[VOLATILITY] = 0.0
    (got,) = ready.client().post("/predict", json=batch(instance(row=calm))).json["predictions"]
    card = ready.models.current["S"].card
    assert math.log(got["upper"] / got["prediction"]) == pytest.approx(card.quantile * card.volatility_floor)


def test_a_model_of_a_price_that_stood_still_gives_no_interval_that_is_a_point(server: Server):
    """All that it was calibrated on came as it said."""
    server.registry.add(artifact("S", 0.0, quantile=0.0, volatility_floor=1e-6), 1, "challenger")
    server.models.refresh()
    still = batch(instance("S", price=80.0, row=[0.0] * len(ROW)))
    (got,) = server.client().post("/predict", json=still).json["predictions"]
    assert (got["model_alias"], got["lower"], got["prediction"], got["upper"]) == (
        "challenger", 79.99, 80.0, 80.01,
    )  # fmt: skip


def test_a_model_that_measured_nothing_is_as_wide_as_the_price_moves_by_now(server: Server):
    server.registry.add(artifact("S", 0.0, quantile=0.0), 1, "challenger")
    server.models.refresh()
    (got,) = server.client().post("/predict", json=batch(instance("S"))).json["predictions"]
    assert math.log(got["upper"] / 50) == pytest.approx(1.6448536 * ROW[VOLATILITY], rel=1e-6)
    (inferred,) = server.client().post(
        "/v2/models/next-return.S/infer",
        json={"inputs": [{"name": "features", "shape": [1, len(ROW)], "datatype": "FP64", "data": ROW}],
              "outputs": [{"name": "upper_return"}]},
    ).json["outputs"]  # fmt: skip
    assert inferred["data"] == [pytest.approx(1.6448536 * ROW[VOLATILITY], rel=1e-6)]


def test_where_a_models_interval_has_no_end_the_forecast_is_naive(server: Server):
    server.registry.add(artifact("S", 0.0, quantile=50.0), 1, "champion")
    server.models.refresh()
    prices = np.where(np.arange(DEFAULT.size) % 20 == 3, 1e-300, walk(1, DEFAULT.size))
    server.store.symbols["S"] = Sessions(DAY, prices)
    got = server.client().get("/predict?symbol=S").json
    assert (got["model_alias"], got["skill"], got["prediction"]) == ("naive", "none", prices[-1])
    assert math.isfinite(got["lower"])
    assert got["lower"] < got["prediction"] < got["upper"]


@pytest.mark.parametrize(
    ("sent", "half_width"),
    [
        (instance("UNKNOWN"), 1.6448536 * ROW[VOLATILITY]),
        (instance("S", row=None), 0.04),
        (instance("UNKNOWN", row=None), 0.07),
    ],
    ids=["the features' volatility", "its model's measure of returns", "the widest of the other models'"],
)
def test_naive_forecasts_say_no_change_and_take_the_best_width_known(
    server: Server, sent: dict[str, Any], half_width: float
):
    server.registry.add(artifact("S"), 1, "champion")
    server.registry.add(artifact("T", naive_quantile=0.07), 1, "champion")
    server.models.refresh()
    (got,) = server.client().post("/predict", json=batch(sent)).json["predictions"]
    assert (got["prediction"], got["predicted_return"], got["model_version"]) == (50.0, 0.0, 0)
    assert math.log(got["upper"] / 50) == pytest.approx(half_width, rel=1e-6)
    assert math.log(got["lower"] / 50) == pytest.approx(-half_width, rel=1e-6)


def test_of_nothing_known_the_interval_is_wide(server: Server):
    server.models.refresh()
    (got,) = server.client().post("/predict", json=batch(instance(row=None))).json["predictions"]
    assert got["upper"] == pytest.approx(50 * math.exp(server.settings.unknown_spread))


@pytest.mark.parametrize("price", [-20.0, 0.0])
def test_a_price_that_is_not_positive_gets_an_interval_around_it(ready: Server, price: float):
    (got,) = ready.client().post("/predict", json=batch(instance(price=price, row=None))).json["predictions"]
    assert got["lower"] < price == got["prediction"] < got["upper"]


@pytest.mark.parametrize(
    ("prices", "half_width"),
    [
        (np.full(DEFAULT.size, 80.0), 0.01),
        (np.r_[np.tile([10.0, -10.0], 45), 10.4, 0.4], 20.0),
        (np.r_[np.tile([10.0, 30.0], 45), -20.0], 20.0),
        (np.r_[np.tile([40.0, 43.0], 45), 1e12], 3.0),
        (np.r_[np.tile([40.0, 43.0], 45), 1e-12], 3.0),
        (np.tile([40.0, 43.0], 5), 3.0),
    ],
    ids=["constant", "near zero", "below zero", "a million millions", "all but nothing", "of a short window"],
)
def test_the_naive_interval_is_as_wide_as_the_windows_price_changes(
    server: Server, prices: np.ndarray, half_width: float
):
    server.models.refresh()
    server.store.symbols["X"] = Sessions(DAY, prices)
    got = server.client().get("/predict?symbol=X").json
    assert (got["model_alias"], got["prediction"]) == ("naive", prices[-1])
    assert got["upper"] - prices[-1] == pytest.approx(half_width, abs=1e-3)
    assert prices[-1] - got["lower"] == pytest.approx(half_width, abs=1e-3)


@pytest.mark.parametrize("row", [None, ROW], ids=["without features", "with features"])
def test_the_naive_interval_of_features_that_are_given_is_as_wide_as_the_move_beside_them(
    server: Server, row: list[float] | None
):
    server.models.refresh()
    sent = batch(instance("X", price=3.0, row=row) | {"move": 7.5})
    (got,) = server.client().post("/predict", json=sent).json["predictions"]
    assert (got["lower"], got["prediction"], got["upper"]) == (-4.5, 3.0, 10.5)


def test_the_naive_interval_of_a_power_price_holds_its_level_near_zero(server: Server):
    """Prices of mean and deviation 20 that differ by amounts, not by shares, where they are at -10 to 5."""
    random = np.random.default_rng(4)
    around = np.zeros(3000)
    for at in range(1, len(around)):
        around[at] = 0.9 * around[at - 1] + random.normal(0, 20 * math.sqrt(1 - 0.81))
    prices = around + 20
    server.models.refresh()
    client = server.client()
    held = []
    for at in range(100, len(prices) - 1):
        if -10 < prices[at] < 5:
            server.store.symbols["X"] = Sessions(DAY, prices[: at + 1])
            got = client.get("/predict?symbol=X").json
            held.append(got["lower"] <= prices[at + 1] <= got["upper"])
    assert len(held) > 200
    assert 0.85 <= np.mean(held) <= 0.95


def test_of_too_few_price_changes_for_its_level_the_interval_is_the_widest_known(server: Server):
    server.models.refresh()
    server.store.symbols["X"] = Sessions(DAY, np.tile([40.0, 43.0], 4))
    got = server.client().get("/predict?symbol=X").json
    assert got["upper"] == pytest.approx(43 * math.exp(server.settings.unknown_spread))


def test_features_without_volatility_give_no_interval_that_is_a_point(server: Server):
    server.models.refresh()
    still = [0.0] * len(ROW)
    (got,) = server.client().post("/predict", json=batch(instance("X", row=still))).json["predictions"]
    assert (got["lower"], got["upper"]) == (49.99, 50.01)


def test_a_symbol_is_predicted_from_its_last_sessions(ready: Server):
    prices = echoing(1, 200)
    ready.store.symbols["S"] = Sessions(DAY, prices)
    client = ready.client()
    for answer in (
        client.get("/predict?symbol=S&as_of=2026-03-02T00:00:00Z"),
        client.post("/predict", json={"symbol": "S", "as_of": "2026-03-02T00:00:00Z"}),
    ):
        assert answer.status_code == 200, answer.json
        assert answer.json["event_time"] == "2026-03-01T00:00:00Z"
        assert answer.json["price"] == prices[-1]
        assert answer.json["predicted_return"] == pytest.approx(ECHO * RETURN, abs=1e-7)
    assert ready.store.as_of == [datetime(2026, 3, 2, tzinfo=UTC)] * 2


def test_as_of_an_instant_no_later_model_answers(ready: Server):
    """It has seen what came then, and its proof is of later prices."""
    ready.store.symbols["S"] = Sessions(DAY, echoing(1, 200))
    client = ready.client()
    served = ready.models.current["S"]
    made = served.card.created_at
    before, then = (
        client.get(f"/predict?symbol=S&as_of={at:%Y-%m-%dT%H:%M:%SZ}").json
        for at in (made - timedelta(seconds=1), made)
    )
    assert (before["model_alias"], before["model_version"], before["skill"]) == ("naive", 0, "none")
    assert then["model_version"] == served.version
    assert then["realised_coverage"] is None


def test_a_symbol_without_a_full_window_gets_the_naive_forecast(ready: Server):
    ready.store.symbols["S"] = Sessions(DAY, echoing(1, DEFAULT.size - 1))
    got = ready.client().get("/predict?symbol=S").json
    assert (got["model_alias"], got["prediction"]) == ("naive", got["price"])


def test_a_symbol_without_prices_is_not_found(ready: Server):
    answer = ready.client().get("/predict?symbol=NOPE")
    assert answer.status_code == 404
    assert answer.json == {"error": "no price of NOPE is known", "field": "symbol"}


def test_realised_coverage_is_that_of_the_served_version(ready: Server):
    ready.store.outcomes = {("S", 4): Coverage(0.875, 40), ("S", 3): Coverage(0.1, 99)}
    ready.forecaster.refresh_coverage()
    sent = batch(instance("S"), instance("T"))
    one, other = ready.client().post("/predict", json=sent).json["predictions"]
    assert (one["realised_coverage"], one["coverage_count"]) == (0.875, 40)
    assert (other["realised_coverage"], other["coverage_count"]) == (None, 0)


def test_realised_coverage_of_the_naive_forecast_is_its_own(ready: Server):
    client = ready.client()
    client.post("/predict", json=batch(instance("U")))
    ready.store.outcomes = {("U", 0): Coverage(0.9, 10)}
    ready.forecaster.refresh_coverage()
    (got,) = client.post("/predict", json=batch(instance("U"))).json["predictions"]
    assert (got["realised_coverage"], got["coverage_count"]) == (0.9, 10)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, None),
        (b"", 400, None),
        (b"\xff", 400, None),
        (b"[]", 422, None),
        (b"{}", 422, "symbol"),
        (b'{"symbol": "S", "instances": []}', 422, "instances"),
        (b'{"instances": []}', 422, "instances"),
        (b'{"symbol": 3}', 422, "symbol"),
        (b'{"symbol": "a/b"}', 422, "symbol"),
        (b'{"symbol": "S", "as_of": "2026-03-01"}', 422, "as_of"),
        (b'{"symbol": "S", "as_of": "2026-03-01T00:00:00"}', 422, "as_of"),
        (b'{"symbol": "S", "colour": 1}', 422, "colour"),
        (b'{"instances": [{"symbol": "S", "price": 1}]}', 422, "instances[0].features"),
        (b'{"instances": [{"symbol": "S", "price": "1", "features": null}]}', 422, "instances[0].price"),
        (b'{"instances": [{"symbol": "S", "price": 1, "features": [1, 2]}]}', 422, "instances[0].features"),
        (b'{"instances": [{"symbol": "S", "price": 1e999, "features": null}]}', 422, "instances[0].price"),
    ],
)
def test_bad_input_is_refused_with_the_field_named(
    ready: Server, body: bytes, status: int, field: str | None
):
    answer = ready.client().post("/predict", data=body)
    assert (answer.status_code, answer.json["field"]) == (status, field), answer.json
    assert answer.json["error"]


PRICE = '{"instances": [{"symbol": "S", "features": null, "price": 1.0}]}'
WITHOUT_END = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (f'{{"symbol": {WITHOUT_END}}}', 422, "symbol"),
        (f'{{"instances": {WITHOUT_END}}}', 422, "instances[0]"),
        (PRICE.replace("1.0", "9" * 400), 422, "instances[0].price"),
        (PRICE.replace("1.0", "1e308"), 422, "instances[0].price"),
        (PRICE.replace("1.0", "-1e308"), 422, "instances[0].price"),
        ('{"symbol": "S", "as_of": "0001-01-01T00:00:00+14:00"}', 422, "as_of"),
    ],
    ids=["nest", "nest of instances", "400 digits", "1e308", "-1e308", "first of time"],
)
def test_what_has_no_end_is_refused_too(ready: Server, body: str, status: int, field: str):
    answer = ready.client().post("/predict", data=body)
    assert (answer.status_code, answer.json["field"]) == (status, field), answer.json


@pytest.mark.parametrize("symbol", ["S", "UNKNOWN"])
@pytest.mark.parametrize("size", [1e308, 1e39, 1e5, 800.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_no_answer_has_a_number_that_is_none(ready: Server, symbol: str, size: float, sign: float):
    for row in ([size * sign] * len(FEATURES), [size, -size] * (len(FEATURES) // 2)):
        asked = batch(instance(symbol, 1e12, row))
        answer = ready.client().post("/predict", json=asked)
        if answer.status_code == 200:
            for name in ("predicted_return", "prediction", "lower", "upper"):
                assert math.isfinite(answer.json["predictions"][0][name])
            assert answer.json["predictions"][0]["lower"] <= answer.json["predictions"][0]["upper"]
        else:
            assert (answer.status_code, answer.json["field"]) == (422, "instances[0].features")


def test_features_of_another_set_are_refused_though_they_are_as_many(ready: Server):
    client = ready.client()
    asked = batch(instance())
    assert client.post("/predict", json={**asked, "feature_set": DEFAULT.version}).status_code == 200
    answer = client.post("/predict", json={**asked, "feature_set": "1:10-20-60"})
    assert (answer.status_code, answer.json["field"]) == (409, "feature_set")
    assert "1:7-30-90" in answer.json["error"]
    short = batch(instance(row=[0.1, 0.2]))
    assert client.post("/predict", json={**short, "feature_set": DEFAULT.version}).status_code == 422


def test_the_list_of_naive_symbols_follows_those_asked_for_last(ready: Server):
    client = ready.client()
    for part in range(3):
        asked = [instance(f"MADE-UP-{part}-{number}", row=None) for number in range(700)]
        assert client.post("/predict", json=batch(*asked)).status_code == 200
    client.post("/predict", json=batch(instance("REAL", row=None)))
    ready.store.outcomes["REAL", 0] = Coverage(0.5, 10)
    ready.forecaster.refresh_coverage()
    (got,) = client.post("/predict", json=batch(instance("REAL", row=None))).json["predictions"]
    assert (got["realised_coverage"], got["coverage_count"]) == (0.5, 10)


def test_the_instance_at_fault_is_named(ready: Server):
    answer = ready.client().post("/predict", json=batch(instance(), instance(price=-1.0)))
    assert (answer.status_code, answer.json["field"]) == (422, "instances[1].price")


def test_too_many_instances_and_bytes_are_refused(tmp_path: Path):
    server = Server(tmp_path, max_body_bytes=1_000_000)
    server.models.refresh()
    client = server.client()
    answer = client.post("/predict", json=batch(*[instance(row=None)] * 1001))
    assert (answer.status_code, answer.json["field"]) == (422, "instances")
    answer = client.post("/predict", data=b" " * 1_000_001)
    assert answer.status_code == 413
    assert "1000000 bytes" in answer.json["error"]


@pytest.mark.parametrize("query", ["", "symbol=", "symbol=S&as_of=yesterday", "symbol=S&colour=red"])
def test_a_bad_query_is_refused(ready: Server, query: str):
    answer = ready.client().get(f"/predict?{query}")
    assert answer.status_code == 422
    assert answer.json["field"] in ("symbol", "as_of", "colour")


def test_unknown_paths_and_methods_are_answered_in_json(ready: Server):
    client = ready.client()
    assert client.get("/nope").status_code == 404
    assert "GET /nope" in client.get("/nope").json["error"]
    answer = client.delete("/predict")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_an_unexpected_fault_says_nothing_of_the_inside(ready: Server, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(ready.forecaster, "batch", fail)
    answer = ready.client().post("/predict", json=batch(instance()))
    assert answer.status_code == 500
    assert answer.json == {"error": "internal error", "field": None}


def test_a_store_away_is_a_503_for_symbols_and_nothing_to_batches(ready: Server):
    ready.store.away = True
    client = ready.client()
    answer = client.get("/predict?symbol=S")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert client.post("/predict", json=batch(instance())).status_code == 200


def test_before_the_registry_was_read_nothing_is_predicted(server: Server):
    client = server.client()
    ready = public.WORKLOADS["model-server"].health_path
    for answer in (client.post("/predict", json=batch(instance())), client.get(ready)):
        assert answer.status_code == 503
    assert client.get(public.LIVE).status_code == 200
    server.models.refresh()
    assert client.get(ready).status_code == 200
    assert client.post("/predict", json=batch(instance())).status_code == 200


@pytest.mark.parametrize(
    ("limits", "path"),
    [
        ({"max_in_flight": 1}, "/predict?symbol=S"),
        ({"max_in_flight": 8, "max_store_reads": 1}, "/predict?symbol=S"),
    ],
    ids=["in flight", "store reads"],
)
def test_more_at_once_than_the_limit_is_refused_and_told_when_to_come_back(
    tmp_path: Path, limits: dict[str, int], path: str
):
    server = Server(tmp_path, **limits)
    server.models.refresh()
    server.store.symbols["S"] = Sessions(DAY, np.full(10, 5.0))
    inside, leave = threading.Event(), threading.Event()
    read = server.store.sessions

    def slow(symbol: str, as_of: datetime | None, count: int) -> Sessions | None:
        inside.set()
        assert leave.wait(30)
        return read(symbol, as_of, count)

    server.store.sessions = slow
    client = server.client()
    first: list[int] = []
    thread = threading.Thread(target=lambda: first.append(client.get(path).status_code))
    thread.start()
    try:
        assert inside.wait(30)
        other = server.client()
        refused = other.get(path)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        if limits["max_in_flight"] > 1:
            # Readers of the store do not take the places of those who bring their features.
            assert other.post("/predict", json=batch(instance())).status_code == 200
    finally:
        leave.set()
        thread.join(30)
    assert first == [200]
    assert server.client().get(path).status_code == 200


def test_a_delivery_day_is_answered_as_it_was_forecast(ready: Server):
    ready.store.deliveries["DE", date(2026, 3, 2)] = Delivery(b'{"symbol":"DE","periods":[1]}', "")
    answer = ready.client().get("/predict?symbol=DE&delivery=2026-03-02&as_of=2026-03-01T12:00:00Z")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.data == b'{"symbol":"DE","periods":[1]}'
    assert ready.store.as_of == [datetime(2026, 3, 1, 12, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("query", "status", "field", "named"),
    [
        ("symbol=DE&delivery=2026-03-03", 404, "delivery", "the newest price is of 2026-02-01"),
        ("symbol=FR&delivery=2026-03-03", 404, "delivery", "no forecast of FR for 2026-03-03: forecast-run"),
        ("symbol=DE&delivery=2026-02-30", 422, "delivery", "date"),
        ("symbol=DE&delivery=tomorrow", 422, "delivery", "date"),
        ("symbol=DE&delivery=2026-03-03T00:00:00Z", 422, "delivery", "date"),
        ("symbol=DE&delivery=10000-01-01", 422, "delivery", "date"),
        ("symbol=DE&delivery=-0001-01-01", 422, "delivery", "date"),
        ("symbol=DE&delivery=20515", 422, "delivery", "date"),
        ("symbol=DE&delivery=%00", 422, "delivery", "date"),
        ("symbol=DE&delivery=0001-01-01", 404, "delivery", "no forecast of DE for 0001-01-01"),
        ("symbol=DE&delivery=9999-12-31", 404, "delivery", "no forecast of DE for 9999-12-31"),
        ("symbol=D%00E&delivery=2026-03-03", 422, "symbol", "matching"),
        ("symbol=DE&delivery=", 422, "delivery", "date"),
        ("delivery=2026-03-03", 422, "symbol", "symbol"),
        ("symbol=DE&delivery=2026-03-03&hour=4", 422, "hour", "hour"),
        ("symbol=DE&delivery=2026-03-03&as_of=1066-10-14T00:00:00Z", 422, "as_of", "1900"),
    ],
)
def test_a_delivery_day_without_forecast_is_a_problem_that_says_why(
    ready: Server, query: str, status: int, field: str, named: str
):
    ready.store.deliveries["DE", date(2026, 3, 4)] = Delivery(b"{}", "", stale=True)
    answer = ready.client().get("/predict?symbol=DE&delivery=2026-03-04")
    assert (answer.status_code, answer.headers["Warning"][:5]) == (200, "110 -")
    ready.store.deliveries["DE", date(2026, 3, 3)] = Delivery(None, "the newest price is of 2026-02-01")
    answer = ready.client().get(f"/predict?{query}")
    assert (answer.status_code, answer.json["field"]) == (status, field)
    assert named in answer.json["error"]


def test_a_delivery_day_while_the_store_is_away_is_asked_for_again_later(ready: Server):
    ready.store.away = True
    answer = ready.client().get("/predict?symbol=DE&delivery=2026-03-02")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
