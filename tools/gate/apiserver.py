"""An API server of its own, with nothing behind it, to ask what it would say of an object.

    with apiserver.running() as server:
        server.install(crds.find(kinds))
        server.apply(manifest, dry_run=True).ok
        server.kubectl("get", "namespaces")

etcd and kube-apiserver are enough: no object is acted upon. Both listen for this user alone (a socket in a
private directory; loopback with a certificate and a token made for the run), write into a temporary
directory, and end with the block, or with this process should it be killed.
"""

from __future__ import annotations

import json
import secrets
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools import console, proc, toolchain
from tools.errors import CommandFailed
from tools.gate.apiclient import HOST, LIMIT, POLL, ApiServer

PROGRAMS = ("etcd", "kube-apiserver", "kubeadm", "kubectl")


@contextmanager
def running() -> Iterator[ApiServer]:
    """Start a server, and end it with the block.

    Raises:
        CommandFailed: it ended, or did not answer in time; carries the end of its log.
        MissingPrerequisite: a program has to be built first and cannot be.
    """
    programs = toolchain.ensure(PROGRAMS)
    with tempfile.TemporaryDirectory(prefix="carbon-api-") as directory:
        home, token, port = Path(directory), secrets.token_hex(16), _free_port()
        pki, certificates = home / "pki", home / "serving"
        proc.output(
            [programs["kubeadm"], "init", "phase", "certs", "sa", "--cert-dir", pki],
            timeout=LIMIT,
        )
        tokens = home / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f"{token},gate,gate,system:masters\n", encoding="utf-8")
        etcd = f"unix://{home / 'etcd.sock'}"
        store = [programs["etcd"], f"--data-dir={home / 'etcd'}", *_etcd_flags(home, etcd)]
        serve = [
            programs["kube-apiserver"],
            f"--etcd-servers={etcd}",
            f"--bind-address={HOST}",
            f"--secure-port={port}",
            f"--cert-dir={certificates}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            # As kubeadm and EKS have it: whether a pod may be privileged is the policies' business.
            "--allow-privileged",
        ]
        with process(store, home / "etcd.log"), process(serve, home / "api.log") as serving:
            authority = certificates / "apiserver.crt"
            _until(authority.is_file, serving, home / "api.log")
            server = ApiServer(
                port=port,
                token=token,
                kubeconfig=_kubeconfig(home / "kubeconfig", port, authority, token),
                _tls=ssl.create_default_context(cafile=authority),
                _kubectl=programs["kubectl"],
            )
            _until(server.ready, serving, home / "api.log")
            server.discover()
            yield server


def _etcd_flags(home: Path, url: str) -> list[str]:
    return [
        f"--listen-client-urls={url}",
        f"--listen-peer-urls=unix://{home / 'peer.sock'}",
        # Nobody is told to come here: the addresses are never used, and must look like some.
        "--advertise-client-urls=http://localhost:1",
        "--initial-advertise-peer-urls=http://localhost:1",
        "--initial-cluster=default=http://localhost:1",
        # Nothing outlives the block, so nothing need reach the disk.
        "--unsafe-no-fsync",
    ]


@contextmanager
def process(command: Sequence[proc.Arg], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block, or of this process."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _until(condition: Callable[[], bool], server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        if server.poll() is not None or time.monotonic() > end:
            tail = "\n".join(console.log_tail(log))
            raise CommandFailed(["kube-apiserver"], server.returncode, output=tail)
        time.sleep(POLL)


def _kubeconfig(file: Path, port: int, authority: Path, token: str) -> Path:
    cluster = {"server": f"https://{HOST}:{port}", "certificate-authority": str(authority)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "gate", "cluster": cluster}],
        "users": [{"name": "gate", "user": {"token": token}}],
        "contexts": [{"name": "gate", "context": {"cluster": "gate", "user": "gate"}}],
        "current-context": "gate",
    }
    file.touch(mode=0o600)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def _free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind((HOST, 0))
        return candidate.getsockname()[1]
