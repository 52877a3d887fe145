"""Scheduled jobs, run now: a Job made from a CronJob's own template, waited for, with its log."""

from __future__ import annotations

import json
import secrets
from typing import Any

from infra.manifests.meta import CONFIG_HASH
from tools import kube
from tools.console import step
from tools.errors import CommandFailed, ToolError
from tools.wait import until
from workloads.kit.contracts.namespaces import PLATFORM


def first_run(cronjob: str, *, limit: float = 900) -> bool:
    """Run a scheduled job now unless this version of it has run well before; say whether it ran.

    Args:
        limit: seconds.

    Raises:
        ToolError: it failed or ran out of time.
    """
    declared = kube.get("cronjob", cronjob, "-n", PLATFORM)
    annotations = declared["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["annotations"]
    name = f"{cronjob}-first-{annotations[CONFIG_HASH][:8]}"
    state = _state(name)
    if state == "Complete":
        return False
    with step(f"First run of {cronjob}"):
        if state == "Failed":
            kube.kubectl("delete", "job", name, "-n", PLATFORM, "--wait=true")
            state = None
        if state is None:
            kube.kubectl("create", "job", name, f"--from=cronjob/{cronjob}", "-n", PLATFORM)
        wait(name, limit=limit)
    return True


def run(cronjob: str, *args: str, stdin: str | None = None, limit: float = 600) -> str:
    """Run a scheduled job's container once with other arguments and return its log.

    Args:
        args: what follows the image's entry point.
        stdin: what it reads from its standard input.
        limit: seconds.

    Raises:
        ToolError: it failed or ran out of time; carries the end of its log.
    """
    name = start(cronjob, *args, reads=stdin is not None)
    try:
        if stdin is not None:
            _feed(name, stdin, limit=limit)
        # The job is taken away: what there was to see of it is its log.
        wait(name, limit=limit, remedy="Mend what the log says, and run it again.")
        return log(name)
    finally:
        kube.kubectl("delete", "job", name, "-n", PLATFORM, "--wait=false", "--ignore-not-found")


def start(cronjob: str, *args: str, reads: bool = False) -> str:
    """Begin such a run and return the job's name.

    Args:
        reads: whether it waits for its standard input.
    """
    job = template(cronjob, *args)
    if reads:
        job["spec"]["backoffLimit"] = 0
        job["spec"]["template"]["spec"]["containers"][0] |= {"stdin": True, "stdinOnce": True}
    kube.kubectl("create", "-f", "-", stdin=json.dumps(job))
    return job["metadata"]["name"]


def template(cronjob: str, *args: str) -> dict[str, Any]:
    """A job like the scheduled one, with other arguments and a name of its own. With arguments of a person's,
    who sees how it ends, it is tried once, by one pod."""
    name = f"{cronjob}-{secrets.token_hex(4)}"
    made = kube.kubectl(
        "create", "job", name, f"--from=cronjob/{cronjob}", "-n", PLATFORM, "--dry-run=client", "-o", "json"
    )
    job: dict[str, Any] = json.loads(made)
    if args:
        spec = job["spec"]
        for of_shards in ("backoffLimitPerIndex", "completionMode", "maxFailedIndexes"):
            spec.pop(of_shards, None)
        spec |= {"backoffLimit": 0, "completions": 1, "parallelism": 1}
        spec["template"]["spec"]["containers"][0]["args"] = list(args)
    return job


def wait(name: str, *, limit: float, remedy: str = "") -> None:
    """Wait until a job ended well.

    Args:
        limit: seconds.
        remedy: what to do where it failed; by default, to look at it.

    Raises:
        ToolError: it failed, with the end of its log, or ran out of time.
    """

    def ended() -> bool:
        state = _state(name)
        if state == "Failed":
            look = remedy or f"kubectl -n {PLATFORM} describe job {name}"
            raise ToolError(f"job {name} failed:\n{log(name)}", remedy=look)
        return state == "Complete"

    until(ended, f"the end of job {name}", limit=limit)


def _feed(name: str, stdin: str, *, limit: float) -> None:
    """Give a job its standard input, for which its container waits. How it ended says the job.

    Raises:
        ToolError: what was given broke off, and the job took that for the end.
    """

    def pod() -> str | None:
        found = kube.get("pods", "-n", PLATFORM, "-l", f"job-name={name}")["items"]
        return next((one["metadata"]["name"] for one in found if one["status"]["phase"] != "Pending"), None)

    until(lambda: pod() is not None, f"the pod of job {name}", limit=limit)
    try:
        kube.kubectl("attach", "-i", "-n", PLATFORM, pod() or "", stdin=stdin, timeout=limit)
    except CommandFailed as error:
        # It may have failed for a reason of its own, before it had read all.
        wait(name, limit=limit)
        raise ToolError(
            f"job {name} ended well, and may have read a part alone: {error}\n{error.output}",
            remedy="import it again",
        ) from error


def running(name: str) -> bool:
    """Whether a job is under way."""
    return _state(name) == "Running"


def _state(name: str) -> str | None:
    found = kube.get("job", "-n", PLATFORM, "--field-selector", f"metadata.name={name}")["items"]
    if not found:
        return None
    conditions = found[0].get("status", {}).get("conditions", [])
    met = {c["type"] for c in conditions if c["status"] == "True"}
    return next((kind for kind in ("Failed", "Complete") if kind in met), "Running")


def answer(log: str, *keys: str) -> dict[str, Any]:
    """What a job said last on a line of its own: a JSON object that begins with one of these keys.

    Raises:
        ToolError: it said none; the log is in the error.
    """
    begins = tuple(f'{{"{key}"' for key in keys)
    for line in reversed(log.splitlines()):
        if line.startswith(begins):
            return json.loads(line)
    raise ToolError(f"the job gave no answer:\n{log}", remedy="run it again; the log says what it met")


def log(job: str) -> str:
    """The end of a job's log; kubectl's own words when there is none."""
    try:
        return kube.kubectl("logs", f"job/{job}", "-n", PLATFORM, "--tail=200", "--all-containers")
    except CommandFailed as error:
        return error.output
