"""data-quality: members of two consumer groups, one for prices and one for indicators."""

from __future__ import annotations

from typing import Final

import pulumi
from pydantic import Field

from infra.workloads import consumers
from infra.workloads.consumers import ConsumerSettings
from infra.workloads.room import Room
from infra.workloads.site import WorkloadSite
from workloads.kit.contracts.declared.data_quality import DATA_QUALITY, DATA_QUALITY_INDICATORS


class DataQualitySettings(ConsumerSettings):
    """data-quality, which watches prices."""

    indicators: ConsumerSettings = Field(description="The same for indicators.")


def _deploy(site: WorkloadSite, s: DataQualitySettings, opts: pulumi.ResourceOptions) -> None:
    consumers.deploy(DATA_QUALITY, site, s, opts)
    consumers.deploy(DATA_QUALITY_INDICATORS, site, s.indicators, opts, args=["indicators"])


ROOM: Final = Room(
    declared=(DATA_QUALITY, DATA_QUALITY_INDICATORS), settings=DataQualitySettings, deploy=_deploy
)
