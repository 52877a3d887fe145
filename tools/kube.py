"""kubectl against the instance's cluster, or the one that `$KUBE_CONTEXT` names."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools import paths, proc, toolchain
from tools.errors import UsageError


def context() -> str | None:
    """The context of an existing cluster to use, None for the instance's own node."""
    return os.environ.get("KUBE_CONTEXT") or None


def kubeconfig() -> str:
    """The kubeconfig that reaches the cluster from this machine."""
    if context():
        return os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")
    return str(paths.state_dir() / "kubeconfig")


def must_be_up() -> None:
    """Refuse an instance that has never come up, by name.

    Raises:
        UsageError: there is no cluster to ask; names those that have one.
    """
    if context() is None and not Path(kubeconfig()).exists():
        known = sorted(found.parent.name for found in paths.state_root().glob("*/kubeconfig"))
        there = f"Up are: {', '.join(known)}." if known else "No instance is."
        raise UsageError(f"INSTANCE={paths.instance()!r} is not up.", remedy=f"{there} make up brings it up.")


def kubectl(*args: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run kubectl and return its stdout.

    Args:
        timeout: seconds.

    Raises:
        CommandFailed: with kubectl's words in `output`.
        UsageError: the instance is not up.
    """
    must_be_up()
    chosen = ["--context", name] if (name := context()) else []
    command: Sequence[str] = [str(toolchain.path("kubectl")), "--kubeconfig", kubeconfig(), *chosen, *args]
    return proc.output(command, stdin=stdin, timeout=timeout)


def get(*args: str) -> Any:
    """`kubectl get … -o json`, parsed."""
    return json.loads(kubectl("get", *args, "-o", "json"))


def http(namespace: str, service: str, port: int, path: str) -> Any:
    """GET a service's JSON through the API server, which works for any cluster and opens no port."""
    target = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}"
    return json.loads(kubectl("get", "--raw", target))
