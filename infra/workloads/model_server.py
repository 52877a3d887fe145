"""model-server."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pulumi
from pydantic import Field

from infra.components.model_server import ModelServer, ModelServerArgs
from infra.settings.workloads import Scaler, WorkloadSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.model_server import MODEL_SERVER

_DRAIN_SECONDS: Final = 5
"""Between leaving the service and being told to stop: callers learn of it within that time."""


class ModelServerSettings(WorkloadSettings):
    """model-server."""

    workers: int = Field(2, ge=1, description="Worker processes a pod.")
    scaler: Scaler = Field(description="How many pods run.")


def _deploy(site: WorkloadSite, s: ModelServerSettings, opts: pulumi.ResourceOptions) -> None:
    variables = {**site.feature_windows, env.WORKERS: str(s.workers)}
    w = replace(site.pod(MODEL_SERVER, s, variables=variables), drain_seconds=_DRAIN_SECONDS)
    ModelServer(w.name, ModelServerArgs(workload=w, scaler=s.scaler, paths=site.paths(MODEL_SERVER)), opts)


ROOM: Final = Room(declared=(MODEL_SERVER,), settings=ModelServerSettings, deploy=_deploy)
