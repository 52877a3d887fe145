"""The model registry: MLflow on PostgreSQL and a directory, as the platform runs it.

`python -m tools.embedded.mlflow` is the server itself, in one process: `mlflow server` imports MLflow twice,
once to start what then serves, and that import is most of its start.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.embedded.process import Launch, Process, free_ports, http_ok
from tools.paths import ROOT
from workloads.kit.contracts import tables

_ROLE = "mlflow"
_STORE, _ARTIFACTS, _PORT = "MLFLOW_BACKEND_STORE_URI", "CARBON_ARTIFACTS", "CARBON_PORT"


class Mlflow:
    """The registry's server; `stop` and `start` keep its port and what it holds.

    Args:
        directory: for artifacts, log and the password; exists.
        postgres_port: of the server on 127.0.0.1 whose database `mlflow` it takes.
        wait: whether to return only when it answers; `wait` does it later.

    Raises:
        ToolError: it did not come up; carries the log.
    """

    def __init__(
        self,
        directory: Path,
        postgres_port: int,
        password: str,
        *,
        port: int | None = None,
        launch: Launch = Process,
        wait: bool = True,
    ) -> None:
        self._port = port or free_ports(1)[0]
        self._directory = directory
        self._launch = launch
        self._store = f"postgresql+psycopg2://{_ROLE}@127.0.0.1:{postgres_port}/{tables.MLFLOW_DATABASE}"
        self._passfile = directory / "pgpass"
        self._passfile.touch(mode=0o600)
        self._passfile.write_text(f"127.0.0.1:{postgres_port}:{tables.MLFLOW_DATABASE}:{_ROLE}:{password}\n")
        self.uri = f"http://127.0.0.1:{self._port}"
        self.start(wait=wait)

    def start(self, *, wait: bool = True) -> None:
        self.process = self._launch(
            [sys.executable, "-m", "tools.embedded.mlflow"],
            self._directory / "mlflow.log",
            {
                _STORE: self._store,
                _ARTIFACTS: str(self._directory / "artifacts"),
                _PORT: str(self._port),
                "PGPASSFILE": str(self._passfile),
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                "PYTHONPATH": str(ROOT),
            },
        )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Return when it answers."""
        self.process.until(lambda: http_ok(f"{self.uri}/health"), "MLflow answers")

    def stop(self) -> None:
        self.process.stop()


def serve() -> None:
    """What `mlflow server --serve-artifacts` does in the process that serves."""
    import uvicorn
    from mlflow.server import constants, handlers

    store, artifacts = os.environ[_STORE], "mlflow-artifacts:/"
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: store,
        constants.ARTIFACT_ROOT_ENV_VAR: artifacts,
        constants.ARTIFACTS_DESTINATION_ENV_VAR: os.environ[_ARTIFACTS],
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
    }
    handlers.initialize_backend_stores(store, store, artifacts)
    uvicorn.run(
        "mlflow.server.fastapi_app:app", host="127.0.0.1", port=int(os.environ[_PORT]), log_level="warning"
    )


if __name__ == "__main__":
    serve()
