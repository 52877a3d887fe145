"""`/healthz`, `/readyz` and `/metrics` of a workload that is not a web server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

Check = Callable[[], tuple[bool, str]]
"""Whether all is well, and a line that says why (not)."""


def _fine() -> tuple[bool, str]:
    return True, "ok"


class HealthServer:
    """Serves in a daemon thread until closed. `port` 0 takes a free one; `.port` is the one in use.

    `/healthz` and `/readyz` answer 200 or 503 with the check's line.
    """

    def __init__(self, port: int, ready: Check, alive: Check, registry: CollectorRegistry) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    self._answer(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_LATEST)
                elif path in ("/healthz", "/readyz"):
                    well, why = (alive if path == "/healthz" else ready)()
                    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
                    self._answer(status, f"{why}\n".encode())
                else:
                    self._answer(HTTPStatus.NOT_FOUND, b"there are /healthz, /readyz and /metrics\n")

            def _answer(
                self, status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8"
            ) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes come every few seconds: they are not logged."""

        self._server = ThreadingHTTPServer(("", port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> HealthServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(
    port: int, ready: Check = _fine, alive: Check = _fine, registry: CollectorRegistry = REGISTRY
) -> HealthServer:
    """Start serving; OSError if the port is taken."""
    return HealthServer(port, ready, alive, registry)
