"""The OpenAPI document, from the types that the routes decode and encode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from workloads.kit.contracts.forecasts import DeliveryForecast
from workloads.kit.contracts.serving import Forecast, Forecasts, PredictBatch, PredictSymbol
from workloads.model_server.http import Problem
from workloads.model_server.inference import InferRequest, InferResponse, ModelMetadata, ServerMetadata

_TYPES: Final[tuple[type[msgspec.Struct], ...]] = (
    DeliveryForecast,
    Forecast,
    Forecasts,
    InferRequest,
    InferResponse,
    ModelMetadata,
    PredictBatch,
    PredictSymbol,
    Problem,
    ServerMetadata,
)


def document(version: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    model = _parameter("model", "path", "Registered model, for example next-return.WTI")
    number = _parameter("version", "path", "A version being served")
    metadata = {"get": _operation("A model being served", _ref(ModelMetadata), problems=(404,))}
    ready = {"get": _operation("Whether a model is served", {"type": "object"}, problems=(404,))}
    infer = {
        "post": _operation(
            "Infer log returns and their intervals",
            _ref(InferResponse),
            body=_ref(InferRequest),
            problems=(400, 404, 409, 413, 422, 503),
        )
    }
    paths: dict[str, Any] = {
        "/predict": {
            "get": {
                **_operation(
                    "Predict a symbol's next session from the feature store, or look up a delivery day's"
                    " forecast",
                    {"oneOf": [_ref(Forecast), _ref(DeliveryForecast)]},
                    problems=(404, 422, 503),
                ),
                "parameters": [
                    _parameter("symbol", "query", "For example WTI"),
                    _parameter(
                        "delivery",
                        "query",
                        "A day of the market's zone, YYYY-MM-DD: all its periods, where they are forecast",
                        required=False,
                    ),
                    _parameter("as_of", "query", "Only what was known then; now by default", required=False),
                ],
            },
            "post": _operation(
                "Predict one symbol from the feature store, or many rows of features",
                {"oneOf": [_ref(Forecast), _ref(Forecasts)]},
                body={"oneOf": [_ref(PredictSymbol), _ref(PredictBatch)]},
                problems=(400, 404, 409, 413, 422, 503),
            ),
        },
        "/v2": {"get": _operation("This server", _ref(ServerMetadata))},
        "/v2/health/live": {"get": _operation("Alive", {"type": "object"})},
        "/v2/health/ready": {"get": _operation("Ready to predict", {"type": "object"}, problems=(503,))},
        "/healthz": {"get": _operation("Alive", {"type": "object"})},
        "/readyz": {"get": _operation("Ready to predict", {"type": "object"}, problems=(503,))},
        "/metrics": {"get": _operation("Prometheus metrics", {"type": "string"}, media="text/plain")},
    }
    for prefix, parameters in (
        ("/v2/models/{model}", [model]),
        ("/v2/models/{model}/versions/{version}", [model, number]),
    ):
        paths[prefix] = {**metadata, "parameters": parameters}
        paths[f"{prefix}/ready"] = {**ready, "parameters": parameters}
        paths[f"{prefix}/infer"] = {**infer, "parameters": parameters}
    return {
        "openapi": "3.1.0",
        "info": {"title": "carbon-platform model server", "version": version},
        "paths": paths,
        "components": {"schemas": components},
    }


def _ref(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _parameter(name: str, place: str, description: str, *, required: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


def _operation(
    summary: str,
    schema: Mapping[str, Any],
    *,
    body: Mapping[str, Any] | None = None,
    problems: tuple[int, ...] = (),
    media: str = "application/json",
) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "OK", "content": {media: {"schema": schema}}}}
    for status in problems:
        responses[str(status)] = {
            "description": "Problem",
            "content": {"application/json": {"schema": _ref(Problem)}},
        }
        if status == 503:
            responses["503"]["headers"] = {
                "Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}
            }
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation
