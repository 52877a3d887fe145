"""Host ports of an instance: which port on 127.0.0.1 leads where inside."""

import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.cluster import namespaces
from tools.cluster.instance import NODE_IP, Instance, ports, write_atomically
from tools.errors import ToolError

DAEMON = "forwarder"
API_PORT = 6443


def start(instance: Instance) -> None:
    """Have the forwarder run, with the table that was last set and the API server in it."""
    write_atomically(instance.port_table, json.dumps(table(instance) | _api(instance), indent=1))
    if namespaces.daemon_pid(instance, DAEMON) is None:
        init = namespaces.require_init(instance)
        program = Path(__file__).with_name("forwarder.py")
        # One that was killed leaves its socket behind, which would pass for the new one's.
        _control(init).unlink(missing_ok=True)
        namespaces.start_daemon(
            instance,
            DAEMON,
            [
                *(sys.executable, "-I", str(program), str(instance.port_table)),
                *(str(_control(init)), f"/proc/{init}/ns/net"),
            ],
            network=False,
            mounts=False,
        )
        if not namespaces.wait_until(lambda: _control(init).exists(), 10):
            raise ToolError("the port forwarder does not start", log=instance.logs / f"{DAEMON}.log")
    _reload(instance)


def table(instance: Instance) -> dict[str, str]:
    """The rows in force, `{"127.0.0.1:PORT": "ADDRESS:PORT"}`, the API server's among them."""
    try:
        rows: dict[str, str] = json.loads(instance.port_table.read_text())
    except FileNotFoundError:
        return {}
    return rows


def set_table(instance: Instance, mapping: Mapping[str, str]) -> None:
    """Replace the table with `mapping`, in effect on return; the API server's row is always kept.

    Targets are addresses that the node reaches: pods, cluster IPs of services, the node itself.
    Raises ToolError naming the port when one cannot be listened on.
    """
    namespaces.require_init(instance)
    write_atomically(instance.port_table, json.dumps(dict(mapping) | _api(instance), indent=1))
    _reload(instance)


def _api(instance: Instance) -> dict[str, str]:
    return {f"127.0.0.1:{ports(instance).api}": f"{NODE_IP}:{API_PORT}"}


def _control(init: int) -> Path:
    return namespaces.inside(init, f"{namespaces.INSIDE}/{DAEMON}.sock")


def _reload(instance: Instance) -> None:
    init = namespaces.require_init(instance)
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(20)
        try:
            control.connect(str(_control(init)))
            with control.makefile() as answers:
                answer: dict[str, Any] = json.loads(answers.readline())
        except (OSError, ValueError) as error:
            raise ToolError(
                f"the port forwarder of instance {instance.name!r} does not answer: {error}",
                remedy="Run `python -m tools cluster up`, which starts it again.",
            ) from error
    if answer["failed"]:
        rows = ", ".join(f"{address} ({reason})" for address, reason in answer["failed"].items())
        raise ToolError(
            f"cannot forward {rows}",
            remedy="Stop the program that listens there (ss -ltnp), then run `python -m tools cluster up`.",
        )
