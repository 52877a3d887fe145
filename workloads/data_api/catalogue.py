"""/v1/instruments: the series that there are, and from when to when."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Final, NamedTuple

from flask import Response
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import paging
from workloads.data_api.answers import described, respond
from workloads.data_api.questions import Answer, NameText, Page, PagedQuery, Provenance
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store, StoreAway, StoreBusy, StoreSlow
from workloads.kit.contracts.messages import Product
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, SCHEMA


class InstrumentsQuery(PagedQuery):
    """Which series to list; all by default."""

    symbol: NameText | None = Field(None, description="Only of this symbol.")
    market: NameText | None = Field(None, description="Only of this market.")
    source: NameText | None = Field(None, description="Only of this source.")


class Instrument(Answer):
    """A series of prices: one instrument of one source."""

    symbol: str
    source: str
    market: str
    product: Product
    resolution: str
    currency: str
    unit: str
    provenance: Provenance
    first_delivery: datetime = Field(description="Start of its first delivery period.")
    last_delivery: datetime = Field(description="End of its last one.")
    last_published: datetime = Field(description="When its newest price was made known.")


class InstrumentPage(Page):
    """Series in the order of their columns. `as_of` is when the list was read."""

    items: list[Instrument]


class Key(NamedTuple):
    """What tells series apart, and the order of the list."""

    symbol: str
    source: str
    market: str
    product: str
    resolution: str
    currency: str
    unit: str
    provenance: str


_SELECT: Final = sql.SQL(
    "SELECT {key}, min(delivery_start) AS first_delivery, max(delivery_end) AS last_delivery,"
    " max(published_at) AS last_published FROM {table} WHERE published_at <= now() GROUP BY {key}"
).format(
    key=sql.SQL(", ").join(map(sql.Identifier, Key._fields)),
    table=sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY),
)


class Catalogue:
    """The list, read anew when it is older than `seconds`; the old one while it cannot be read."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._reading = threading.Lock()
        self._read: tuple[float, datetime, dict[Key, Row]] | None = None

    def read(self) -> tuple[datetime, dict[Key, Row]]:
        """When it was read, and its rows by key, in order. As `Store.rows` raises, before the first time."""
        held = self._read
        if held is not None and time.monotonic() - held[0] < self._seconds:
            return held[1:]
        # One reads; meanwhile the others take what there is, and wait only where there is nothing yet.
        if not self._reading.acquire(blocking=held is None) and held is not None:
            return held[1:]
        try:
            at = datetime.now(UTC)
            rows = {Key(*(row[name] for name in Key._fields)): row for row in self._store.rows(_SELECT, {})}
            self._read = (time.monotonic(), at, dict(sorted(rows.items())))
            return self._read[1:]
        except (StoreAway, StoreBusy, StoreSlow):
            if held is None:
                raise
            return held[1:]
        finally:
            self._reading.release()


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""
    catalogue = Catalogue(store, settings.catalogue_seconds)

    @app.get(
        "/v1/instruments",
        summary="Series that there are",
        description=__doc__,
        responses=described(InstrumentPage),
        operation_id="instruments",
    )
    def instruments(query: InstrumentsQuery) -> Response:
        place = paging.place(query, Key)
        read_at, rows = catalogue.read()
        wanted = query.model_dump(include={"symbol", "market", "source"}, exclude_none=True)
        found = [
            row
            for key, row in rows.items()
            if (place.after is None or key > place.after)
            and all(row[name] == value for name, value in wanted.items())
        ]
        page, following = paging.cut(
            query, place, found, lambda row: Key(*(row[name] for name in Key._fields))
        )
        answer = InstrumentPage.model_validate({"items": page, "as_of": read_at, "next": following})
        return respond(answer, query, settings)
