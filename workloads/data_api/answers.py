"""A page as JSON or CSV, with what tells a client and its cache how long it holds."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response, g, request
from pydantic import BaseModel

from workloads.data_api import identity, metrics
from workloads.data_api.problems import CONTENT_TYPE, Problem, Refused
from workloads.data_api.questions import Page, Query
from workloads.data_api.settings import DataApiSettings

JSON: Final = "application/json"
CSV: Final = "text/csv"

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")

_VARY: Final = "Accept, Accept-Encoding, Authorization, Cookie"
_REVALIDATE: Final = "private, no-cache"
_SETTLED: Final = "private, max-age=3600"


def described(page: type[BaseModel]) -> Any:
    """The answers of a route, for the OpenAPI document: `page` as JSON or CSV, and problems."""
    return {"200": page, "304": {"description": "It is what `If-None-Match` names."}} | {
        str(status): {
            "description": what,
            "content": {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}},
        }
        for status, what in {
            401: "No credential, or none that is valid.",
            403: "The tenant lacks the product, or the credential the scope: which one.",
            406: "No form that `Accept` takes.",
            412: "The rows are not those that `If-Match` names.",
            422: "A parameter is wrong: which, and what to give instead.",
            429: "A limit of the tenant or the credential is reached: ask again after `Retry-After`.",
            503: "Overload, or the database is away or slow: ask again after `Retry-After`.",
        }.items()
    }


@dataclass(frozen=True, slots=True)
class Written:
    """A page in the form that is sent.

    Args:
        kind: its media type.
        digest: of who asks, of its rows and of `following`.
        following: the cursor to the next page.
        rows: how many it has.
    """

    body: str
    kind: str
    digest: str
    following: str | None
    rows: int


def written(page: Any, kind: str) -> Written:
    """A page as who asks is sent it.

    That the same rows are of a later instant makes them no others, but a cursor goes on as of its own
    instant: it is part of the digest. Were the page with an old one still good, the pages after it would be
    read without what was revised since.
    """
    rows: list[BaseModel] = page.items
    following = page.next if isinstance(page, Page) else None
    told = page.model_dump_json(exclude=set(Page.model_fields))
    if kind == CSV:
        body = _csv(type(page), rows)
    else:  # nothing is written twice: what all pages have, then what this one has
        head = page.model_dump_json(include=set(Page.model_fields))
        body = told if head == "{}" else f"{head[:-1]},{told[1:]}"
    mark = identity.asking().mark
    digest = hashlib.blake2b(f"{kind} {mark} {following} {told}".encode(), digest_size=12)
    return Written(body, kind, digest.hexdigest(), following, len(rows))


def respond(page: Any, query: Query, settings: DataApiSettings) -> Response:
    """The page in the form asked for. What was asked as of an instant that is long over is final but for late
    arrivals; all else has to be asked again."""
    return give(written(page, asked_kind(query)), query, settings)


def give(one: Written, query: Query, settings: DataApiSettings) -> Response:
    """The answer that sends it."""
    metrics.ROWS.labels(request.endpoint or "").inc(one.rows)
    g.rows = one.rows
    kind = f"{CSV}; charset=utf-8; header=present" if one.kind == CSV else JSON
    response = Response(one.body, content_type=kind)
    response.set_etag(one.digest, weak=True)
    response.headers["Cache-Control"] = _holds(query, settings)
    response.headers["Vary"] = _VARY
    if one.following is not None:
        given = request.args.to_dict() | {"cursor": one.following}
        response.headers["Link"] = f'<{request.path}?{urlencode(given)}>; rel="next"'
    response.make_conditional(request)
    if response.status_code == 412:  # its rows are neither sent nor counted
        raise Refused(
            412,
            "the rows are others by now",
            field="If-Match",
            value=request.headers.get("If-Match"),
            remedy="ask without it; If-None-Match says whether they changed",
            reason="invalid",
        )
    return response


def _holds(query: Query, settings: DataApiSettings) -> str:
    if "Authorization" not in request.headers:  # a person's browser, which another may log in with next
        return _REVALIDATE
    as_of: datetime | None = getattr(query, "as_of", None)
    settled = timedelta(seconds=settings.settled_seconds)
    return _SETTLED if as_of is not None and datetime.now(UTC) - as_of > settled else _REVALIDATE


def asked_kind(query: Query) -> str:
    """The media type that is asked for."""
    if query.format is not None:
        return CSV if query.format == "csv" else JSON
    return form((JSON, CSV))


def form(forms: Sequence[str]) -> str:
    """Which of these media types `Accept` takes best, the first where it says nothing; refused where none."""
    if not request.headers.get("Accept", "").strip():
        return forms[0]
    best = request.accept_mimetypes.best_match(forms)
    if best is None:
        raise Refused(
            406,
            "there is no such form of the answer",
            field="Accept",
            value=request.headers["Accept"],
            remedy=f"accept {' or '.join(forms)}",
            reason="invalid",
        )
    return best


def _csv(page: type[BaseModel], rows: list[BaseModel]) -> str:
    """A line of names, then a line a row; a part of a row is columns of its own, `outcome_price`."""
    text = io.StringIO(newline="")
    names = list(columns(_row(page)))
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        flat = dict(_flat(row.model_dump(mode="json")))
        writer.writerow([_cell(flat.get(name)) for name in names])
    return text.getvalue()


def _row(page: type[BaseModel]) -> type[BaseModel]:
    return page.model_fields["items"].annotation.__args__[0]  # type: ignore[union-attr]


def columns(row: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The columns of a row's CSV."""
    for name, field in row.model_fields.items():
        parts = [
            one
            for one in (field.annotation, *getattr(field.annotation, "__args__", ()))
            if isinstance(one, type) and issubclass(one, BaseModel)
        ]
        if parts:
            yield from columns(parts[0], f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}"


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}", value


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        # A spreadsheet would run it as a formula (OWASP, CSV injection). A number is none, nor is its sign.
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, list):  # as many parts as there are: no columns can be theirs
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value
