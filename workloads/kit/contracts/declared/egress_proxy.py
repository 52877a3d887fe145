"""egress-proxy: the one way out of the cluster, by host name."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports
from workloads.kit.contracts.declaration import Declaration

EGRESS_PROXY: Final = Declaration(
    name="egress-proxy",
    about="lets each workload reach the host names of its sources, and records it",
    kind="server",
    port=ports.EGRESS_PROXY,
    metrics=ports.METRICS,
    internet=True,
)
