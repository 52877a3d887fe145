"""The object store: versitygw over a directory, started as its image starts it."""

from __future__ import annotations

import secrets
from pathlib import Path

from infra.manifests import object_store
from infra.manifests.services import ObjectAccess
from tools import toolchain
from tools.embedded.process import Launch, Process, free_ports, http_ok
from tools.paths import ROOT
from workloads.kit.contracts import env

_START = ROOT / "tools" / "images" / "versitygw" / "entrypoint.sh"


class ObjectStore:
    """A running server with the platform's buckets; `stop` and `start` keep its port and what it holds.

    Args:
        directory: for its buckets, log and keys; exists.

    Raises:
        ToolError: it did not come up; carries the log.
    """

    def __init__(self, directory: Path, *, port: int | None = None, launch: Launch = Process) -> None:
        self._directory = directory
        self._port = port or free_ports(1)[0]
        self._launch = launch
        self._data = directory / "buckets"
        self._data.mkdir()
        self._secret_file = directory / env.OBJECT_STORE_SECRET
        self.secret = secrets.token_urlsafe(24)
        self.credentials_file = directory / env.AWS_CREDENTIALS
        for file, text in (
            (self._secret_file, self.secret),
            (self.credentials_file, object_store.credentials(self.secret)),
        ):
            file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    @property
    def directory(self) -> Path:
        """Where the buckets are, a directory each."""
        return self._data

    @property
    def access(self) -> ObjectAccess:
        """What clients need."""
        return object_store.access(self.url, self.secret)

    @property
    def env(self) -> dict[str, str]:
        """What a workload needs to reach it."""
        return {
            env.OBJECT_STORE_URL: self.url,
            env.LAKE_LOCATION: self.access.lake,
            env.UPLOADS_LOCATION: self.access.uploads,
            env.DOWNLOADS_LOCATION: self.access.downloads,
            env.AWS_REGION: self.access.region,
            env.AWS_CREDENTIALS_FILE: str(self.credentials_file),
        }

    def start(self) -> None:
        variables = object_store.variables(
            secret_file=str(self._secret_file), data=str(self._data), listen=f"127.0.0.1:{self._port}"
        )
        program = {"VERSITYGW": str(toolchain.path("versitygw"))}
        self.process = self._launch([_START], self._directory / "object-store.log", {**variables, **program})
        self.process.until(lambda: http_ok(self.url + object_store.HEALTH), "the object store answers")

    def stop(self) -> None:
        self.process.stop()
