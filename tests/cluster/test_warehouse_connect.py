"""Kafka Connect in a cluster: it has the topics that it asks for, and the connector of MariaDB."""

from __future__ import annotations

import json
import uuid

from tools import kube
from workloads.kit.contracts import ports
from workloads.kit.contracts.declared.warehouse_connect import WAREHOUSE_CONNECT
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL

_NAME = f"deployment/{WAREHOUSE_CONNECT.name}"
_MARIADB = "io.debezium.connector.mariadb.MariaDbConnector"


def _ask(platform: str, method: str, path: str, body: str = "") -> tuple[int, str]:
    """Status and body, asked within its pod, whose image has a shell and no client of HTTP."""
    head = f"{method} {path} HTTP/1.0\\r\\nContent-Type: application/json\\r\\nContent-Length: {len(body)}"
    script = (
        f"exec 3<>/dev/tcp/127.0.0.1/{ports.WAREHOUSE_CONNECT}; "
        f"{{ printf '{head}\\r\\n\\r\\n'; cat; }} >&3; cat <&3"
    )
    told = kube.kubectl(
        "exec", "-i", "-n", platform, _NAME, "--", "bash", "-c", script, stdin=body, timeout=120
    )  # fmt: skip
    status, _, rest = told.replace("\r\n", "\n").partition("\n")
    return int(status.split()[1]), rest.partition("\n\n")[2]


def test_it_is_well_and_has_the_connector(platform: str) -> None:
    kube.kubectl("rollout", "status", _NAME, "-n", platform, "--timeout=600s", timeout=610)
    status, body = _ask(platform, "GET", "/connector-plugins")
    assert status == 200
    assert _MARIADB in {one["class"] for one in json.loads(body)}


def test_a_connector_without_a_server_says_so_and_leaves_nothing(platform: str) -> None:
    name = f"live-{uuid.uuid4().hex[:6]}"
    config = {
        "connector.class": _MARIADB,
        "tasks.max": "1",
        "topic.prefix": name,
        "database.hostname": "127.0.0.1",
        "database.port": "1",
        "database.user": "nobody",
        "database.password": "${directory:/etc/connect:worker.properties}",
        "database.server.id": "1",
    }
    status, body = _ask(platform, "PUT", f"/connectors/{name}/config", json.dumps(config))
    assert status == 400, body
    # Nor is a file told that is no secret: what may be named is in one directory.
    assert "bootstrap" not in body
    status, body = _ask(platform, "GET", "/connectors")
    assert (status, name in body) == (200, False)


def test_a_run_knows_where_it_is(platform: str) -> None:
    made = kube.get(f"cronjob/{WAREHOUSE_ETL.name}", "-n", platform)
    (container,) = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    told = {one["name"]: one.get("value") for one in container["env"]}
    assert f"//{WAREHOUSE_CONNECT.name}." in told[WAREHOUSE_CONNECT.url_variable]
