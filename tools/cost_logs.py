"""What logs cost at a stated rate.

**The rates are assumed, not measured**: the first bill says what they are.

A rate is the GiB a month that come in, of a platform at its least. What comes in is paid once; what is kept,
by the month, packed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from infra.settings.aws import Aws
from tools.prices import Line

PACKED: Final = 0.15
"""GiB that AWS counts as kept of a GiB that came in."""
_MONTH: Final = 365 / 12
_TRAIL: Final = 3
_CONTROL_PLANE: Final = 20
_FLOWS_OF_A_ZONE: Final = 5
"""At one record a connection and ten minutes."""
_FIREWALL: Final = 1


def lines(aws: Aws) -> Iterator[Line]:
    """What comes in, and what is kept of it once retention is reached.

    Args:
        aws: what the stack has there.
    """
    rates = [
        (_TRAIL, aws.logs.trail, aws.audit is not None),
        (_CONTROL_PLANE, aws.logs.control_plane, aws.cluster is not None),
        (_FIREWALL, aws.logs.firewall, aws.edge is not None),
    ]
    if aws.network is not None and aws.cluster is not None:
        rates.append((_FLOWS_OF_A_ZONE * len(aws.network.zones), aws.logs.network, True))
    there = [(gib, days) for gib, days, is_there in rates if is_there]
    yield Line("logs-in", sum(gib for gib, _ in there), "GiB of logs that come in, assumed")
    kept = sum(gib * PACKED * days / _MONTH for gib, days in there)
    yield Line("logs-kept", math.ceil(kept), "GiB of logs that are kept, packed, assumed")
