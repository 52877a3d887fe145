"""Legacy systems for tests of warehouse-etl: MariaDB's tables, files, an API; and runs of the job."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from infra.manifests.object_store import credentials
from tests.services.clients import MigratedDatabase
from tools import environments, paths
from tools.embedded.mariadb import MariaDb
from tools.embedded.object_store import ObjectStore
from workloads.kit.contracts import env, lake
from workloads.kit.contracts.declared.warehouse_connect import WAREHOUSE_CONNECT
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL

ROLE = WAREHOUSE_ETL.role or ""

_EXECUTE = """
import json, sys, pymysql
at = json.load(sys.stdin)
done = pymysql.connect(host="127.0.0.1", port=at["port"], user="root", password=at["password"],
    database=at["database"], autocommit=True, charset="utf8mb4", init_command="SET time_zone = '+00:00'")
with done.cursor() as cursor:
    for statement in at["statements"]:
        cursor.execute(statement)
"""


def execute(server: MariaDb, *statements: str) -> None:
    """Statements as the administrator."""
    given = {
        "port": server.port,
        "password": server.admin_password,
        "database": server.database,
        "statements": statements,
    }
    done = subprocess.run(
        [environments.warehouse(), "-c", _EXECUTE],
        input=json.dumps(given),
        text=True,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def refusing_listener() -> Iterator[int]:
    """What Oracle's listener says of a service that it does not know, to all who connect; yields its port."""
    told = b"(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))"
    refused = 4
    packet = struct.pack(">HHBBHBBH", 12 + len(told), 0, refused, 0, 0, 1, 0, len(told)) + told
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(packet)

        Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


class Api:
    """A JSON API of lists, two objects a page; `paths` may be changed at any time."""

    def __init__(self) -> None:
        self.paths: dict[str, Any] = {}
        self.asked: list[str] = []
        self.status = 200
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                at = urlsplit(self.path)
                api.asked.append(self.path)
                query = parse_qs(at.query)
                found = api.paths.get(at.path, [])
                if isinstance(found, list):
                    since = query.get("since", [""])[0]
                    found = [one for one in found if one.get("updated_at", "~") >= since]
                    page = int(query.get("page", ["1"])[0])
                    found = {"data": {"items": found[2 * (page - 1) : 2 * page]}}
                body = json.dumps(found).encode()
                self.send_response(api.status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Warehouse:
    """Runs of the job, as its pod makes them, over a configuration of the test's own."""

    def __init__(
        self,
        carbon: MigratedDatabase,
        layers: MigratedDatabase,
        bootstrap: str,
        topic: str,
        directory: Path,
    ) -> None:
        self._carbon, self.layers = carbon, layers
        self._bootstrap, self.topic, self._directory = bootstrap, topic, directory
        self.key = directory / "pseudonym-key"
        self.key.write_text("0123456789abcdef")
        self.sources: list[dict[str, Any]] = []
        self._more: dict[str, str] = {}

    def objects(self, store: ObjectStore) -> None:
        """Files and history are in this store from now on."""
        keys = self._directory / env.AWS_CREDENTIALS
        keys.write_text(credentials(store.secret))
        self._more |= {
            env.OBJECT_STORE_URL: store.url,
            env.AWS_CREDENTIALS_FILE: str(keys),
            env.AWS_REGION: lake.REGION,
            env.LAKE_LOCATION: f"s3://{lake.BUCKET}/",
            env.UPLOADS_LOCATION: f"s3://{lake.UPLOADS}/",
        }

    def logs(self, url: str) -> None:
        """Logs are read by the Kafka Connect that answers there."""
        self._more[WAREHOUSE_CONNECT.url_variable] = url

    @property
    def env(self) -> dict[str, str]:
        file = self._directory / "sources.yaml"
        file.write_text(yaml.safe_dump({"sources": self.sources}))
        return {
            **os.environ,
            **self._carbon.env(ROLE),
            "KAFKA_BOOTSTRAP": self._bootstrap,
            "WAREHOUSE_DATABASE": self.layers.name,
            "WAREHOUSE_SOURCES_FILE": str(file),
            "WAREHOUSE_PSEUDONYM_KEY_FILE": str(self.key),
            "WAREHOUSE_COMPARE_HOURS": "[0]",
            "STAGING_TOPIC": self.topic,
            **self._more,
        }

    def command(self, *arguments: str) -> list[str]:
        return [str(environments.warehouse()), "-m", "workloads.warehouse_etl", *arguments]

    def run(self, at: str, *more: str, code: int = 0) -> dict[str, Any]:
        """A run at an instant; what it says of itself in its last line."""
        done = self.asked("run", "--at", at, *more)
        assert done.returncode == code, done.stdout[-6000:] + done.stderr[-3000:]
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return next((line for line in reversed(lines) if line.get("event") == "run_done"), {})

    def asked(
        self, *arguments: str, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=paths.ROOT,
            env={**self.env, **(more or {})},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.layers.admin() as connection:
            connection.execute("SET timezone = 'UTC'")
            return connection.execute(statement.encode(), values).fetchall()

    def bytes(self) -> dict[str, str]:
        """A digest of each table of the layers, in an order of its own."""
        found = {}
        for schema, table in self.query(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('raw', 'cleaned', 'analytics')"
            " ORDER BY 1, 2"
        ):
            ((digest,),) = self.query(
                "SELECT coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '')"
                f" FROM {schema}.{table} t"
            )
            found[f"{schema}.{table}"] = digest
        return found
