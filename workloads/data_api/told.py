"""What customers do here, told on `customer-events` after they were answered: no request waits for it.

Each event is of a tenant and of the credential that it used, by its public id; nothing names a person. What
Kafka does not take in time is dropped and counted: an event is a figure of use, not what is billed by.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Final

from flask import Flask, Response, g, request
from pydantic import Field

from workloads.data_api import metrics
from workloads.data_api.identity import Principal
from workloads.kit.contracts.customers import CustomerEvent, Kind
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.outlet import Outlet, ToKafka
from workloads.kit.settings import KafkaSettings

TOLD: Final = "told"
"""Name of what tells among the application's extensions."""

_LOGIN: Final[Kind] = "login"


class ToldSettings(KafkaSettings):
    """How much waits for Kafka, and for how long at a worker's end."""

    told_waiting: int = Field(default=10_000, ge=1)
    told_close_seconds: float = Field(default=5.0, ge=0)


def as_kind(kind: Kind) -> None:
    """The request in hand is told as one of this kind, if it is answered."""
    g.told_as = kind


def logged_in(tenant: str, credential: str) -> None:
    """A person of this tenant logged in, with this key or as this user."""
    g.entered = (tenant, credential)


class Told:
    """Takes what was done, and never waits."""

    def __init__(self, settings: ToldSettings) -> None:
        dropped = metrics.TOLD_DROPPED.inc
        self._seconds = settings.told_close_seconds
        self._outlet: Outlet[CustomerEvent] = Outlet(
            TOLD, ToKafka(settings, TOLD, dropped), settings.told_waiting, dropped
        )

    def install(self, app: Flask) -> None:
        """Look at every answer of the application."""
        app.extensions[TOLD] = self
        app.after_request(self._look)

    def close(self) -> None:
        """Write what waits, for some seconds at most."""
        self._outlet.close(self._seconds)

    def _look(self, response: Response) -> Response:
        if (event := _event(response.status_code)) is not None:
            self._outlet.put(event)
        return response


def _event(status: int) -> CustomerEvent | None:
    """What the request in hand was; None where nobody is known to have asked."""
    entered: tuple[str, str] | None = g.get("entered")
    principal: Principal | None = g.get("principal")
    if entered is not None:
        return _made(*entered, _LOGIN, "hub")
    if principal is None:
        return None
    product = g.get("product") or request.endpoint
    if status >= 400:
        return _made(principal.tenant, principal.key, "error", product, status)
    kind: Kind = g.get("told_as", "api-call")
    if kind == "api-call" and g.get("by_page", False):
        return None  # a page that is left open asks by itself: that is nobody's doing
    return _made(principal.tenant, principal.key, kind, product)


def _made(
    customer: str, subject: str, kind: Kind, product: str | None, status: int | None = None
) -> CustomerEvent:
    now = datetime.now(UTC)
    return CustomerEvent(
        event_id=str(uuid.uuid4()),
        customer=customer,
        subject=subject,
        kind=kind,
        occurred_at=now,
        published_at=now,
        source=DATA_API.name,
        product=product,
        status=status,
    )
