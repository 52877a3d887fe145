"""The way out, live: an allowed name passes, another is refused and counted, a stranger stays outside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.manifests import meta, network, objects, scaling
from infra.manifests.network import Paths, Peer
from infra.manifests.probes import Probes, Tcp
from infra.manifests.workload import Workload
from infra.settings import Resources
from tests import stack
from tools import jobs, kube
from tools.errors import CommandFailed
from tools.wait import until
from workloads.kit.contracts import ports
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.egress import FILE, PORT

MARKET = "market.example"
STAND_IN = "market-stand-in"
PROXY = f"deployment/{EGRESS_PROXY.name}"

_SERVER = f"""
import socketserver
class Pong(socketserver.StreamRequestHandler):
    def handle(self):
        if self.rfile.readline(): self.wfile.write(b"pong")
socketserver.ThreadingTCPServer(("", {ports.STAND_IN}), Pong).serve_forever()
"""

_CLIENT = """
import base64, os, socket, sys
from pathlib import Path
from urllib.parse import urlsplit
at = urlsplit(os.environ["EGRESS_PROXY_URL"])
password = Path(os.environ["EGRESS_PASSWORD_FILE"]).read_text().strip()
who = base64.b64encode(f"price-pipeline:{password}".encode()).decode()
for target in sys.argv[1:]:
    with socket.create_connection((at.hostname, at.port), timeout=30) as c:
        asked = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", f"Proxy-Authorization: Basic {who}", "", ""]
        c.sendall("\\r\\n".join(asked).encode())
        status = c.recv(4096).split()[1].decode()
        said = ""
        if status == "200":
            c.sendall(b"ping\\n")
            said = c.recv(64).decode()
        print("ASKED", target, status, said)
