"""Kafka Connect with Debezium's connector as one process, with the configuration that it has on a cluster."""

from __future__ import annotations

import signal
import urllib.request
from pathlib import Path

from infra.manifests import connect_config
from tools import connect
from tools.embedded.kafka import LOGGING
from tools.embedded.process import Launch, Process, free_ports

HEAP_MIB = 320


class Connect:
    """A running worker over brokers that have its topics.

    Args:
        directory: for its configuration and log; exists.
        secrets: directory of the files that connectors may name as secrets.

    Raises:
        ToolError: it did not come up; carries the log.
    """

    def __init__(
        self,
        directory: Path,
        bootstrap: str,
        secrets: Path,
        *,
        port: int | None = None,
        launch: Launch = Process,
    ) -> None:
        self._directory, self._launch = directory, launch
        port = port or free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        place = connect_config.ConnectPlace(
            bootstrap=bootstrap,
            address="127.0.0.1",
            port=port,
            plugins=str(connect.directory() / connect.PLUGINS),
            secrets=str(secrets),
        )
        (directory / "worker.properties").write_text(connect_config.worker(place), encoding="utf-8")
        (directory / "log4j2.properties").write_text(LOGGING, encoding="utf-8")
        self.start()

    def start(self) -> None:
        """Again, after a stop."""
        self.process = self._launch(
            [
                "java", f"-Xmx{HEAP_MIB}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                f"-Dlog4j2.configurationFile={self._directory / 'log4j2.properties'}",
                "-cp", f"{connect.directory() / connect.LIBS}/*",
                "org.apache.kafka.connect.cli.ConnectDistributed", self._directory / "worker.properties",
            ],
            self._directory / "connect.log",
        )  # fmt: skip
        try:
            self.process.until(self._ready, "Kafka Connect answers", every=0.2)
        except BaseException:
            self.stop()
            raise

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.stop(number)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except OSError:
            return False
