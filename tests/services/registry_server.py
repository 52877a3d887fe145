"""MLflow as a process of its own, on PostgreSQL and a directory, as the platform runs it."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

from tests.services.clients import MigratedDatabase
from tests.services.servers import Process, free_ports, until
from workloads.kit.contracts import tables

_START_SECONDS = 300.0
"""The first start makes some sixty tables, one migration at a time."""


class MlflowServer:
    """The registry; `stop` and `start` keep its port and what it holds."""

    def __init__(self, database: MigratedDatabase, directory: Path) -> None:
        self._port = free_ports(1)[0]
        self._directory = directory
        password = (database.secrets_dir / "mlflow").read_text()
        self._store = f"postgresql+psycopg2://mlflow:{password}@127.0.0.1:{database.server.port}/{tables.MLFLOW_DATABASE}"
        self.uri = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        self._process = Process(
            [
                sys.executable, "-m", "mlflow", "server", "--serve-artifacts", "--workers", "1",
                "--artifacts-destination", self._directory / "artifacts",
                "--host", "127.0.0.1", "--port", str(self._port),
            ],
            self._directory / "mlflow.log",
            {
                "MLFLOW_BACKEND_STORE_URI": self._store,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
        )  # fmt: skip

        def up() -> bool:
            assert self._process.running(), self._process.tail()
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                    return answer.status == 200
            except OSError:
                return False

        until(up, "MLflow answers", _START_SECONDS, every=0.2)

    def stop(self) -> None:
        self._process.stop()
