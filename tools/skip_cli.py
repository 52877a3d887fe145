"""`skip`: move a consumer group past one record that stops it, from inside the cluster."""

from __future__ import annotations

import getpass
import json
import secrets
from typing import Annotated, Any

import typer

from tools import jobs, kube
from tools.errors import UsageError
from workloads.kit.contracts.namespaces import PLATFORM
from workloads.kit.contracts.platform import DECLARED

app = typer.Typer()

_GROUPS = {
    one.group: one
    for one in DECLARED.values()
    # What is not the platform's own code has no command of the platform's in its image.
    if one.kafka is not None and one.kafka.group and not one.third_party
}


@app.command()
def skip(
    group: Annotated[str, typer.Option(help="a consumer group, which is its deployment's name")],
    topic: Annotated[str, typer.Option(help="a topic that it reads; its only one by default")] = "",
    partition: Annotated[int | None, typer.Option(min=0)] = None,
    offset: Annotated[int | None, typer.Option(min=0, help="the next record; without it, says which")] = None,
    reason: Annotated[str, typer.Option(help="why; it is recorded")] = "",
) -> None:
    """Say where a group stands, or move it past the record at --offset: recorded, and dead-lettered.

    The group has to be stopped: scale its deployment to 0 first.
    """
    member = _GROUPS.get(group)
    if member is None or member.kafka is None:
        raise UsageError(f"--group {group}: no such group", remedy=f"there are {', '.join(sorted(_GROUPS))}")
    reads = member.kafka.reads
    chosen = topic or (reads[0] if len(reads) == 1 else "")
    if chosen not in reads:
        raise UsageError(f"--topic {chosen!r}: {group} does not read it", remedy=f"one of {reads}")
    args = ["--group", group, "--topic", chosen]
    if offset is not None:
        if partition is None or not reason.strip():
            raise UsageError("--offset needs --partition and --reason", remedy="without it, it says which")
        args += ["--partition", str(partition), "--offset", str(offset)]
        args += ["--reason", reason, "--by", getpass.getuser()]
    typer.echo(_run(member.name, args))


def _run(deployment: str, args: list[str], *, limit: float = 180) -> str:
    """Run `workloads.kit.skip` once in a pod like the deployment's, with its image, rights and settings."""
    template = kube.get("deployment", deployment, "-n", PLATFORM)["spec"]["template"]
    name = f"skip-{secrets.token_hex(4)}"
    kube.kubectl("create", "-f", "-", stdin=json.dumps(job(name, template, args)))
    try:
        jobs.wait(name, limit=limit, remedy="Mend what the log says, and run it again.")
        return jobs.log(name)
    finally:
        kube.kubectl("delete", "job", name, "-n", PLATFORM, "--wait=false", "--ignore-not-found")


def job(name: str, template: dict[str, Any], args: list[str]) -> dict[str, Any]:
    """A job of one pod made from a deployment's template: the same but that it ends, and is asked nothing."""
    pod = json.loads(json.dumps(template))
    spec = pod["spec"]
    spec["restartPolicy"] = "Never"
    spec.pop("topologySpreadConstraints", None)
    [container] = spec["containers"]
    for kept_alive in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports"):
        container.pop(kept_alive, None)
    container["command"] = ["python", "-m", "workloads.kit.skip"]
    container["args"] = args
    labels = pod["metadata"].get("labels", {})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": PLATFORM, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": 170,
            "ttlSecondsAfterFinished": 600,
            "template": pod,
        },
    }
