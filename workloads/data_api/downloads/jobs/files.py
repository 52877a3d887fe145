"""/v1/downloads/files: the file of a job, to whoever has its link.

The link itself is the right to it: it is signed, of one file, and ends. It takes `Range` and `If-Range`, so
what broke off goes on; the ETag is of the file's bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from flask import Response, request
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from pydantic import Field

from workloads.data_api.alone import Alone
from workloads.data_api.downloads.jobs import link
from workloads.data_api.downloads.jobs.place import Place, PlaceAway
from workloads.data_api.downloads.making import TYPES
from workloads.data_api.downloads.turns import Turns
from workloads.data_api.problems import CONTENT_TYPE, Problem, Refused
from workloads.data_api.questions import Parameters
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store
from workloads.kit.contracts.tables import SCHEMA

_FIND: Final = sql.SQL("SELECT * FROM {}(%(id)s)").format(sql.Identifier(SCHEMA, "download_link"))

_LOOK_UP_SECONDS: Final = 0.5
"""That a request waits for the look-up of another's link."""

_log: Any = structlog.get_logger(__name__)


class FilePath(Parameters):
    """Which one."""

    id: UUID = Field(description="Of its job.")


class LinkQuery(Parameters):
    """What the link says of itself."""

    expires: int = Field(ge=0, le=99_999_999_999, description="Until when it is good: seconds since 1970.")
    signature: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the job and that end.")


def _described() -> Any:
    problem = {"content": {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}}
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in TYPES.values()}
    return {
        "200": {"description": "The file.", "content": content},
        "206": {"description": "The part of it that `Range` asks for.", "content": content},
        "304": {"description": "It is what `If-None-Match` names."},
        "403": {"description": "The link has expired, or is not as it was given out.", **problem},
        "416": {"description": "The file is shorter.", **problem},
        "422": {"description": "A part of the link is missing, or none.", **problem},
        "503": {"description": "Overload, or the place of files is away: ask again.", **problem},
    }


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the route."""
    location = settings.downloads_location
    place = None if location is None else Place(location, settings)
    turns = Turns(settings.links, settings.links_each)
    # Nobody has shown a credential: a flood of links that are none holds one connection to the database.
    alone = Alone(link.FILES, _LOOK_UP_SECONDS)

    @app.get(
        f"{link.FILES}/<id>",
        summary="The file of a job",
        description=__doc__,
        responses=_described(),
        operation_id="download_file",
        security=[],
    )
    def download_file(path: FilePath, query: LinkQuery) -> Response:
        with alone.turn():
            job = _job(store, path.id, query)
        if job is None:
            raise _not_good("it is not as it was given out, or its job is gone")
        if place is None:
            raise _busy("this platform has no place for files just now")
        response = _described_as(Response(), job)
        if request.if_none_match.contains_weak(job["digest"]):
            response.status_code = 304
            return response
        start, end = _part(response, job)
        response.content_length = end - start
        if request.method == "HEAD" or end == start:
            return response
        if (turn := turns.take(job["tenant_id"])) is None:
            raise _busy("as many files as may be are given out just now")
        sent = _Sent(partial(turns.give_back, turn))
        try:
            sent.parts = place.read(job["place"], start, end)
        except PlaceAway as error:
            sent.close()
            _log.warning("file.away", error=str(error))
            raise _busy("the place of files does not answer") from error
        if (sock := request.environ.get("gunicorn.socket")) is not None:
            sock.settimeout(settings.download_patience_seconds)
        _log.info("file.given", tenant=job["tenant_id"], job=str(path.id), start=start, end=end)
        response.response, response.direct_passthrough = sent, True
        return response


def _job(store: Store, job: UUID, query: LinkQuery) -> Row | None:
    """The job that the link is of; None where it is of none. Refused, 403, where it has ended."""
    found = store.rows(_FIND, {"id": job})
    if not found or not link.good(job, bytes(found[0]["link_key"]), query.expires, query.signature):
        return None
    if found[0]["state"] != "done" or datetime.now(UTC).timestamp() >= query.expires:
        raise _not_good(f"it expired at {datetime.fromtimestamp(query.expires, UTC):%Y-%m-%dT%H:%M:%SZ}")
    return found[0]


def _described_as(response: Response, job: Row) -> Response:
    dataset, form = job["question"]["dataset"], job["question"]["format"]
    kind = TYPES[form]
    response.content_type = f"{kind}; charset=utf-8; header=present" if form == "csv" else kind
    response.headers["Content-Disposition"] = f'attachment; filename="{dataset}.{form}"'
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["X-As-Of"] = job["as_of"].isoformat().replace("+00:00", "Z")
    response.set_etag(job["digest"])
    return response


def _part(response: Response, job: Row) -> tuple[int, int]:
    """From which byte to before which: the whole, or the one range that is asked for of this very file."""
    size, wanted, condition = job["bytes"], request.range, request.if_range
    changed = condition.date is not None or condition.etag not in (None, job["digest"])
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or changed:
        return 0, size
    if (found := wanted.range_for_length(size)) is None:
        raise Refused(
            416,
            f"the file has {size} bytes",
            field="Range",
            value=request.headers.get("Range"),
            remedy="ask for bytes that there are, or for the whole file",
            reason="invalid",
            headers={"Content-Range": f"bytes */{size}"},
        )
    response.status_code = 206
    response.headers["Content-Range"] = f"bytes {found[0]}-{found[1] - 1}/{size}"
    return found


class _Sent(Iterator[bytes]):
    """Parts of a file; gives its turn back, whatever became of the client."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = give_back
        self.parts: Iterator[bytes] = iter(())

    def __next__(self) -> bytes:
        return next(self.parts)

    def close(self) -> None:
        """Called by the server when the answer has ended."""
        self._give_back()

    def __del__(self) -> None:
        self.close()


def _not_good(detail: str) -> Refused:
    return Refused(
        403,
        f"the link is not good: {detail}",
        field="signature",
        value=None,
        remedy="take the link anew from /v1/downloads/jobs, or ask for the file again",
        reason="link",
    )


def _busy(detail: str) -> Refused:
    return Refused(
        503, detail, field="path", value=link.FILES, remedy="ask again after Retry-After", reason="overload"
    )
