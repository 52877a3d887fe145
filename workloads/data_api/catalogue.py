"""/v1/instruments: the series that there are, and from when to when."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from flask import Response
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import identity, paging
from workloads.data_api.answers import Written, asked_kind, described, give, written
from workloads.data_api.guard import needs
from workloads.data_api.paging import Place
from workloads.data_api.questions import Answer, NameText, Page, PagedQuery, Provenance
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store, StoreAway, StoreBusy, StoreSlow
from workloads.kit.contracts.messages import Product
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, SCHEMA

_EXTENSION: Final = "carbon.catalogue"


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
    first_delivery: datetime = Field(description="Start of its first delivery period that has a price.")
    last_delivery: datetime = Field(description="End of its last one.")
    last_published: datetime = Field(description="When its newest price, or withdrawal, was made known.")


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


def key_of(row: Row) -> Key:
    """The key of a row that has its columns."""
    return Key(*(row[name] for name in Key._fields))


_PRICES: Final = sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY)

# Rows of a source's symbol, to be read in the order of their periods along the primary key. Whether one is of
# the series is said within coalesce: else the planner takes its columns for independent, expects next to no
# row, and sorts them all. A period whose newest revision withdraws its price has none.
_OF_SYMBOL: Final = sql.SQL(
    "FROM {prices} p WHERE p.source = k.source AND p.symbol = k.symbol AND p.published_at <= now()"
    " AND coalesce(p.market = k.market AND p.product = k.product AND p.resolution = k.resolution"
    " AND p.currency = k.currency AND p.unit = k.unit AND p.provenance = k.provenance"
    " AND (SELECT newest.withdrawn FROM {prices} newest WHERE newest.source = p.source"
    " AND newest.symbol = p.symbol AND newest.delivery_start = p.delivery_start"
    " AND newest.resolution = p.resolution AND newest.published_at <= now()"
    " ORDER BY newest.published_at DESC LIMIT 1) IS NULL, false)"
).format(prices=_PRICES)

# Look-ups a series, along indexes: no reading of all prices. Row security holds in each of them; where it
# shows no period, there is no series. (`price_series` alone reads past it: it lists entitled markets, and the
# last publication of those who see all that is published; for others it is looked for in every month.)
_SELECT: Final = sql.SQL(
    "SELECT {key}, last.delivery_end AS last_delivery,"
    " (SELECT p.delivery_start {rows} ORDER BY p.delivery_start LIMIT 1) AS first_delivery,"
    " coalesce(k.last_published, (SELECT p.published_at FROM {prices} p WHERE {same}"
    " AND p.published_at <= now() ORDER BY p.published_at DESC LIMIT 1)) AS last_published"
    " FROM {series}() k CROSS JOIN LATERAL"
    " (SELECT p.delivery_end {rows} ORDER BY p.delivery_start DESC LIMIT 1) last"
).format(
    key=sql.SQL(", ").join(sql.Identifier("k", name) for name in Key._fields),
    same=sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("p", name), sql.Identifier("k", name))
        for name in Key._fields
    ),
    prices=_PRICES,
    rows=_OF_SYMBOL,
    series=sql.Identifier(SCHEMA, "price_series"),
)


_MOST_VIEWS: Final = 64
"""Lists that are kept at once."""
_MOST_PAGES: Final = 256
"""Pages of a list that are kept as they were sent."""
_MOST_PAGE_BYTES: Final = 65_536
"""Longer pages are written anew each time: few ask for one, and all lists' would not fit in memory."""