"""

_COUNTS = f"""
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:{ports.METRICS}/metrics").read().decode())
"""


def _stand_in(image: str) -> list[dict[str, Any]]:
    w = Workload(
        name=STAND_IN,
        namespace=EGRESS_PROXY.namespace,
        component="stand-in",
        identity=stack.settings().labels,
        image=image,
        resources=Resources(cpu="10m", memory="32Mi", cpu_limit="100m", memory_limit="64Mi"),
        command=("python", "-c", _SERVER),
        ports={"tls": ports.STAND_IN},
        probes=Probes(live=Tcp(ports.STAND_IN), ready=Tcp(ports.STAND_IN)),
        exceptions={"scaler": "a test's"},
    )
    proxy = Peer(EGRESS_PROXY.namespace, EGRESS_PROXY.name)
    service = objects.service(w, {"tls": PORT})
    service["spec"]["ports"][0]["targetPort"] = ports.STAND_IN
    out = network.policy(
        EGRESS_PROXY.name,
        EGRESS_PROXY.namespace,
        w.labels,
        Paths(egress=((Peer(w.namespace, w.name), ports.STAND_IN),)),
    )
    out["metadata"]["name"] = f"{EGRESS_PROXY.name}-to-{STAND_IN}"
    return [
        objects.service_account(w),
        network.policy(w.name, w.namespace, w.labels, Paths(ingress=((proxy, ports.STAND_IN),))),
        out,
        service,
        scaling.disruption_budget(w),
        objects.deployment(w, scaling.RECREATE, replicas=1),
    ]


@pytest.fixture(scope="module")
def market(platform: str) -> Iterator[str]:
    """A stand-in for a market, which price-pipeline may reach until the tests are over."""
    deployed = kube.get(PROXY, "-n", platform)
    image: str = deployed["spec"]["template"]["spec"]["containers"][0]["image"]
    made = json.dumps({"apiVersion": "v1", "kind": "List", "items": _stand_in(image)})
    held = kube.get("configmap", EGRESS_PROXY.name, "-n", platform)["data"][FILE]
    told = json.dumps(
        {
            "clients": {PRICE_PIPELINE.name: [MARKET]},
            "resolve": {MARKET: f"{STAND_IN}.{platform}.svc.cluster.local"},
        }
    )

    def tell(text: str) -> None:
        patch = json.dumps({"data": {FILE: text}})
        kube.kubectl("patch", "configmap", EGRESS_PROXY.name, "-n", platform, "--type=merge", "-p", patch)

    def rolled(what: str) -> None:
        kube.kubectl("rollout", "status", what, "-n", platform, "--timeout=300s", timeout=310)

    kube.kubectl("apply", "-f", "-", stdin=made)
    try:
        rolled(f"deployment/{STAND_IN}")
        tell(told)
        kube.kubectl("rollout", "restart", PROXY, "-n", platform)
        rolled(PROXY)
        yield MARKET
    finally:
        tell(held)
        # Back to the very template that was there, so that a preview finds no change.
        kube.kubectl("rollout", "undo", PROXY, "-n", platform)
        rolled(PROXY)
        kube.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=made)


def _asked(*targets: str) -> dict[str, list[str]]:
    """What a pod of price-pipeline is answered: target → status, and what came through."""
    job = jobs.template(PRICE_PIPELINE.name)
    container = job["spec"]["template"]["spec"]["containers"][0]
    container |= {"command": ["python", "-c", _CLIENT, *targets], "args": []}
    kube.kubectl("create", "-f", "-", stdin=json.dumps(job))
    name = job["metadata"]["name"]
    jobs.wait(name, limit=300)
    log = kube.kubectl("logs", "-n", EGRESS_PROXY.namespace, f"job/{name}")
    found = [line.split()[1:] for line in log.splitlines() if line.startswith("ASKED")]
    return {target: rest for target, *rest in found}


def _refused(platform: str) -> float:
    text = kube.kubectl("exec", "-n", platform, PROXY, "--", "python", "-c", _COUNTS)
    # A port that nobody may reach is refused before anybody is asked who he is: then there is no client.
    name = f"({PRICE_PIPELINE.name})?"
    wanted = re.compile(rf'carbon_egress_requests_total\{{client="{name}",outcome="refused"\}} (.*)')
    return sum(float(found[2]) for line in text.splitlines() if (found := wanted.fullmatch(line)))


def _recorded(platform: str) -> set[tuple[str, str]]:
    """Host and outcome of what every pod tells: of a deployment, one that is on its way out may be asked."""
    of_all = ("-l", f"{meta.NAME}={EGRESS_PROXY.name}", "--tail=-1")
    log = kube.kubectl("logs", "-n", platform, *of_all)
    records = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return {(r["host"], r["outcome"]) for r in records if r["event"] == "egress"}


def test_an_allowed_name_passes_and_another_is_refused_and_counted(platform: str, market: str) -> None:
    before = _refused(platform)
    allowed, other, ssh = f"{market}:443", "other.example:443", f"{market}:22"
    assert _asked(allowed, other, ssh) == {allowed: ["200", "pong"], other: ["403"], ssh: ["403"]}
    # squid tells of an access when it is over.
    until(lambda: _refused(platform) >= before + 2, "both refusals to be counted", limit=60)
    found = _recorded(platform)
    assert {(market, "allowed"), ("other.example", "refused")} <= found


def test_who_does_not_declare_it_cannot_reach_the_proxy(platform: str) -> None:
    code = f"import socket; socket.create_connection(('{EGRESS_PROXY.name}', {EGRESS_PROXY.port}), timeout=5)"
    with pytest.raises(CommandFailed) as error:
        kube.kubectl("exec", "-n", platform, "deploy/price-replay", "--", "python3", "-c", code)
    assert "Error" in error.value.output or "timed out" in error.value.output


def test_past_the_proxy_nothing_leaves(platform: str) -> None:
    code = "import socket; socket.create_connection(('203.0.113.1', 443), timeout=5)"
    with pytest.raises(CommandFailed):
        kube.kubectl("exec", "-n", platform, "deploy/price-replay", "--", "python3", "-c", code)
