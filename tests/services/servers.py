"""The servers of `tools.embedded` as tests need them: brokers with certificates, and waiting that asserts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.services.tls import Authority
from tools.embedded import kafka
from tools.embedded.postgres import Postgres
from tools.embedded.process import Process, free_ports
from tools.embedded.redis import Redis
from workloads.kit.contracts.env import TLS_CA, TLS_CERTIFICATE, TLS_KEY

__all__ = ["Kafka", "Postgres", "Process", "Redis", "free_ports", "ssl_client", "until"]


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0, every: float = 0.05) -> None:
    """Wait for a condition; AssertionError after the limit."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(every)


def ssl_client(directory: Path) -> dict[str, str]:
    """What a client of librdkafka needs to show a certificate."""
    return {
        "security.protocol": "SSL",
        "ssl.ca.location": str(directory / TLS_CA),
        "ssl.certificate.location": str(directory / TLS_CERTIFICATE),
        "ssl.key.location": str(directory / TLS_KEY),
    }


class Kafka(kafka.Kafka):
    """Brokers; with an authority, clients need a certificate of its, and rights that `admin` gives them."""

    def __init__(
        self,
        directory: Path,
        brokers: int = 1,
        jvm: Sequence[str] = kafka.QUICK_START,
        authority: Authority | None = None,
    ) -> None:
        tls = None
        if authority is not None:
            broker, admin = authority.issue("broker", "127.0.0.1"), authority.issue("admin")
            tls = kafka.Tls(broker=broker, client=ssl_client(admin))
        super().__init__(directory, brokers, jvm, tls=tls)
