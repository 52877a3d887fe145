"""Settings of data-api."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from workloads.kit.contracts import ports
from workloads.kit.settings import NonEmpty, PostgresSettings


def zone(name: str) -> str:
    """The name of an IANA time zone. ValueError, with the remedy, where it is none."""
    # Not what a machine's own files have besides, such as localtime.
    if name not in _zones():
        raise ValueError(f"{name[:64]!r} is no IANA time zone: give one such as Europe/Berlin")
    return name


@cache
def _zones() -> frozenset[str]:
    listed = (files("tzdata") / "zones").read_text(encoding="utf-8").split()
    return frozenset(listed) - {"Factory"}


ZoneName = Annotated[NonEmpty, AfterValidator(zone)]


class DataApiSettings(PostgresSettings):
    """What is served, how much at once, and how long an answer holds."""

    code_version: NonEmpty = "unversioned"

    port: int = Field(default=ports.DATA_API, ge=1, le=65535)
    workers: int = Field(default=2, ge=1)
    threads: int = Field(default=24, ge=2)
    graceful_seconds: int = Field(default=10, ge=0)
    metrics_dir: Path = Path("/tmp/metrics")  # noqa: S108 - the pod's own scratch volume
    """Where the workers leave their figures for each other; emptied at start."""

    store_connections: int = Field(default=4, ge=1)
    """Connections to the database that a worker holds at most."""
    store_waiting: int = Field(default=12, ge=1)
    """Requests of a worker that may wait for one of them; one more is answered 503 at once."""
    store_wait_seconds: float = Field(default=2.0, gt=0)
    """How long such a request waits, and so how long it takes to say that the database is away."""
    store_timeout_seconds: float = Field(default=5.0, gt=0)
    """How long the database may work on one question."""
    catalogue_seconds: float = Field(default=30.0, ge=0)
    """How old the list of instruments may be; it is read from all prices."""

    downloads: int = Field(default=1, ge=1)
    """Downloads of a worker at once; each holds a connection to the database."""
    download_seconds: float = Field(default=600.0, gt=0)
    """How long one may take."""

    settled_seconds: int = Field(default=86_400, ge=0)
    """How long after an instant what was published by then may still arrive here."""
    market_zones: dict[str, ZoneName] = Field(default={"power": "Europe/Berlin"})
    """market → IANA time zone of its days, where `tz` is not given; UTC for the others."""

    @model_validator(mode="after")
    def _probes_find_a_thread(self) -> Self:
        if self.threads <= self.store_connections + self.store_waiting:
            raise ValueError(
                f"threads {self.threads} has to be above store_connections {self.store_connections} +"
                f" store_waiting {self.store_waiting}, or health checks wait behind questions"
            )
        return self
