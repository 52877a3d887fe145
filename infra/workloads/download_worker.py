"""download-worker, which makes the files of download jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pulumi

from infra.components.singleton_deployment import SingletonDeployment, SingletonDeploymentArgs
from infra.settings.workloads import WorkloadSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts.declared.data_api import DOWNLOAD_WORKER


class DownloadWorkerSettings(WorkloadSettings):
    """download-worker; without it there are no download jobs, and downloads are streams alone."""


def _deploy(site: WorkloadSite, s: DownloadWorkerSettings, opts: pulumi.ResourceOptions) -> None:
    w = site.pod(DOWNLOAD_WORKER, s, args=["jobs"], variables=site.downloads)
    w = replace(w, exceptions={"scaler": "jobs wait for their turn: one file is made after the other"})
    single = SingletonDeploymentArgs(workload=w, paths=site.paths(DOWNLOAD_WORKER))
    SingletonDeployment(w.name, single, opts)


ROOM: Final = Room(
    declared=(DOWNLOAD_WORKER,), settings=DownloadWorkerSettings, deploy=_deploy, optional=True
)
