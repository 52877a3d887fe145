"""OpenSSH's server, as files are fetched from; it lets one user in, by one key, to its files alone."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools import debian
from tools.embedded.process import UNPRIVILEGED, Launch, Process, answers, free_ports, unprivileged


class Sftp:
    """A running server; `stop` and `start` keep its port, keys and files.

    Args:
        directory: for its files, keys and log; exists.

    Raises:
        ToolError: it did not come up; carries the log.
    """

    def __init__(self, directory: Path, *, port: int | None = None, launch: Launch = Process) -> None:
        self.port = port or free_ports(1)[0]
        self._launch, self._log = launch, directory / "sshd.log"
        self.files = directory / "files"
        self.files.mkdir()
        self.key_file = directory / "user"
        host, known = directory / "host", directory / "authorized_keys"
        self.host_key = _made(host)
        known.write_text(_made(self.key_file) + "\n", encoding="utf-8")
        if os.geteuid() == 0:
            for one in (host, known):
                shutil.chown(one, UNPRIVILEGED, UNPRIVILEGED)
        runs_as = os.geteuid() or UNPRIVILEGED
        self.user = pwd.getpwuid(runs_as).pw_name
        self._config = directory / "sshd_config"
        settings = {
            "ListenAddress": f"127.0.0.1:{self.port}",
            "HostKey": host,
            "PidFile": "none",
            "AuthenticationMethods": "publickey",
            "AuthorizedKeysFile": known,
            # Directories of tests belong to whoever runs them.
            "StrictModes": "no",
            "UsePAM": "no",
            "Subsystem": "sftp internal-sftp",
            "ForceCommand": f"internal-sftp -R -d {self.files}",
            "AllowTcpForwarding": "no",
        }
        self._config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
        self.start()

    def start(self) -> None:
        command = unprivileged(debian.path("sshd"), "-D", "-e", "-f", self._config)
        self.process = self._launch(command, self._log)
        self.process.until(lambda: answers(self.port), "sshd answers")

    def stop(self) -> None:
        self.process.stop()


def _made(file: Path) -> str:
    """A private key into the file; returns the public one."""
    key, ssh = Ed25519PrivateKey.generate(), serialization
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(ssh.Encoding.PEM, ssh.PrivateFormat.OpenSSH, ssh.NoEncryption()))
    return key.public_key().public_bytes(ssh.Encoding.OpenSSH, ssh.PublicFormat.OpenSSH).decode()
