"""A stand-in for the third-party APIs, in their own formats: slow, failing or away by setting.

`python -m tests.providers PORT DELAY_SECONDS FAILING_SHARE` runs one as a process; `GET /-/seen` tells it all
that was asked, as JSON: [[seconds, path and query], …].
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


class Providers:
    """The server. What it does may be changed while it runs.

    Args:
        delay: seconds until it answers.
        failing: share of requests that get a 503.
        validators: whether answers have an ETag, and 304 is given for it.
        answer: what it says in place of its own, where that is not None.
    """

    def __init__(self, port: int = 0, *, delay: float = 0.0, failing: float = 0.0, seed: int = 7) -> None:
        self.delay, self.failing, self.validators = delay, failing, False
        self.answer: Callable[[str, dict[str, str]], Answer | None] = lambda path, query: None
        self.seen: list[tuple[float, str]] = []
        self.most_at_once: dict[str, int] = {}
        self._under_way: dict[str, int] = {}
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, within: str = "") -> int:
        """Requests whose path and query hold this."""
        return sum(within in asked for _, asked in list(self.seen))

    def within(self, seconds: float) -> int:
        """The most requests that came within any time of this length."""
        return most_within([at for at, _ in list(self.seen)], seconds)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                status, headers, body = outer._respond(self.path, dict(self.headers.items()))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if status != 304:
                    self.wfile.write(body)

        return Handler

    def _respond(self, path: str, headers: dict[str, str]) -> Answer:
        if path == "/-/seen":
            return 200, {}, json.dumps(self.seen).encode()
        with self._lock:
            self.seen.append((time.time(), path))
            self._under_way[path] = self._under_way.get(path, 0) + 1
            self.most_at_once[path] = max(self.most_at_once.get(path, 0), self._under_way[path])
            fails = self._random.random() < self.failing
        try:
            # Not a wait for something: how long this provider takes.
            time.sleep(self.delay)
            if fails:
                return 503, {}, b"overloaded"
            parts = urlsplit(path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            given = self.answer(parts.path, query)
            return given if given is not None else self._own(parts.path, query, headers)
        finally:
            with self._lock:
                self._under_way[path] -= 1

    def _own(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        found = body(path, query)
        if found is None:
            return 404, {"Content-Type": "application/json"}, b'{"title": "Not Found", "status": 404}'
        raw = json.dumps(found).encode()
        if not self.validators:
            return 200, {"Content-Type": "application/json"}, raw
        etag = f'"{hashlib.sha256(raw).hexdigest()[:16]}"'
        if headers.get("If-None-Match") == etag:
            return 304, {"ETag": etag}, b""
        return 200, {"Content-Type": "application/json", "ETag": etag}, raw


def body(path: str, query: dict[str, str]) -> Any:
    """The answer of a provider as it writes it; None where it knows of no such thing."""
    parts = path.strip("/").split("/")
    match parts:
        case ["v1", "forecast"]:
            latitudes, longitudes = (query[name].split(",") for name in ("latitude", "longitude"))
            places = [
                _forecast(float(latitude), float(longitude), query)
                for latitude, longitude in zip(latitudes, longitudes, strict=True)
            ]
            return places if len(places) > 1 else places[0]
        case ["v1", "search"]:
            place = {"id": 1, "name": query["name"], "latitude": 1.0, "longitude": 2.0, "country_code": "DE"}
            return {"results": [place], "generationtime_ms": 0.5}
        case ["api", "v1", "lei-records", lei]:
            entity = {"legalName": {"name": f"Entity {lei}", "language": "en"}, "status": "ACTIVE"}
            return {"data": {"type": "lei-records", "id": lei, "attributes": {"lei": lei, "entity": entity}}}
        case ["api", "v3", "PublicHolidays", year, country] if country != "XX":
            day = {"date": f"{year}-01-01", "localName": "Neujahr", "name": "New Year's Day"}
            return [{**day, "countryCode": country, "global": True, "types": ["Public"]}]
        case _:
            return None


def _forecast(latitude: float, longitude: float, query: dict[str, str]) -> dict[str, Any]:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    hours = [today + timedelta(hours=hour) for hour in range(24 * int(query.get("forecast_days", "7")))]
    names = query["hourly"].split(",")
    return {
        "latitude": latitude,
        "longitude": longitude,
        "utc_offset_seconds": 0,
        "timezone": "GMT",
        "hourly_units": {"time": "iso8601", **dict.fromkeys(names, "°C")},
        "hourly": {
            "time": [f"{hour:%Y-%m-%dT%H:%M}" for hour in hours],
            **{name: [round(latitude / 5 + at % 24 / 4, 1) for at in range(len(hours))] for name in names},
        },
    }


def most_within(times: list[float], seconds: float) -> int:
    """The most of these times, in order, that lie within any window of this length."""
    times, most, first = sorted(times), 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def main() -> None:
    port, delay, failing = sys.argv[1:4]
    Providers(int(port), delay=float(delay), failing=float(failing))
    threading.Event().wait()


if __name__ == "__main__":
    main()
