"""/v1/downloads/jobs: a file that is made while nobody waits, for what is too large to be sent in one go.

It is asked for as /v1/downloads is, and is as of when it was asked for, however long it waits. `link` in the
answer is an address below the API's own that needs no credential, is good until `expires_at`, and takes
`Range`: a download manager goes on where it broke off. Rows count once, when the file is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import structlog
from flask import Response, request
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel, Field

from workloads.data_api import identity
from workloads.data_api.answers import JSON
from workloads.data_api.downloads.datasets import DATASETS
from workloads.data_api.downloads.jobs import link, table
from workloads.data_api.downloads.question import DatasetName, FileQuery, FormName, asked, every
from workloads.data_api.guard import needs
from workloads.data_api.problems import CONTENT_TYPE, Problem, Refused
from workloads.data_api.questions import Answer, Parameters
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store, StoreSlow
from workloads.data_api.told import as_kind

JOBS: Final = "/v1/downloads/jobs"

State = Literal["queued", "running", "done", "failed", "expired"]

_log: Any = structlog.get_logger(__name__)


class JobPath(Parameters):
    """Which one."""

    id: UUID = Field(description="As it was given when the job was asked for.")


class Job(Answer):
    """A file that was asked for."""

    id: UUID
    state: State
    dataset: DatasetName
    format: FormName
    asked: str = Field(description="What else was asked, as the query of an address.")
    as_of: datetime = Field(description="Instant as of which the file is.")
    asked_at: datetime
    asked_by: str = Field(description="Credential that asked.")
    rows: int = Field(description="Rows that are in the file so far.")
    rows_estimated: int | None = Field(description="How many there will be, as the database guesses.")
    progress: float | None = Field(
        description="Share of the guess that is there, 0 to 1, and 1 of what is done; null without a guess."
    )
    bytes: int = Field(description="Size of the file so far.")
    error: str | None = Field(description="Why it failed, or why it was begun again.")
    ended_at: datetime | None
    expires_at: datetime | None = Field(description="Until when the file and its link are there.")
    link: str | None = Field(description="Where the file is, below the API's address, without a credential.")


class JobsPage(Answer):
    """The newest first."""

    items: list[Job]


def _described(status: int, model: type[BaseModel] | None, *more: int) -> Any:
    problem = {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    told = {
        401: "No credential, or none that is valid.",
        403: "The tenant lacks the product, or the credential the scope: which one.",
        404: "The tenant has no such job.",
        409: "As many jobs as may be: what to do.",
        422: "A parameter is wrong: which, and what to give instead.",
        429: "A limit of the tenant or the credential is reached: ask again after `Retry-After`.",
        503: "This platform makes no files, or it is overloaded, or the database is away: which.",
    }
    known: dict[str, Any] = {str(status): model or {"description": "It is gone."}}
    return known | {
        str(one): {"description": told[one], "content": problem}
        for one in sorted({401, 403, 422, 429, 503, *more})
    }


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the routes."""

    @app.post(
        JOBS,
        summary="Ask for a file as a job",
        description=__doc__,
        responses=_described(202, Job, 409),
        operation_id="ask_download_job",
    )
    @needs("downloads", "read", session="downloads")
    def ask_download_job(query: FileQuery) -> Response:
        _there(settings)
        if request.content_length or "Transfer-Encoding" in request.headers:
            # What it says would be left out, and all rows be made.
            raise Refused(
                422,
                "it takes no body",
                field="body",
                value=None,
                remedy=f"ask in the address, such as {JOBS}?dataset=prices&symbol=…",
                reason="invalid",
            )
        values = asked(query, identity.newest())
        estimated = _estimate(store, query, values)
        as_kind("download")
        return _told(_job(table.ask(store, settings, query, values["as_of"], estimated)), 202)

    @app.get(
        JOBS,
        summary="Files that were asked for",
        description="Jobs of the tenant, the newest first, with those that ended a while ago.",
        responses=_described(200, JobsPage),
        operation_id="list_download_jobs",
    )
    @needs("downloads", "read", session="downloads")
    def list_download_jobs() -> Response:
        _there(settings)
        return _told(JobsPage(items=[_job(row) for row in table.listed(store)]))

    @app.get(
        f"{JOBS}/<id>",
        summary="A file that was asked for",
        responses=_described(200, Job, 404),
        operation_id="download_job",
    )
    @needs("downloads", "read", session="downloads")
    def download_job(path: JobPath) -> Response:
        _there(settings)
        return _told(_job(table.one(store, path.id)))

    @app.delete(
        f"{JOBS}/<id>",
        summary="Cancel a job, or remove its file",
        responses=_described(204, None, 404),
        operation_id="delete_download_job",
    )
    @needs("downloads", "read", session="downloads")
    def delete_download_job(path: JobPath) -> Response:
        _there(settings)
        table.remove(store, path.id)
        return Response(status=204)


def _there(settings: DataApiSettings) -> None:
    if settings.downloads_location is None:
        raise Refused(
            503,
            "this platform has no place for files, so there are no download jobs",
            field="path",
            value=JOBS,
            remedy="ask /v1/downloads, which sends the same file as it is made",
            reason="unknown",
        )


def _estimate(store: Store, query: FileQuery, values: Mapping[str, Any]) -> int | None:
    """How many rows there are about; None where the database takes too long to guess."""
    try:
        ((plan,),) = (
            row.values()
            for row in store.rows(DATASETS[query.dataset].plan(values, every=every(query)), values)
        )
    except StoreSlow as error:
        _log.warning("job.unestimated", error=str(error))
        return None
    # A condition on what a window function made is guessed at without knowledge: what it is of is not.
    return int(max(node["Plan Rows"] for node in _nodes(plan[0]["Plan"])))


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for part in node.get("Plans", ()):
        yield from _nodes(part)


def _job(row: Row) -> Job:
    question: dict[str, Any] = row["question"]
    state: State = row["state"]
    if state == "done" and row["expires_at"] <= datetime.now(UTC):
        state = "expired"
    done, guess = row["row_count"], row["rows_estimated"]
    progress = None if guess is None else min(done / max(guess, 1), 0.99)
    return Job(
        id=row["id"],
        state=state,
        dataset=question["dataset"],
        format=question["format"],
        asked=urlencode({name: value for name, value in question.items() if name not in _OWN_FIELDS}),
        as_of=row["as_of"],
        asked_at=row["asked_at"],
        asked_by=row["asked_by"],
        rows=done,
        rows_estimated=guess,
        progress=1.0 if state in ("done", "expired") else progress,
        bytes=row["bytes"],
        error=row["error"],
        ended_at=row["ended_at"],
        expires_at=row["expires_at"],
        link=link.made(row["id"], bytes(row["link_key"]), row["expires_at"]) if state == "done" else None,
    )


_OWN_FIELDS: Final = frozenset({"dataset", "format"})


def _told(what: BaseModel, status: int = 200) -> Response:
    response = Response(what.model_dump_json(), status=status, content_type=JSON)
    response.headers["Cache-Control"] = "private, no-store"
    if isinstance(what, Job):
        response.headers["Location"] = f"{JOBS}/{what.id}"
    return response
