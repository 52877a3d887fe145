"""/v1/downloads: all prices that a question asks for in one file, sent as the database reads them.

A line of names, then a line a row, the columns of /v1/prices. A connection that ends before its last chunk
has not had all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, Final, Literal, LiteralString

from flask import Response, request
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api import identity, metrics
from workloads.data_api.answers import CSV
from workloads.data_api.guard import GUARD, Guard, needs
from workloads.data_api.prices import Price
from workloads.data_api.problems import CONTENT_TYPE, Problem, Refused
from workloads.data_api.questions import Instant, NameText, Parameters, ResolutionText
from workloads.data_api.revisions import Revisions
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.kit.contracts.messages import EARLIEST, LATEST
from workloads.kit.contracts.tables import COMMODITY_PRICES_DAILY, SCHEMA


class DownloadsQuery(Parameters):
    """Which prices."""

    dataset: Literal["prices"] = Field("prices", description="Of what.")
    format: Literal["csv"] = Field("csv", description="Form of the file.")
    symbol: NameText | None = Field(None, description="Only of this symbol; all by default.")
    source: NameText | None = Field(None, description="Only of this source.")
    resolution: ResolutionText | None = Field(None, description="Only of this resolution, such as PT1H.")
    start: Instant | None = Field(None, description="Of periods that begin then or later.")
    end: Instant | None = Field(None, description="Of periods that begin before.")
    as_of: Instant | None = Field(
        None, description="Instant as of which to answer: what was published later is not seen. Else now."
    )
    revisions: Revisions = Field(
        "latest", description="Of each period the revision that held at `as_of`, or all until then."
    )


_TIMES: Final = frozenset({"delivery_start", "delivery_end", "published_at", "replayed_from"})
_TEXT: Final = frozenset({"unit"})
"""Columns whose text may begin with anything printable; that of the others begins with a letter or digit."""


def _column(name: str) -> sql.Composable:
    column = sql.Identifier(name)
    if name in _TIMES:
        made: LiteralString = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS {}"
        return sql.SQL(made).format(column, column)
    if name == "correction":
        return sql.SQL("correction::text")
    if name in _TEXT:  # a spreadsheet would run it as a formula
        return sql.SQL("CASE WHEN {} ~ '^[-=+@]' THEN '''' || {} ELSE {} END AS {}").format(*[column] * 4)
    return column


def _select(distinct: LiteralString, order: LiteralString) -> sql.Composed:
    return sql.SQL(
        "COPY (SELECT {columns} FROM (SELECT {distinct} * FROM {table}"
        " WHERE delivery_start >= %(start)s AND delivery_start < %(end)s AND published_at <= %(as_of)s"
        " AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)"
        " AND (%(source)s::text IS NULL OR source = %(source)s)"
        " AND (%(resolution)s::text IS NULL OR resolution = %(resolution)s)"
        " ORDER BY symbol, delivery_start, source, resolution, published_at {order}) found)"
        " TO STDOUT (FORMAT csv, HEADER true)"
    ).format(
        columns=sql.SQL(", ").join(map(_column, Price.model_fields)),
        distinct=sql.SQL(distinct),
        table=sql.Identifier(SCHEMA, COMMODITY_PRICES_DAILY),
        order=sql.SQL(order),
    )


_SELECT: Final = {
    "latest": _select("DISTINCT ON (symbol, delivery_start, source, resolution)", "DESC"),
    "all": _select("", "ASC"),
}


def _described() -> Any:
    problem = {"content": {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}}
    return {
        "200": {"description": "The file.", "content": {CSV: {"schema": {"type": "string"}}}},
        "422": {"description": "A parameter is wrong: which, and what to give instead.", **problem},
        "503": {"description": "Another download, or the database is away: ask again.", **problem},
    }


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the routes."""
    turns = Turns(settings.downloads)

    @app.get(
        "/v1/downloads",
        summary="All prices in one file",
        description=__doc__,
        responses=_described(),
        operation_id="downloads",
    )
    @needs("downloads", "read", session="downloads")
    def downloads(query: DownloadsQuery) -> Response:
        guard: Guard = app.extensions[GUARD]
        now, principal = identity.newest(), identity.asking()
        if not turns.take(principal.tenant):
            raise Refused(
                503,
                "another download is under way",
                field="path",
                value="/v1/downloads",
                remedy="ask again after Retry-After",
                reason="overload",
            )
        values = {
            **query.model_dump(include={"symbol", "source", "resolution"}),
            "start": query.start or EARLIEST,
            "end": query.end or LATEST,
            "as_of": min(query.as_of or now, now),
        }

        def ended(rows: int, size: int) -> None:
            turns.give_back(principal.tenant)
            guard.sent(principal, "downloads", rows, size)

        sent = _Sent(store.copied(_SELECT[query.revisions], values, settings.download_seconds), ended)
        if request.method == "HEAD":
            sent.close()
        elif (sock := request.environ.get("gunicorn.socket")) is not None:
            # A client that takes nothing for so long ends its own download, and holds up no other.
            sock.settimeout(settings.download_patience_seconds)
        # Sent as it is: compressing would hold it all.
        response = Response(
            sent, content_type=f"{CSV}; charset=utf-8; header=present", direct_passthrough=True
        )
        response.headers["Content-Disposition"] = f'attachment; filename="{query.dataset}.csv"'
        response.headers["Cache-Control"] = "no-store"
        return response


class Turns:
    """So many downloads at once, and one a tenant, so that none has them all."""

    def __init__(self, most: int) -> None:
        self._most, self._taken, self._lock = most, set[str](), threading.Lock()

    def take(self, tenant: str) -> bool:
        """Whether the tenant has a turn now."""
        with self._lock:
            free = len(self._taken) < self._most and tenant not in self._taken
            if free:
                self._taken.add(tenant)
            return free

    def give_back(self, tenant: str) -> None:
        with self._lock:
            self._taken.discard(tenant)


class _Sent(Iterator[bytes]):
    """The blocks of a file; the first is there before anything is sent, so that what is wrong can be said."""

    def __init__(self, blocks: Generator[bytes, None, None], ended: Callable[[int, int], None]) -> None:
        self._blocks, self._ended, self._open = blocks, ended, True
        self._rows = self._size = 0
        try:
            self._first: bytes | None = next(blocks)
        except BaseException:
            self.close()
            raise

    def __next__(self) -> bytes:
        try:
            block, self._first = self._first or next(self._blocks), None
        except BaseException:
            self.close()
            raise
        self._rows += (rows := block.count(b"\n"))
        self._size += len(block)
        metrics.ROWS.labels("downloads").inc(rows)
        return block

    def close(self) -> None:
        """Give the connection and the turn back; called by the server, whatever became of the client."""
        if self._open:
            self._open = False
            self._blocks.close()
            # The line of names is no row.
            self._ended(max(self._rows - 1, 0), self._size)
