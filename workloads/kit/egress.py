"""The way out of the cluster: every library that follows HTTPS_PROXY goes through the egress proxy."""

from __future__ import annotations

import os

from pydantic import AnyHttpUrl, FilePath

from workloads.kit import scrub
from workloads.kit.contracts.egress import through
from workloads.kit.settings import Settings, load

_VARIABLES = ("HTTPS_PROXY", "https_proxy")


class EgressSettings(Settings):
    """Where the proxy is, and what this workload shows there; without both, connections are direct."""

    egress_proxy_url: AnyHttpUrl | None = None
    egress_password_file: FilePath | None = None


def use(workload: str) -> None:
    """Lead this process's HTTPS through the proxy, as `workload`. The password is read now: call it before
    each run of a job, or at each round of what always runs, and a rotated one is taken up.

    The address with the password stands in this process's own environment, since that is where libraries look
    for it; the pod's has none.
    """
    settings = load(EgressSettings)
    if settings.egress_proxy_url is None or settings.egress_password_file is None:
        return
    password = settings.egress_password_file.read_text(encoding="utf-8").strip()
    scrub.hide(password)
    for name in _VARIABLES:
        os.environ[name] = through(str(settings.egress_proxy_url), workload, password)
