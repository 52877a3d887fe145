"""/v1/downloads: all rows that a question asks for in one file, sent as the database reads them.

Columns are those of the dataset's own route, parts of a row as columns of their own; /v1/downloads/columns
says what each is. Parquet is typed and says so itself; a CSV has a line of names, then a line a row; an XLSX
is for small ones. A connection that ends before its last chunk has not had all: a Parquet file has then no
footer and is none, and a CSV goes on with `after`. The header X-As-Of says as of when the file is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, request
from flask_openapi3.openapi import OpenAPI

from workloads.data_api import identity, metrics
from workloads.data_api.answers import CSV, described, respond
from workloads.data_api.downloads.columns import Column
from workloads.data_api.downloads.datasets import DATASETS, Dataset
from workloads.data_api.downloads.forms import Block, too_many
from workloads.data_api.downloads.making import TYPES, blocks_of, made
from workloads.data_api.downloads.question import ColumnsQuery, DownloadsQuery, asked, every
from workloads.data_api.downloads.turns import Turns
from workloads.data_api.guard import GUARD, Guard, needs
from workloads.data_api.problems import CONTENT_TYPE, Problem, Refused
from workloads.data_api.questions import Page
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store
from workloads.data_api.told import as_kind

COLUMNS: Final = "/v1/downloads/columns"


class ColumnPage(Page):
    """All columns of a dataset's files, in their order; there is one page."""

    items: list[Column]


def _described() -> Any:
    problem = {"content": {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}}
    binary = {"type": "string", "format": "binary"}
    content = {kind: {"schema": {"type": "string"} if kind == CSV else binary} for kind in TYPES.values()}
    return {
        "200": {"description": "The file.", "content": content},
        "422": {"description": "A parameter is wrong: which, and what to give instead.", **problem},
        "503": {"description": "Another download, or the database is away: ask again.", **problem},
    }


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the routes."""
    turns = Turns(settings.downloads)

    @app.get(
        COLUMNS,
        summary="What the columns of a file are",
        description="What each column of a dataset's files is: type in every form, unit, meaning.",
        responses=described(ColumnPage),
        operation_id="downloads_columns",
    )
    @needs("downloads", "read", session="downloads")
    def downloads_columns(query: ColumnsQuery) -> Response:
        items = list(DATASETS[query.dataset].columns)
        page = ColumnPage.model_validate({"items": items, "as_of": datetime.now(UTC), "next": None})
        return respond(page, query, settings)

    @app.get(
        "/v1/downloads",
        summary="All rows in one file",
        description=__doc__,
        responses=_described(),
        operation_id="downloads",
    )
    @needs("downloads", "read", session="downloads")
    def downloads(query: DownloadsQuery) -> Response:
        guard: Guard = app.extensions[GUARD]
        principal, values = identity.asking(), asked(query, identity.newest())
        dataset, named = DATASETS[query.dataset], query.after is None
        if (turn := turns.take(principal.tenant)) is None:
            raise Refused(
                503,
                "another download is under way",
                field="path",
                value="/v1/downloads",
                remedy="ask again after Retry-After",
                reason="overload",
            )

        def ended(rows: int, size: int) -> None:
            turns.give_back(turn)
            guard.sent(principal, "downloads", rows, size)

        with ExitStack() as unless_sent:
            unless_sent.callback(turns.give_back, turn)
            if request.method == "HEAD":
                # Nothing is made that nobody is sent. A spreadsheet that would be refused is refused.
                if query.format == "xlsx":
                    _few(store, dataset, values, query, settings)
                response = Response()
                response.automatically_set_content_length = False  # nobody knows it yet, and it is not 0
                return _described_as(response, query, values["as_of"])
            file, statement = made(query, values, settings, named=named)
            rows = store.copied(statement, values, settings.download_seconds)
            sent = _Sent(rows, lambda: blocks_of(query.format)(rows, file), ended)
            unless_sent.callback(sent.close)
            if (sock := request.environ.get("gunicorn.socket")) is not None:
                # A client that takes nothing for so long ends its own download, and holds up no other.
                sock.settimeout(settings.download_patience_seconds)
            # Sent as it is: compressing would hold it all.
            response = _described_as(Response(sent, direct_passthrough=True), query, file.as_of)
            as_kind("download")
            unless_sent.pop_all()
        return response


def _few(
    store: Store, dataset: Dataset, values: dict[str, Any], query: DownloadsQuery, settings: DataApiSettings
) -> None:
    statement = dataset.count(values, every=every(query), most=settings.xlsx_rows + 1)
    if sum(map(int, store.copied(statement, values, settings.store_timeout_seconds))) > settings.xlsx_rows:
        raise too_many(settings.xlsx_rows)


def _described_as(response: Response, query: DownloadsQuery, as_of: datetime) -> Response:
    response.content_type = _content_type(query)
    response.headers["Content-Disposition"] = f'attachment; filename="{query.dataset}.{query.format}"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-As-Of"] = as_of.isoformat().replace("+00:00", "Z")
    response.headers["Link"] = f'<{COLUMNS}?{urlencode({"dataset": query.dataset})}>; rel="describedby"'
    return response


def _content_type(query: DownloadsQuery) -> str:
    if query.format != "csv":
        return TYPES[query.format]
    return f"{CSV}; charset=utf-8; header={'present' if query.after is None else 'absent'}"


class _Sent(Iterator[bytes]):
    """The blocks of a file; the first is there before anything is sent, so that what is wrong can be said.

    Args:
        rows: what the blocks are made of; ended with them.
        blocks: begins them.
        ended: told how many rows and bytes were sent, once, whatever became of the client.
    """

    def __init__(
        self,
        rows: Generator[bytes, None, None],
        blocks: Callable[[], Iterator[Block]],
        ended: Callable[[int, int], None],
    ) -> None:
        self._source, self._ended, self._open = rows, ended, True
        self._rows = self._size = 0
        try:
            self._blocks = blocks()
            self._first: Block | None = next(self._blocks, Block(b"", 0))
        except BaseException:
            self.close()
            raise

    def __next__(self) -> bytes:
        try:
            block, self._first = self._first or next(self._blocks), None
        except BaseException:
            self.close()
            raise
        self._rows += block.rows
        self._size += len(block.data)
        metrics.ROWS.labels("downloads").inc(block.rows)
        return block.data

    def close(self) -> None:
        """Give the connection and the turn back; called by the server, whatever became of the client."""
        if self._open:
            self._open = False
            try:
                self._source.close()
            finally:
                self._ended(self._rows, self._size)

    def __del__(self) -> None:
        # Of an answer that was thrown away before the server had it, nobody else does.
        self.close()
