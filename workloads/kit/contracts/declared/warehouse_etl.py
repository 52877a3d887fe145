"""warehouse-etl: what legacy systems hold, in layers."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import tables
from workloads.kit.contracts.declaration import REBUILDS, Declaration, KafkaUse
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.declared.services import OBJECT_STORE, TRINO
from workloads.kit.contracts.declared.warehouse_connect import WAREHOUSE_CONNECT
from workloads.kit.contracts.topics import WAREHOUSE_CHANGES, WAREHOUSE_STAGING, dead_letter

WAREHOUSE_ID: Final = "warehouse-etl"
"""Transactional id: of two runs at once, the later fences the earlier off."""

_ROLE: Final = "warehouse_etl"

PSEUDONYM_KEY: Final = "pseudonym-key"
"""Name of the secret file with the key of pseudonyms."""

WAREHOUSE_ETL: Final = Declaration(
    name="warehouse-etl",
    about="legacy systems to raw, cleaned and analytics layers, four times a day",
    kind="job",
    kafka=KafkaUse(
        reads=(WAREHOUSE_STAGING, WAREHOUSE_CHANGES),
        writes=(WAREHOUSE_STAGING, dead_letter(WAREHOUSE_STAGING)),
        transactional_ids=(WAREHOUSE_ID,),
        quota=REBUILDS,
    ),
    role=_ROLE,
    tables={tables.JOB_RUNS: tables.UPSERT},
    layers=dict.fromkeys(tables.LAYERS, "own"),
    secrets=(PSEUDONYM_KEY,),
    # Files and history in the object store; other hosts by name; who reads logs is told what to read.
    calls=(OBJECT_STORE.name, EGRESS_PROXY.name, WAREHOUSE_CONNECT.name),
)

WAREHOUSE_MAINTENANCE: Final = Declaration(
    name="warehouse-maintenance",
    about="files of the lake's tables joined, old versions dropped, statistics made",
    kind="job",
    image=WAREHOUSE_ETL.name,
    part_of=WAREHOUSE_ETL.section,
    role=_ROLE,
    tables={tables.JOB_RUNS: tables.UPSERT},
    calls=(TRINO.name,),
)
