"""/v1/quality: what is wrong or strange with the data, and what people say of it.

`confirmed` says that an alert is right, `released` that the data are: they count as good again. What is said
holds for all tenants, so it takes the product `quality` and an administrator, and each word is recorded.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple

import structlog
from confluent_kafka import KafkaException
from flask import Response, current_app
from flask_openapi3.openapi import OpenAPI
from pydantic import Field, StringConstraints

from workloads.data_api import identity, paging
from workloads.data_api.answers import JSON, described, respond
from workloads.data_api.guard import needs
from workloads.data_api.problems import CONTENT_TYPE, Problem, Refused
from workloads.data_api.questions import Answer, Body, Instant, NameText, Page, PagedQuery, Parameters
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Row, Store
from workloads.kit.audit import Send
from workloads.kit.contracts.messages import Provenance, Utc
from workloads.kit.contracts.quality import AlertState, QualityRule, Severity
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost
from workloads.kit.quality_review import FOUND, STATES, Action, ReviewRefused, review

RECORD: Final = "record"
"""Name of what records among the application's extensions."""

_LOOKS_BACK: Final = timedelta(days=30)
_ACTIONS: Final[dict[str, Action]] = {state: action for action, state in STATES.items()}
_log: Any = structlog.get_logger(__name__)


class AlertsQuery(PagedQuery):
    """Which alerts."""

    state: Literal["open", "confirmed", "released", "all"] = Field("open", description="What was said of it.")
    rule: QualityRule | None = Field(None, description="Only of this rule.")
    source: NameText | None = Field(None, description="Only of this source.")
    series: str | None = Field(
        None, max_length=200, description="Only of this symbol, or of this zone/name/kind of an indicator."
    )
    since: Instant | None = Field(None, description="Found then or later. Else within 30 days.")


class Alert(Answer):
    """What was found wrong or strange: of the periods of a series from period_start to period_end."""

    id: str
    rule: str = Field(description="What was looked for.")
    severity: Severity = Field(description="Critical is impossible, warning suspicious, info worth knowing.")
    of_topic: str
    source: str
    series: str = Field(description="Symbol of a price, or zone/name/kind of an indicator.")
    market: str | None = Field(description="As /v1/markets lists it; null of what is older than that.")
    resolution: str
    provenance: Provenance
    period_start: datetime
    period_end: datetime
    published_at: datetime = Field(description="When what tripped it was made known.")
    rows: int = Field(description="Periods that are wrong or missing.")
    value: float | None
    expected: str
    evidence: str = Field(description="The figure that decided.")
    remedy: str
    detected_at: datetime
    state: AlertState
    reviewed_by: str | None = Field(
        description="Who of the asker's own tenant said it: tenant and credential; null of others."
    )
    reviewed_at: datetime | None
    reason: str | None = Field(description="In that person's words; null of others.")


class AlertsPage(Page):
    """Alerts, those that were found last first."""

    items: list[Alert]


class AlertPath(Parameters):
    """Which one."""

    id: str = Field(min_length=1, max_length=64, description="As /v1/quality/alerts lists it.")


class ReviewBody(Body):
    """What is said of it."""

    state: Literal["confirmed", "released"] = Field(
        description="`confirmed`: the alert is right; `released`: the data are."
    )
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="Why; it is recorded."
    )


class _Key(NamedTuple):
    detected: Utc
    id: str


def page(store: Store, query: AlertsQuery) -> AlertsPage:
    """The page that is asked for."""
    at = paging.place(query, _Key)
    values = {
        "state": query.state,
        "rule": query.rule or "",
        "source": query.source or "",
        "series": query.series or "",
        "since": query.since or at.as_of - _LOOKS_BACK,
        "until": at.after.detected if at.after else at.as_of,
        "after": at.after.id if at.after else None,
        "count": query.limit + 1,
    }
    rows, following = paging.cut(query, at, store.rows(FOUND, values), _key)
    items = [_seen(row) for row in rows]
    return AlertsPage.model_validate({"items": items, "as_of": at.as_of, "next": following})


def _seen(row: Row) -> Row:
    """Without the names and words of others than the asker's own tenant."""
    own = str(row["reviewed_by"] or "").startswith(f"{identity.asking().tenant}/")
    return row if own else {**row, "reviewed_by": None, "reason": None}


def _key(row: Row) -> _Key:
    return _Key(row["detected_at"], row["id"])


def said(store: Store, send: Send | None, alert: str, body: ReviewBody) -> Alert:
    """Say it of an alert, in the name of who asks.

    Raises:
        Refused: who asks sees no such alert, or it cannot be recorded just now.
    """
    if send is None:
        raise _not_recorded("there is no Kafka here that it could be recorded on")
    asking = identity.asking()
    who = f"{asking.tenant}/{asking.key}"
    try:
        with store.changing() as cursor:
            row = review(cursor, send, _ACTIONS[body.state], alert, who, body.reason)
    except ReviewRefused as error:
        raise Refused(
            404,
            "there is no alert of this id",
            field="id",
            value=alert,
            remedy="/v1/quality/alerts lists those that there are; state=all has reviewed ones, too",
            reason="unknown",
        ) from error
    except (Aborted, ProducerLost, KafkaUnavailable, KafkaException) as error:
        _log.warning("review.not_recorded", alert=alert, error=str(error))
        raise _not_recorded("it could not be recorded") from error
    return Alert.model_validate(row)


def _not_recorded(why: str) -> Refused:
    return Refused(
        503,
        why,
        field="body",
        value=None,
        remedy="nothing was changed: say the same again later",
        reason="unrecorded",
    )


def _review_described() -> Any:
    problem = {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    told = {
        401: "No credential, or none that is valid.",
        403: "The tenant lacks the product, or the credential the scope: which one.",
        404: "There is no alert of that id, or not of the tenant's markets.",
        422: "Something is wrong with it: what, and what to give instead.",
        429: "A limit of the tenant or the credential is reached: ask again after `Retry-After`.",
        503: "It cannot be recorded or kept just now, and nothing is changed: ask again after `Retry-After`.",
    }
    problems = {str(status): {"description": what, "content": problem} for status, what in told.items()}
    return {"200": Alert, **problems}


def routes(app: OpenAPI, store: Store, settings: DataApiSettings) -> None:
    """Add the routes."""

    @app.get(
        "/v1/quality/alerts",
        summary="Alerts on data",
        description=__doc__,
        responses=described(AlertsPage),
        operation_id="alerts",
    )
    @needs("api", "read", session="hub")
    def alerts(query: AlertsQuery) -> Response:
        return respond(page(store, query), query, settings)

    @app.put(
        "/v1/quality/alerts/<id>/review",
        summary="Say of an alert that it is right, or that the data are",
        description="Asked again, it is as if it had been asked once.",
        responses=_review_described(),
        operation_id="review_alert",
    )
    @needs("quality", "admin", session="quality")
    def review_alert(path: AlertPath, body: ReviewBody) -> Response:
        told = said(store, current_app.extensions[RECORD], path.id, body)
        response = Response(told.model_dump_json(), content_type=JSON)
        response.headers["Cache-Control"] = "private, no-store"
        return response
