"""squid's configuration: who may reach what, and how squid runs. Values in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workloads.kit.contracts import ports
from workloads.kit.contracts.egress import PORT, Egress

LOG_FORMAT: Final = "%ts.%03tu %#un %rm %#ru %03>Hs %Ss %>st %<st %tr"
"""Time, client, method, target, status, squid's word, bytes from and to the client, ms. What a client chose
itself is percent-encoded: a blank parts two fields, nothing else."""

PRIVATE: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"),
    *("::1/128", "64:ff9b::/96", "fc00::/7", "fe80::/10", "ff00::/8"),
)
"""Networks that no market is in: a name that leads there is one that somebody has turned on us."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where squid finds and leaves what it works with.

    Args:
        hosts: file of addresses that go before the DNS.
        authenticate: program, and its arguments, that says who a client is.
        log_port: on 127.0.0.1, that takes a line an access.
        scratch: an empty directory.
        port: that it listens on.
        connects_to: the one port of a host that it connects to.
    """

    hosts: Path
    authenticate: Sequence[str]
    log_port: int
    scratch: Path
    port: int = ports.EGRESS_PROXY
    connects_to: int = PORT


def squid_conf(egress: Egress, place: Place) -> str:
    """The whole of squid.conf. What is not allowed in it is refused, and every refusal is logged."""
    return "\n".join([*_server(place), *_access(egress, place.connects_to), ""])


def _server(place: Place) -> list[str]:
    return [
        f"http_port {place.port}",
        "visible_hostname egress-proxy",
        "pid_filename none",
        "cache_log /dev/null",
        f"hosts_file {place.hosts}",
        f"logformat audit {LOG_FORMAT}",
        # Without its record nothing leaves: squid ends when nobody takes the lines.
        f"access_log tcp://127.0.0.1:{place.log_port} logformat=audit on-error=die",
        "logfile_rotate 0",
        # It carries bytes and keeps none. The rest names files that it looks for and does not need then.
        "cache deny all",
        "cache_mem 8 MB",
        "memory_pools off",
        "max_filedescriptors 4096",
        "pinger_enable off",
        "unlinkd_program /bin/true",
        "mime_table /dev/null",
        f"icon_directory {place.scratch}",
        f"coredump_dir {place.scratch}",
        "via off",
        "forwarded_for delete",
        "connect_timeout 20 seconds",
        "negative_dns_ttl 10 seconds",
        "shutdown_lifetime 10 seconds",
        f"auth_param basic program {' '.join(place.authenticate)}",
        "auth_param basic children 4 startup=1 idle=1",
        "auth_param basic realm egress",
        "auth_param basic credentialsttl 1 minute",
    ]


def _access(egress: Egress, port: int) -> list[str]:
    lines = [
        "acl connect method CONNECT",
        f"acl https port {port}",
        f"acl private dst {' '.join(PRIVATE)}",
        "acl known proxy_auth REQUIRED",
        "http_access deny !connect",
        "http_access deny !https",
        "http_access deny !known",
    ]
    allowed: list[str] = []
    for number, (client, hosts) in enumerate(sorted(egress.clients.items())):
        if hosts:
            # -n: an address is never taken for the name that its owner says it has.
            lines.append(f"acl client{number} proxy_auth {client}")
            lines.append(f"acl hosts{number} dstdomain -n {' '.join(sorted(hosts))}")
            allowed.append(f"client{number} hosts{number}")
    if egress.resolve:
        lines.append(f"acl resolved dstdomain -n {' '.join(sorted(egress.resolve))}")
    not_private = "private !resolved" if egress.resolve else "private"
    # The names come first: nobody has squid ask the DNS for a name that he may not reach.
    lines += [f"http_access deny {pair} {not_private}" for pair in allowed]
    lines += [f"http_access allow {pair}" for pair in allowed]
    return [*lines, "http_access deny all"]
