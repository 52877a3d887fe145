"""Certificates as an operator would hand them out: an authority, a directory of files a holder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from workloads.kit.contracts import env

_DAYS = "2"


class Authority:
    """Issues certificates; `ca` is its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.ca = directory / env.TLS_CA
        self._key = directory / "ca.key"
        _openssl(
            "req", "-x509", *_new_key(self._key), "-out", self.ca, "-days", _DAYS, "-subj", "/CN=authority"
        )

    def issue(self, name: str, address: str | None = None, *, dns: str | None = None) -> Path:
        """A certificate for `CN=name`, and for an address or a DNS name if it is a server's.

        Returns:
            A directory with the authority's certificate, this one, and its key.
        """
        holder = self._directory / name
        holder.mkdir()
        (holder / env.TLS_CA).write_bytes(self.ca.read_bytes())
        request, extensions = holder / "request", holder / "extensions"
        _openssl("req", *_new_key(holder / env.TLS_KEY), "-out", request, "-subj", f"/CN={name}")
        names = [*([f"IP:{address}"] if address else []), *([f"DNS:{dns}"] if dns else [])]
        extensions.write_text(
            f"subjectAltName={','.join(names)}\n" if names else "keyUsage=digitalSignature\n"
        )
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key, "-CAcreateserial",
            "-days", _DAYS, "-extfile", extensions, "-out", holder / env.TLS_CERTIFICATE,
        )  # fmt: skip
        return holder


def _new_key(file: Path) -> list[str | Path]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file]


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
