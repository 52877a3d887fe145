"""warehouse-etl: what legacy systems hold, in layers."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.topics import WAREHOUSE_STAGING, dead_letter

WAREHOUSE_ID: Final = "warehouse-etl"
"""Transactional id: of two runs at once, the later fences the earlier off."""

WAREHOUSE_ETL: Final = Declaration(
    name="warehouse-etl",
    about="legacy systems to raw, cleaned and analytics layers, four times a day",
    kind="job",
    kafka=KafkaUse(
        reads=(WAREHOUSE_STAGING,),
        writes=(WAREHOUSE_STAGING, dead_letter(WAREHOUSE_STAGING)),
        transactional_ids=(WAREHOUSE_ID,),
        quota=REBUILDS,
    ),
    role="warehouse_etl",
    tables={tables.JOB_RUNS: tables.UPSERT},
    layers=dict.fromkeys(tables.LAYERS, "own"),
    calls=(EGRESS_PROXY.name,),
)
