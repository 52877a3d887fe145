"""The client against a small real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from workloads.kit.contracts.serving import Forecast, Forecasts, Instance, PredictBatch
from workloads.kit.records import Transient
from workloads.prediction_consumer.model_client import ModelClient, Refused, Unreadable

Answer = Callable[[PredictBatch], tuple[int, bytes]]


def forecasts(batch: PredictBatch) -> tuple[int, bytes]:
    return 200, msgspec.json.encode(
        Forecasts(
            predictions=[
                Forecast(
                    symbol=instance.symbol,
                    price=instance.price,
                    predicted_return=0.0,
                    prediction=instance.price,
                    lower=instance.price - 1,
                    upper=instance.price + 1,
                    nominal_level=0.9,
                    realised_coverage=None,
                    coverage_count=0,
                    model_name=f"next-return.{instance.symbol}",
                    model_version=0,
                    model_alias="naive",
                    skill="none",
                    skill_score=None,
                )
                for instance in batch.instances
            ]
        )
    )


@contextmanager
def server(*answers: Answer | None, port: int = 0) -> Iterator[tuple[str, list[int]]]:
    """Gives one answer a request, None closes the connection; yields the URL and the clients' ports."""
    left = list(answers)
    clients: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/predict"
            clients.append(self.client_address[1])
            answer = left.pop(0)
            if answer is None:
                self.close_connection = True
                return
            status, content = answer(msgspec.json.decode(body, type=PredictBatch))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}", clients
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


INSTANCES = [
    Instance(symbol="WTI", price=50.0, features=[0.5, 0.25]),
    Instance(symbol="BRENT-M", price=-1.0, features=None),
]


def test_forecasts_come_in_order_over_one_kept_connection() -> None:
    with server(forecasts, forecasts) as (url, clients), ModelClient(f"{url}/", 5) as model:
        for _ in range(2):
            assert [(f.symbol, f.price) for f in model.predict(INSTANCES)] == [
                ("WTI", 50.0),
                ("BRENT-M", -1.0),
            ]
        assert len(clients) == 2
        assert len(set(clients)) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_content_at_fault_is_refused_in_the_servers_words(status: int) -> None:
    with (
        server(lambda _: (status, b'{"error": "instances[0].price: too large"}')) as (url, _),
        ModelClient(url, 5) as model,
        pytest.raises(Refused, match=r"instances\[0\]\.price: too large"),
    ):
        model.predict(INSTANCES)


@pytest.mark.parametrize("status", [503, 500, 502, 429, 404, 401])
def test_other_answers_are_to_be_tried_again(status: int) -> None:
    with (
        server(lambda _: (status, b"overloaded")) as (url, _),
        ModelClient(url, 5) as model,
        pytest.raises(Transient, match=f"{status}: overloaded"),
    ):
        model.predict(INSTANCES)


def test_a_server_of_another_feature_set_or_of_an_older_release_is_waited_for() -> None:
    seen: list[str | None] = []

    def mismatch(batch: PredictBatch) -> tuple[int, bytes]:
        seen.append(batch.feature_set)
        return 409, b'{"error": "expected features of the set 1:7-30-90", "field": "feature_set"}'

    unknown = b'{"error": "Object contains unknown field `feature_set`", "field": "feature_set"}'
    move = b'{"error": "Object contains unknown field `move` - at `$.instances[...]`", "field": "instances"}'
    with (
        server(mismatch, lambda _: (422, unknown), lambda _: (422, move)) as (url, _),
        ModelClient(url, 5, "1:10-20-60") as model,
    ):
        for said in ("feature_set", "feature_set", "move"):
            with pytest.raises(Transient, match=said):
                model.predict(INSTANCES)
    assert seen == ["1:10-20-60"]


def test_a_forecast_that_is_none_is_told_from_an_answer_that_is_none() -> None:
    def one_null(batch: PredictBatch) -> tuple[int, bytes]:
        status, content = forecasts(batch)
        plain = msgspec.json.decode(content)
        plain["predictions"][1]["upper"] = None
        return status, msgspec.json.encode(plain)

    with (
        server(one_null) as (url, _),
        ModelClient(url, 5) as model,
        pytest.raises(Unreadable, match=r"predictions\[1\]\.upper"),
    ):
        model.predict(INSTANCES)


@pytest.mark.parametrize("content", [b"not json", b"{}", b'{"predictions": []}'])
def test_an_answer_that_is_none_is_to_be_tried_again(content: bytes) -> None:
    with (
        server(lambda _: (200, content)) as (url, _),
        ModelClient(url, 5) as model,
        pytest.raises(Transient, match="model server"),
    ):
        model.predict(INSTANCES)


def test_a_broken_connection_is_made_anew_at_once() -> None:
    with server(forecasts, None, forecasts) as (url, clients), ModelClient(url, 5) as model:
        assert len(model.predict(INSTANCES)) == 2
        assert len(model.predict(INSTANCES)) == 2
        assert len(set(clients)) == 2


def test_a_server_that_is_away_is_transient_and_found_again_when_it_is_back() -> None:
    with server(forecasts) as (url, _), ModelClient(url, 5) as model:
        model.predict(INSTANCES)
    port = int(url.rpartition(":")[2])
    with ModelClient(url, 5) as model:
        with pytest.raises(Transient, match="ConnectError"):
            model.predict(INSTANCES)
        with server(forecasts, port=port):
            assert len(model.predict(INSTANCES)) == 2


def test_a_server_that_does_not_answer_in_time_is_transient() -> None:
    answered = threading.Event()

    def late(batch: PredictBatch) -> tuple[int, bytes]:
        answered.wait(30)
        return forecasts(batch)

    with server(late) as (url, _), ModelClient(url, 0.2) as model:
        with pytest.raises(Transient, match="ReadTimeout"):
            model.predict(INSTANCES)
        answered.set()
