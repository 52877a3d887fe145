"""The Flask application. One is made in each worker, after the fork."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from flask import Flask, Response, request
from msgspec import UNSET, UnsetType
from prometheus_client import CONTENT_TYPE_LATEST

from workloads.kit.contracts.declared.model_server import MODEL_SERVER
from workloads.kit.contracts.messages import EARLIEST, LATEST, Name, Utc
from workloads.kit.contracts.serving import (
    MAX_INSTANCES,
    Forecasts,
    Instance,
    PredictDelivery,
    PredictSymbol,
)
from workloads.model_server import inference, metrics, openapi
from workloads.model_server.forecaster import Forecaster
from workloads.model_server.http import (
    Refused,
    answer,
    body,
    handle_errors,
    same_features,
    timed,
    unprocessable,
    work,
)
from workloads.model_server.limits import Limit
from workloads.model_server.models import Models
from workloads.model_server.settings import ModelServerSettings


class Predict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either form of a `/predict` body, PredictBatch or PredictSymbol, told apart by what it holds."""

    instances: Annotated[list[Instance], msgspec.Meta(min_length=1, max_length=MAX_INSTANCES)] | UnsetType = (
        UNSET
    )
    feature_set: str | None = None
    symbol: Name | UnsetType = UNSET
    as_of: Utc | None = None


def create_app(settings: ModelServerSettings, models: Models, forecaster: Forecaster) -> Flask:
    """The routes over models that someone else keeps fresh."""
    app = Flask(MODEL_SERVER.name, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    in_flight, store_reads = Limit(settings.max_in_flight), Limit(settings.max_store_reads)
    decoder = msgspec.json.Decoder(Predict)

    def within(as_of: datetime | None) -> None:
        if as_of is not None and not EARLIEST <= as_of < LATEST:
            why = f"expected a time within {EARLIEST:%Y} and {LATEST:%Y}"
            raise Refused(422, why, field="as_of", reason="invalid")

    def by_symbol(symbol: str, as_of: datetime | None) -> Response:
        within(as_of)
        with store_reads:
            return answer(forecaster.by_symbol(symbol, as_of))

    @app.post("/predict")
    @timed("/predict")
    @work(models, in_flight)
    def predict() -> Response:
        asked = body(decoder)
        if asked.instances is not UNSET and asked.symbol is UNSET and asked.as_of is None:
            same_features(asked.feature_set, forecaster.feature_set, "feature_set")
            return answer(Forecasts(predictions=forecaster.batch(asked.instances)))
        if asked.symbol is not UNSET and asked.instances is UNSET:
            return by_symbol(asked.symbol, asked.as_of)
        raise Refused(
            422,
            "expected either `symbol` (with or without `as_of`) or `instances`",
            field="symbol" if asked.instances is UNSET else "instances",
            reason="invalid",
        )

    @app.get("/predict")
    @timed("/predict")
    @work(models, in_flight)
    def predict_symbol() -> Response:
        given = request.args.to_dict()
        try:
            asked = msgspec.convert(
                given, PredictDelivery if "delivery" in given else PredictSymbol, strict=False
            )
        except msgspec.ValidationError as error:
            raise unprocessable(error) from error
        if isinstance(asked, PredictSymbol):
            return by_symbol(asked.symbol, asked.as_of)
        within(asked.as_of)
        with store_reads:
            made, stale = forecaster.by_delivery(asked.symbol, asked.delivery, asked.as_of)
        # The stored message has no place for it.
        headers = {"Warning": '110 - "the feature store is away: a newer one may be there"'} if stale else {}
        return Response(made, content_type="application/json", headers=headers)

    @app.get("/healthz")
    def healthz() -> Response:
        return answer({"live": True})

    @app.get("/readyz")
    def readyz() -> Response:
        why = f"{len(models.current)} models" if models.ready else "the model registry was not read yet"
        return answer({"ready": models.ready, "why": why}, 200 if models.ready else 503)

    @app.get("/metrics")
    def exposition() -> Response:
        return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)

    @app.get("/openapi.json")
    def described() -> Response:
        return answer(openapi.document(settings.code_version))

    app.register_blueprint(inference.blueprint(models, forecaster, in_flight, settings.code_version))
    handle_errors(app)
    return app
