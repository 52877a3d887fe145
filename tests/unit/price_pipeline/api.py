"""An API on this machine, for tests of sources that ask one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], str | bytes]
"""Status, headers, body."""


class Api:
    """Answers by a function of (path, query), of a POST its form, and remembers what it was asked, with the
    headers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda _, __: (200, {}, "[]")
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                self._answered(parts.path, parts.query)

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"]))
                self._answered(urlsplit(self.path).path, form.decode())

            def _answered(self, path: str, given: str) -> None:
                query = {key: values[-1] for key, values in parse_qs(given).items()}
                api.asked.append((path, query, dict(self.headers)))
                status, headers, text = api.answer(path, query)
                body = text.encode() if isinstance(text, str) else text
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
