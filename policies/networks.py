"""Which networks are most of the internet."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = "/[0-7]$"
"""Regular expression of a network, IPv4 or IPv6, that is: halves of 0.0.0.0/0 are no allow-list either."""


def is_most(network: str) -> bool:
    """Whether a network is most of the internet."""
    return re.search(MOST, network) is not None
