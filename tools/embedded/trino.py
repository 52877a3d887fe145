"""Trino as one process, with the configuration that it has on a cluster."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Collection
from pathlib import Path

from infra.manifests import trino_config
from tools import java, trino
from tools.embedded.object_store import ObjectStore
from tools.embedded.process import Launch, Process, free_ports
from workloads.kit.contracts import env, lake

HEAP_MIB = 1024


class Trino:
    """A running server over a migrated warehouse and an object store.

    Args:
        directory: for its configuration, data, log and password; exists.
        database: host:port/name, migrated.
        password: of the role `trino`.
        of_tenants: tables whose rows each belong to a tenant.

    Raises:
        ToolError: it did not come up; carries the log.
    """

    def __init__(
        self,
        directory: Path,
        database: str,
        password: str,
        store: ObjectStore,
        *,
        of_tenants: Collection[str] = lake.OF_TENANTS,
        port: int | None = None,
        launch: Launch = Process,
    ) -> None:
        self._directory = directory
        self._launch = launch
        self._store = store
        self._port = port or free_ports(1)[0]
        self._etc = directory / "etc"
        self._pgpass = directory / "pgpass"
        self._pgpass.touch(mode=0o600)
        self.give(password)
        place = trino_config.Place(
            etc=str(self._etc),
            data=str(directory / "data"),
            port=self._port,
            address="127.0.0.1",
            database=database,
            objects=store.access,
        )
        for name, text in trino_config.files(place, HEAP_MIB, of_tenants).items():
            file = self._etc / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        variables = {
            **java.environment(),
            "PGPASSFILE": str(self._pgpass),
            env.AWS_CREDENTIALS_FILE: str(self._store.credentials_file),
        }
        command = [trino.unpacked() / "bin" / "launcher", "run", f"--etc-dir={self._etc}"]
        self.process = self._launch(command, self._directory / "trino.log", variables)
        try:
            self.process.until(self._ready, "Trino takes queries", every=0.2)
        except BaseException:
            self.stop()
            raise

    def give(self, password: str) -> None:
        """Have its next connections to the database made with this password."""
        self.password = password
        self._pgpass.write_text(trino_config.pgpass(trino_config.escaped(password)), encoding="utf-8")

    def stop(self) -> None:
        self.process.stop()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/v1/info", timeout=5) as answer:  # noqa: S310 - our own address
                return json.load(answer)["starting"] is False
        except OSError:
            return False