class Catalogue:
    """The list, read anew when that was tried longer than `seconds` ago; the old one while it cannot be read.

    Args:
        wait_seconds: how long a request waits for another's reading, where there is no old one.
    """

    def __init__(self, store: Store, *, seconds: float, wait_seconds: float) -> None:
        self._store, self._seconds, self._wait = store, seconds, wait_seconds
        self._reading = threading.Lock()
        self._held: tuple[datetime, dict[Key, Row]] | None = None
        self._tried = 0.0
        self._pages: tuple[datetime, dict[Hashable, Written]] | None = None

    def read(self) -> tuple[datetime, dict[Key, Row]]:
        """When it was read, and its rows by key, in order. As `Store.rows` raises, before the first time."""
        held = self._held
        if held is not None and self._fresh():
            return held
        # One reads; meanwhile the others take what there is.
        if not self._reading.acquire(timeout=self._wait if held is None else 0):
            if held is None:
                raise StoreBusy("the list of series is being read")
            return held
        try:
            held = self._held
            if held is None or not self._fresh():
                try:
                    held = self._held = self._read()
                finally:
                    # After a failure, too: not every request has to wait for the same.
                    self._tried = time.monotonic()
            return held
        except (StoreAway, StoreBusy, StoreSlow):
            if held is None:
                raise
            return held
        finally:
            self._reading.release()

    def written(self, asked: Hashable, write: Callable[[], Written]) -> Written:
        """What is sent to who asks so, written once for as long as the list is the same."""
        at, _ = self.read()
        pages = self._pages
        if pages is None or pages[0] != at:
            pages = self._pages = (at, {})
        if (found := pages[1].get(asked)) is None:
            found = write()
            if len(pages[1]) < _MOST_PAGES and len(found.body) <= _MOST_PAGE_BYTES:
                pages[1][asked] = found
        return found

    def _fresh(self) -> bool:
        return time.monotonic() - self._tried < self._seconds

    def _read(self) -> tuple[datetime, dict[Key, Row]]:
        at = datetime.now(UTC)
        rows = {Key(*(row[name] for name in Key._fields)): row for row in self._store.rows(_SELECT, {})}
        return at, dict(sorted(rows.items()))


def wanted(query: InstrumentsQuery, place: Place[Key], rows: Mapping[Key, Row]) -> list[Row]:
    """The rows that a question asks for, from its page on, of markets that who asks is entitled to.

    The list is kept by what was believed of a tenant when it was asked for, and read by what the database
    said then, which may have been newer.
    """
    asking = identity.asking()
    given = query.model_dump(include={"symbol", "market", "source"}, exclude_none=True)
    return [
        row
        for key, row in rows.items()
        if asking.may_see(key.market)
        and (place.after is None or key > place.after)
        and all(row[name] == value for name, value in given.items())
    ]


class Catalogues:
    """A list for each view of the data that some tenant has; the last asked for, since each costs a reading.

    What a tenant may see is the list's to know: two with the same view share one, no others do.
    """

    def __init__(self, store: Store, *, seconds: float, wait_seconds: float) -> None:
        self._store, self._seconds, self._wait = store, seconds, wait_seconds
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Catalogue] = OrderedDict()

    def of(self, view: str) -> Catalogue:
        """The list of a view (`identity.Principal.view`)."""
        with self._lock:
            found = self._held.get(view)
            if found is None:
                found = Catalogue(self._store, seconds=self._seconds, wait_seconds=self._wait)
                self._held[view] = found
            self._held.move_to_end(view)
            while len(self._held) > _MOST_VIEWS:
                self._held.popitem(last=False)
            return found


def of(app: OpenAPI, store: Store, settings: DataApiSettings) -> Catalogues:
    """The lists of an application, which several routes read."""
    found: Catalogues = app.extensions.setdefault(
        _EXTENSION,
        Catalogues(store, seconds=settings.catalogue_seconds, wait_seconds=settings.store_wait_seconds),
    )
    return found


def page(catalogues: Catalogues, query: InstrumentsQuery) -> InstrumentPage:
    """The page that is asked for."""
    place = paging.place(query, Key)
    read_at, rows = catalogues.of(identity.asking().view).read()
    found, following = paging.cut(query, place, wanted(query, place, rows), key_of)
    return InstrumentPage.model_validate({"items": found, "as_of": read_at, "next": following})


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""
    catalogues = of(app, store, settings)

    @app.get(
        "/v1/instruments",
        summary="Series that there are",
        description=__doc__,
        responses=described(InstrumentPage),
        operation_id="instruments",
    )
    @needs("api", "read", session="hub")
    def instruments(query: InstrumentsQuery) -> Response:
        asking, kind = identity.asking(), asked_kind(query)
        # The mark says whose: no other tenant is given the page.
        asked = (asking.mark, kind, query.model_dump_json())
        listed = catalogues.of(asking.view)
        return give(listed.written(asked, lambda: written(page(catalogues, query), kind)), query, settings)
