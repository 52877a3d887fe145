"""A model server to stop, to overload and to make choosy: speaks `contracts.serving`, knows no model."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from tests.services.servers import free_ports
from workloads.kit.contracts.models import model_name
from workloads.kit.contracts.serving import Forecast, Forecasts, Instance, PredictBatch


class ModelServer:
    """Predicts that a return repeats (the first feature), and the last price where there are no features."""

    def __init__(self) -> None:
        self._port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self._port}"
        self.overloaded = False
        self.refused_price: float | None = None
        self.answered = 0
        self.refusals = 0
        self._http: ThreadingHTTPServer | None = None

    def start(self) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, content = owner.answer(msgspec.json.decode(body, type=PredictBatch))
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                if status == 503:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def answer(self, batch: PredictBatch) -> tuple[int, bytes]:
        if self._http is None or self.overloaded:
            self.refusals += 1
            return 503, b'{"error": "overloaded"}'
        for index, instance in enumerate(batch.instances):
            if instance.price == self.refused_price:
                return 422, f'{{"error": "instances[{index}].price: no such price"}}'.encode()
        self.answered += len(batch.instances)
        return 200, msgspec.json.encode(Forecasts(predictions=[_forecast(one) for one in batch.instances]))


def _forecast(instance: Instance) -> Forecast:
    change = instance.features[0] if instance.features else 0.0
    return Forecast(
        symbol=instance.symbol,
        price=instance.price,
        predicted_return=change,
        prediction=instance.price * (1 + change),
        lower=instance.price * 0.9,
        upper=instance.price * 1.1,
        nominal_level=0.9,
        realised_coverage=None,
        coverage_count=0,
        model_name=model_name(instance.symbol),
        model_version=1 if instance.features else 0,
        model_alias="challenger" if instance.features else "naive",
        skill="none",
        skill_score=None,
    )
