"""How a VPC's range is divided."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network


@dataclass(frozen=True)
class Tiers:
    """Subnets, one a zone in each tier.

    Args:
        public: of load balancers and NAT gateways.
        private: of nodes and pods.
        isolated: of the control plane's and the endpoints' interfaces: without a way to the internet.
    """

    public: list[IPv4Network]
    private: list[IPv4Network]
    isolated: list[IPv4Network]


def tiers(cidr: IPv4Network, zones: int) -> Tiers:
    """Divide a range for up to three zones.

    Each zone's nodes and pods get a quarter; the last quarter has the small subnets, a sixty-fourth each.
    There is room for three zones whatever their number, so that a zone that is added moves nothing.
    """
    *private, rest = cidr.subnets(prefixlen_diff=2)
    small = list(rest.subnets(prefixlen_diff=4))
    return Tiers(public=small[:zones], private=private[:zones], isolated=small[4 : 4 + zones])
