"""/v1/scenarios: questions to /v1/curves that a tenant named and keeps; everybody of it sees them.

What is saved is what /v1/curves takes: quotes, scenarios, positions. Who saves over another's says which one,
so that nobody's work is lost unseen.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from flask import Response
from flask_openapi3.openapi import OpenAPI
from psycopg import sql
from psycopg.errors import CheckViolation
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from workloads.data_api import identity
from workloads.data_api.answers import JSON
from workloads.data_api.curves import CurvesBody
from workloads.data_api.guard import needs
from workloads.data_api.problems import CONTENT_TYPE, Problem, Refused
from workloads.data_api.questions import Answer, Instant, Parameters
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Cursor, Store
from workloads.data_api.told import as_kind
from workloads.kit.contracts.tables import ACCESS_EVENTS, SCENARIOS, SCHEMA

MOST: Final = 100
"""Scenarios that a tenant may keep."""
MOST_BYTES: Final = 128 << 10
"""Of one, as JSON."""

_Name = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9._-])?$")
]


class ScenarioPath(Parameters):
    """Which one."""

    name: _Name = Field(description="Name that it has within the tenant.")


class SaveQuery(Parameters):
    """What it replaces."""

    replaces: Instant | None = Field(
        None, description="`saved_at` of the one of that name; without it there must be none yet."
    )


class DeleteQuery(Parameters):
    """What it deletes."""

    saved_at: Instant | None = Field(
        None, description="`saved_at` of the one that was seen; what another saved over it since then stays."
    )


class Listed(Answer):
    """What is saved, without its content."""

    name: str
    saved_at: datetime
    saved_by: str = Field(description="Credential that saved it.")


class ScenariosPage(Answer):
    """By name."""

    items: list[Listed]


class Saved(Listed):
    """What is saved."""

    curves: dict[str, Any] = Field(description="The body that /v1/curves takes.")


_VALUES: Final = {"table": sql.Identifier(SCHEMA, SCENARIOS), "events": sql.Identifier(SCHEMA, ACCESS_EVENTS)}

_LIST: Final = sql.SQL(
    "SELECT name, saved_at, saved_by FROM {table} WHERE tenant_id = %(tenant)s ORDER BY name"
).format(**_VALUES)
_ONE: Final = sql.SQL(
    "SELECT name, saved_at, saved_by, curves FROM {table} WHERE tenant_id = %(tenant)s AND name = %(name)s"
).format(**_VALUES)
# One save of a tenant at a time, so that the count holds and nobody replaces what he has not seen.
_LOCK: Final = sql.SQL("SELECT pg_advisory_xact_lock(hashtextextended(%(tenant)s, 1010))").format()
_COUNT: Final = sql.SQL("SELECT count(*)::int AS n FROM {table} WHERE tenant_id = %(tenant)s").format(
    **_VALUES
)
_SAVE: Final = sql.SQL(
    "INSERT INTO {table} (tenant_id, name, curves, saved_at, saved_by)"
    " VALUES (%(tenant)s, %(name)s, %(curves)s, %(at)s, %(by)s) ON CONFLICT (tenant_id, name)"
    " DO UPDATE SET curves = excluded.curves, saved_at = excluded.saved_at, saved_by = excluded.saved_by"
).format(**_VALUES)
_DELETE: Final = sql.SQL("DELETE FROM {table} WHERE tenant_id = %(tenant)s AND name = %(name)s").format(
    **_VALUES
)
_EVENT: Final = sql.SQL(
    "INSERT INTO {events} (id, at, tenant_id, actor, action, subject, reason, detail)"
    " VALUES (%(id)s, %(at)s, %(tenant)s, %(by)s, %(action)s, %(name)s, 'by its holder', %(detail)s)"
).format(**_VALUES)


def _described(status: int, model: type[BaseModel] | None, *more: int) -> Any:
    problem = {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    told = {
        401: "No credential, or none that is valid.",
        403: "The tenant lacks the product, or the credential the scope: which one.",
        404: "There is none of that name.",
        409: "There is another of that name, or as many as may be: which, and what to do.",
        422: "Something is wrong with it: what, and what to give instead.",
        503: "Overload, or the database is away or slow: ask again after `Retry-After`.",
    }
    known: dict[str, Any] = {str(status): model or {"description": "It is gone."}}
    return known | {
        str(one): {"description": told[one], "content": problem}
        for one in sorted({401, 403, 422, 503, *more})
    }


def routes(app: OpenAPI, store: Store, _settings: DataApiSettings) -> None:
    """Add the routes."""

    @app.get(
        "/v1/scenarios",
        summary="Saved scenarios of the tenant",
        description=__doc__,
        responses=_described(200, ScenariosPage),
        operation_id="scenarios",
    )
    @needs("api", "read", session="hub")
    def scenarios() -> Response:
        return _told(
            ScenariosPage.model_validate({"items": store.rows(_LIST, {"tenant": identity.tenant()})})
        )

    @app.get(
        "/v1/scenarios/<name>",
        summary="A saved scenario",
        responses=_described(200, Saved, 404),
        operation_id="scenario",
    )
    @needs("api", "read", session="hub")
    def scenario(path: ScenarioPath) -> Response:
        found = store.rows(_ONE, _of(path))
        if not found:
            raise _none(path.name)
        return _told(Saved.model_validate(found[0]))

    @app.put(
        "/v1/scenarios/<name>",
        summary="Save a scenario",
        description="Saves what /v1/curves takes. Asked again, it is as if it had been asked once.",
        responses=_described(200, Listed, 409),
        operation_id="save_scenario",
    )
    @needs("api", "write", session="hub")
    def save(path: ScenarioPath, query: SaveQuery, body: CurvesBody) -> Response:
        as_kind("scenario")
        curves = body.model_dump(mode="json", exclude_unset=True)
        size = len(body.model_dump_json(exclude_unset=True).encode())
        if size > MOST_BYTES:
            raise _too_large(f"it has {size} bytes, more than {MOST_BYTES}")
        try:
            with store.changing() as cursor:
                return _told(_saved(cursor, path.name, query.replaces, curves))
        except CheckViolation as error:  # PostgreSQL writes 1e-300 with all its zeros
            raise _too_large("written out, its numbers are longer than what is kept of one") from error

    @app.delete(
        "/v1/scenarios/<name>",
        summary="Delete a saved scenario",
        responses=_described(204, None, 404, 409),
        operation_id="delete_scenario",
    )
    @needs("api", "write", session="hub")
    def delete(path: ScenarioPath, query: DeleteQuery) -> Response:
        with store.changing() as cursor:
            _deleted(cursor, path, query.saved_at)
        return Response(status=204)


def _too_large(what: str) -> Refused:
    return Refused(
        422,
        what,
        field="body",
        value=None,
        remedy="save fewer quotes, scenarios or positions under one name",
        reason="invalid",
    )


def _saved(cursor: Cursor, name: str, replaces: datetime | None, curves: dict[str, Any]) -> Listed:
    asking, at = identity.asking(), datetime.now(UTC)
    values = {"tenant": asking.tenant, "name": name, "curves": Jsonb(curves), "at": at, "by": asking.key}
    cursor.execute(_LOCK, values)
    held = cursor.execute(_ONE, values).fetchone()
    if held is not None and held["curves"] == curves:
        return Listed.model_validate({one: held[one] for one in Listed.model_fields})
    if held is not None and held["saved_at"] != replaces:
        raise Refused(
            409,
            _by_whom(held),
            field="replaces" if replaces else "name",
            value=replaces.isoformat() if replaces else name,
            remedy="save it under another name, or give that instant as `replaces` to save over it",
            reason="invalid",
        )
    if held is None and replaces is not None:
        raise Refused(
            409,
            "there is none of this name any more",
            field="replaces",
            value=replaces.isoformat(),
            remedy="leave it out to save a new one",
            reason="invalid",
        )
    if held is None and (cursor.execute(_COUNT, values).fetchone() or {"n": 0})["n"] >= MOST:
        raise Refused(
            409,
            f"there are {MOST} already",
            field="name",
            value=name,
            remedy="delete one that is no longer needed",
            reason="invalid",
        )
    cursor.execute(_SAVE, values)
    _note(cursor, "scenario.save", name, at, {"replaces": replaces.isoformat() if replaces else None})
    return Listed(name=name, saved_at=at, saved_by=asking.key)


def _deleted(cursor: Cursor, path: ScenarioPath, seen: datetime | None) -> None:
    values = _of(path)
    cursor.execute(_LOCK, values)
    held = cursor.execute(_ONE, values).fetchone()
    if held is None:
        raise _none(path.name)
    if seen is not None and held["saved_at"] != seen:
        raise Refused(
            409,
            _by_whom(held),
            field="saved_at",
            value=seen.isoformat(),
            remedy="look at that one; give its instant as `saved_at` to delete it",
            reason="invalid",
        )
    cursor.execute(_DELETE, values)
    _note(cursor, "scenario.delete", path.name, datetime.now(UTC), {"saved_at": held["saved_at"].isoformat()})


def _by_whom(held: Mapping[str, Any]) -> str:
    return f"{held['saved_by']} saved one of this name at {held['saved_at']:%Y-%m-%dT%H:%M:%S.%fZ}"


def _note(cursor: Cursor, action: str, name: str, at: datetime, detail: dict[str, Any]) -> None:
    asking = identity.asking()
    values = {"tenant": asking.tenant, "by": asking.key, "name": name, "at": at, "action": action}
    cursor.execute(_EVENT, {**values, "id": uuid.uuid4(), "detail": Jsonb(detail)})


def _of(path: ScenarioPath) -> dict[str, str]:
    return {"tenant": identity.tenant(), "name": path.name}


def _none(name: str) -> Refused:
    return Refused(
        404,
        "there is no saved scenario of this name",
        field="name",
        value=name,
        remedy="/v1/scenarios lists those that there are",
        reason="unknown",
    )


def _told(what: BaseModel) -> Response:
    response = Response(what.model_dump_json(), content_type=JSON)
    # Another person of the tenant may have changed it since.
    response.headers["Cache-Control"] = "private, no-store"
    return response
