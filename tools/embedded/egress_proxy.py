"""The egress proxy as a plain process: squid, and what tells it who may reach what."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
from pathlib import Path

from tools import debian
from tools.embedded.process import UNPRIVILEGED, Launch, Process, free_ports, http_ok, unprivileged
from tools.paths import ROOT
from workloads.kit.contracts.egress import FILE, PORT, Egress
from workloads.kit.contracts.env import EGRESS_FILE, METRICS_PORT


class EgressProxy:
    """A running proxy; each client's password is in a file of its name in `passwords`.

    Args:
        egress: who may reach what.
        connects_to: the port of the hosts, where it is not that of HTTPS.

    Raises:
        ToolError: it did not come up; carries the log.
    """

    def __init__(
        self, directory: Path, egress: Egress, *, connects_to: int = PORT, launch: Launch = Process
    ) -> None:
        self.port, self.metrics_port = free_ports(2)
        self.passwords, scratch = directory / "passwords", directory / "scratch"
        for made in (self.passwords, scratch):
            made.mkdir()
        if os.geteuid() == 0:
            shutil.chown(scratch, UNPRIVILEGED, UNPRIVILEGED)
        for client in egress.clients:
            (self.passwords / client).write_text(secrets.token_urlsafe(24), encoding="utf-8")
        file = directory / FILE
        file.write_text(egress.model_dump_json(), encoding="utf-8")
        self.log = directory / "egress-proxy.log"
        env = {
            EGRESS_FILE: str(file),
            METRICS_PORT: str(self.metrics_port),
            "EGRESS_PORT": str(self.port),
            "EGRESS_CONNECTS_TO": str(connects_to),
            "EGRESS_SECRETS_DIR": str(self.passwords),
            "SCRATCH_DIR": str(scratch),
            "SQUID": str(debian.path("squid")),
            "PYTHONPATH": str(ROOT),
        }
        command = unprivileged(sys.executable, "-m", "workloads.egress_proxy")
        self.process = launch(command, self.log, env)
        url = f"http://127.0.0.1:{self.metrics_port}/readyz"
        self.process.until(lambda: http_ok(url), "the egress proxy answers")

    def url(self, client: str, password: str | None = None) -> str:
        """The proxy's address for a client, by its own password or another."""
        own = (self.passwords / client).read_text(encoding="utf-8") if password is None else password
        return f"http://{client}:{own}@127.0.0.1:{self.port}"

    def reload(self) -> None:
        """Have squid read its files anew."""
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split():
            os.kill(int(child), signal.SIGHUP)

    def stop(self) -> None:
        self.process.stop()
