"""kubectl against an instance's API server, from inside it."""

import json
from typing import Any

from tools import toolchain
from tools.cluster import namespaces
from tools.cluster.instance import Instance

ADMIN = "/etc/kubernetes/admin.conf"


def kubectl(instance: Instance, *arguments: str, input: str | None = None) -> str:
    """Standard output of kubectl as administrator. Raises CommandFailed with its output."""
    return namespaces.run(instance, _command(*arguments), input=input).stdout


def get(instance: Instance, *arguments: str) -> Any:
    """Objects as kubectl prints them in JSON. Raises CommandFailed."""
    return json.loads(kubectl(instance, "get", *arguments, "-o", "json"))


def answers(instance: Instance) -> bool:
    """Whether the API server says it is ready."""
    return namespaces.run(instance, _command("get", "--raw", "/readyz"), check=False).returncode == 0


def apply(instance: Instance, manifest: str) -> None:
    """Make objects as the YAML documents say. Raises CommandFailed."""
    kubectl(instance, "apply", "--server-side", "--force-conflicts", "-f", "-", input=manifest)


def _command(*arguments: str) -> list[str]:
    return [str(toolchain.path("kubectl")), f"--kubeconfig={ADMIN}", "--request-timeout=15s", *arguments]
