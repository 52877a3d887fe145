"""The egress proxy: a real squid between a client and a market of this machine."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.services.servers import until
from tests.services.tls import Authority
from tools.embedded.egress_proxy import EgressProxy
from tools.paths import ROOT
from workloads.kit.contracts.egress import Egress
from workloads.kit.contracts.env import TLS_CERTIFICATE, TLS_KEY

pytestmark = pytest.mark.thorough

MARKET, OTHER, INSIDE, UNKNOWN = (f"{name}.example" for name in ("market", "other", "inside", "unknown"))


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'[{"d": "2026-01-01", "id": "A", "v": 1.5}]'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass(frozen=True)
class World:
    """Args:
    port: of the market, on 127.0.0.1.
    """

    proxy: EgressProxy
    port: int
    ca: Path

    def get(self, host: str, *, proxy: str, port: int | None = None, scheme: str = "https") -> httpx.Response:
        context = ssl.create_default_context(cafile=str(self.ca))
        with httpx.Client(proxy=proxy, verify=context, timeout=20) as client:
            return client.get(f"{scheme}://{host}:{port or self.port}/")

    def refused(self, host: str, **how: Any) -> str:
        """What the proxy says in place of a tunnel."""
        with pytest.raises(httpx.ProxyError) as error:
            self.get(host, **how)
        return str(error.value)[:3]

    def said(self, host: str) -> str:
        """The status of a request by `reader`, also while squid reads its files anew."""
        try:
            return str(self.get(host, proxy=self.proxy.url("reader")).status_code)
        except httpx.HTTPError as error:
            return str(error)[:3]

    def records(self) -> list[dict[str, Any]]:
        lines = self.proxy.log.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [one for one in found if one["event"] == "egress"]

    def recorded(self, **fields: object) -> dict[str, Any]:
        """The newest record that has these fields, once it is there."""

        def there() -> list[dict[str, Any]]:
            return [one for one in self.records() if fields.items() <= one.items()]

        until(lambda: bool(there()), f"a record of {fields} in {self.proxy.log}")
        return there()[-1]

    def counted(self, client: str, outcome: str) -> float:
        text = httpx.get(f"http://127.0.0.1:{self.proxy.metrics_port}/metrics").text
        name = f'carbon_egress_requests_total{{client="{client}",outcome="{outcome}"}} '
        return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("egress")
    authority = Authority(directory / "tls")
    held = authority.issue("market", dns=MARKET)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(held / TLS_CERTIFICATE, held / TLS_KEY)
    market = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    market.socket = context.wrap_socket(market.socket, server_side=True)
    threading.Thread(target=market.serve_forever, args=(0.01,), daemon=True).start()
    egress = Egress(
        clients={"reader": (MARKET, UNKNOWN, INSIDE), "idle": ()},
        resolve={MARKET: "127.0.0.1"},
    )
    proxy = EgressProxy(directory, egress, connects_to=market.server_port)
    try:
        yield World(proxy, market.server_port, authority.ca)
    finally:
        proxy.stop()
        market.shutdown()
        market.server_close()


def test_an_allowed_name_passes_and_is_recorded(world: World) -> None:
    before = world.counted("reader", "allowed")
    assert world.get(MARKET, proxy=world.proxy.url("reader")).json()[0]["v"] == 1.5
    record = world.recorded(client="reader", outcome="allowed")
    assert (record["host"], record["port"], record["status"]) == (MARKET, str(world.port), 200)
    assert record["bytes_received"] > 0
    assert record["level"] == "info"
    assert world.counted("reader", "allowed") == before + 1


@pytest.mark.parametrize("host", [OTHER, f"sub.{MARKET}", "127.0.0.1", "localhost", f"{MARKET}.evil.example"])
def test_another_name_is_refused_recorded_and_counted(world: World, host: str) -> None:
    before = world.counted("reader", "refused")
    assert world.refused(host, proxy=world.proxy.url("reader")) == "403"
    record = world.recorded(host=host, outcome="refused")
    assert (record["client"], record["status"], record["level"]) == ("reader", 403, "warning")
    assert world.counted("reader", "refused") == before + 1


def test_what_one_may_reach_another_may_not(world: World) -> None:
    assert world.refused(MARKET, proxy=world.proxy.url("idle")) == "403"
    assert world.recorded(client="idle", host=MARKET)["outcome"] == "refused"


@pytest.mark.parametrize(
    ("client", "password"),
    [("reader", "wrong"), ("nobody", "wrong"), ("..%2Fpasswords%2Freader", "x"), ("reader", "")],
)
def test_who_does_not_prove_who_he_is_gets_nothing(world: World, client: str, password: str) -> None:
    before = world.counted("", "unknown")
    assert world.refused(MARKET, proxy=world.proxy.url(client, password)) == "407"
    until(lambda: world.counted("", "unknown") == before + 1, "the refusal is counted")


def test_without_a_name_nothing_leaves(world: World) -> None:
    assert world.refused(MARKET, proxy=f"http://127.0.0.1:{world.proxy.port}") == "407"


def test_another_port_is_refused(world: World) -> None:
    assert world.refused(MARKET, proxy=world.proxy.url("reader"), port=22) == "403"
    assert world.recorded(host=MARKET, port="22")["outcome"] == "refused"


def test_in_clear_nothing_leaves(world: World) -> None:
    answer = world.get(MARKET, proxy=world.proxy.url("reader"), scheme="http")
    assert answer.status_code == 403
    assert world.recorded(method="GET", outcome="refused")["host"] == MARKET


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1", "::1", "fd00::1"]
)
def test_a_name_that_leads_inside_is_refused(world: World, address: str) -> None:
    """An allowed name whose owner turned it on us: squid is told so by its hosts file, as a DNS would."""
    hosts = world.proxy.log.parent / "scratch" / "hosts"
    earlier = hosts.read_text()
    assert earlier == f"127.0.0.1 {MARKET}\n"
    hosts.write_text(f"{earlier}{address} {INSIDE}\n")
    try:
        world.proxy.reload()
        until(lambda: world.said(INSIDE) == "403", f"{address} is refused")
        assert world.recorded(host=INSIDE, outcome="refused")["client"] == "reader"
    finally:
        hosts.write_text(earlier)
        world.proxy.reload()
    until(lambda: world.said(MARKET) == "200", "what is allowed passes again")


def test_a_name_that_nobody_knows_fails_and_says_so(world: World) -> None:
    assert world.refused(UNKNOWN, proxy=world.proxy.url("reader")).startswith("5")
    assert world.recorded(host=UNKNOWN)["outcome"] == "failed"


def test_a_rotated_password_holds_at_once(world: World) -> None:
    file = world.proxy.passwords / "reader"
    earlier = file.read_text()
    file.write_text("rotated-rotated-rotated")
    try:
        assert world.get(MARKET, proxy=world.proxy.url("reader")).status_code == 200
    finally:
        file.write_text(earlier)


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"",
        b"CONNECT [::1]:443 HTTP/1.1\\r\\n\\r\\n",
        b"CONNECT " + b"a" * 70_000 + b":443 HTTP/1.1\r\n\r\n",
        b'CONNECT "x\\\\ {}\t\xff%0a%20200:443 HTTP/1.1\r\nHost: x\r\n\r\n',
    ],
)
def test_nonsense_neither_ends_it_nor_forges_a_record(world: World, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", world.proxy.port)) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    assert world.get(MARKET, proxy=world.proxy.url("reader")).status_code == 200
    assert all(one["host"] == MARKET for one in world.records() if one["outcome"] == "allowed")


def test_no_password_is_in_the_log(world: World) -> None:
    world.refused(MARKET, proxy=world.proxy.url("reader", "a-wrong-password"))
    text = world.proxy.log.read_text()
    assert "a-wrong-password" not in text
    assert (world.proxy.passwords / "reader").read_text() not in text


def test_the_pipelines_own_client_goes_through_it(world: World, tmp_path: Path) -> None:
    """As a pod does: told of the proxy and of a file with the password, and of no other way out."""
    code = """
import json, sys, httpx
from workloads.kit import egress
egress.use("reader")
print(json.dumps(httpx.get(sys.argv[1]).json()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, f"https://{MARKET}:{world.port}/"],
        cwd=ROOT,
        env={
            **os.environ,
            "EGRESS_PROXY_URL": f"http://127.0.0.1:{world.proxy.port}",
            "EGRESS_PASSWORD_FILE": str(world.proxy.passwords / "reader"),
            "SSL_CERT_FILE": str(world.ca),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["v"] == 1.5
