"""The V2 open inference protocol. A model is a symbol's registered model; a version is one being served.

Input `features` (FP64 or FP32, shape [n, F]); outputs, each FP64 of shape [n]: `predicted_return`,
`lower_return` and `upper_return`, log returns over the next session. Parameter `feature_set`, of the request
or its input, names the features that were computed: 409 where the model was trained on others.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
from flask import Blueprint, Response

from workloads.kit.contracts.models import model_name, symbol_of
from workloads.kit.contracts.serving import MAX_INSTANCES
from workloads.kit.windows import Floats
from workloads.model_server.forecaster import Forecaster
from workloads.model_server.http import Refused, answer, body, refuse, same_features, timed, work
from workloads.model_server.limits import Limit
from workloads.model_server.models import Models, Served

_OUTPUTS: Final = ("predicted_return", "lower_return", "upper_return")


class Tensor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An input or output with its data, row by row; inputs may nest it instead."""

    name: str
    shape: list[Annotated[int, msgspec.Meta(ge=0)]]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class WantedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An output that the caller wants; all of them without any."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an inference."""

    inputs: list[Tensor]
    outputs: list[WantedOutput] = []
    id: str | None = None
    parameters: dict[str, Any] = {}


class InferResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Answer to an inference."""

    model_name: str
    model_version: str
    outputs: list[Tensor]
    id: str | None = None


class TensorMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Shape of an input or output; -1 is any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """A model being served."""

    name: str
    versions: list[str]
    platform: Literal["onnxruntime_onnx"] = "onnxruntime_onnx"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """This server."""

    name: str
    version: str
    extensions: list[str] = []


def blueprint(models: Models, forecaster: Forecaster, limit: Limit, version: str) -> Blueprint:
    """The routes under /v2."""
    routes = Blueprint("v2", __name__, url_prefix="/v2")
    decoder = msgspec.json.Decoder(InferRequest)

    @routes.get("")
    def server() -> Response:
        return answer(ServerMetadata(name="carbon-model-server", version=version))

    @routes.get("/health/live")
    def live() -> Response:
        return answer({"live": True})

    @routes.get("/health/ready")
    def ready() -> Response:
        return answer({"ready": models.ready}, 200 if models.ready else 503)

    @routes.get("/models/<model>")
    @routes.get("/models/<model>/versions/<wanted>")
    def metadata(model: str, wanted: str | None = None) -> Response:
        try:
            served = _served(models, model, wanted)
        except Refused as refused:
            return refuse(refused)
        return answer(
            ModelMetadata(
                name=model,
                versions=[str(served.version)],
                inputs=[
                    TensorMetadata(name="features", datatype="FP64", shape=[-1, len(served.card.features)])
                ],
                outputs=[TensorMetadata(name=name, datatype="FP64", shape=[-1]) for name in _OUTPUTS],
            )
        )

    @routes.get("/models/<model>/ready")
    @routes.get("/models/<model>/versions/<wanted>/ready")
    def model_ready(model: str, wanted: str | None = None) -> Response:
        try:
            _served(models, model, wanted)
        except Refused as refused:
            return refuse(refused)
        return answer({"name": model, "ready": True})

    @routes.post("/models/<model>/infer")
    @routes.post("/models/<model>/versions/<wanted>/infer")
    @timed("/v2/infer")
    @work(models, limit)
    def infer(model: str, wanted: str | None = None) -> Response:
        served = _served(models, model, wanted)
        asked = body(decoder)
        x = _features(asked, served)
        names = [output.name for output in asked.outputs] or list(_OUTPUTS)
        for at, name in enumerate(names):
            if name not in _OUTPUTS:
                raise Refused(
                    422,
                    f"no output {name!r}: there are {', '.join(_OUTPUTS)}",
                    field=f"outputs[{at}].name",
                    reason="invalid",
                )
        returns, widths = forecaster.interval(served, x)
        if not (np.isfinite(returns).all() and np.isfinite(widths).all()):
            raise Refused(422, "they give no finite forecast", field="inputs[0].data", reason="invalid")
        figures: dict[str, Floats] = dict(
            zip(_OUTPUTS, (returns, returns - widths, returns + widths), strict=True)
        )
        return answer(
            InferResponse(
                model_name=model_name(served.card.symbol),
                model_version=str(served.version),
                id=asked.id,
                outputs=[
                    Tensor(name=name, datatype="FP64", shape=[len(x)], data=figures[name].tolist())
                    for name in names
                ],
            )
        )

    return routes


def _served(models: Models, model: str, wanted: str | None) -> Served:
    try:
        served = models.current.get(symbol_of(model))
    except ValueError:
        served = None
    if served is None:
        raise Refused(404, f"no model {model!r} is served", field="model")
    if wanted is not None and wanted != str(served.version):
        raise Refused(404, f"version {wanted} of {model} is not served: {served.version} is", field="version")
    return served


def _features(asked: InferRequest, served: Served) -> Floats:
    width = len(served.card.features)

    def wrong(field: str, message: str) -> Refused:
        return Refused(422, message, field=field, reason="invalid")

    if len(asked.inputs) != 1 or asked.inputs[0].name != "features":
        raise wrong("inputs", "expected exactly one input, named features")
    tensor = asked.inputs[0]
    for field, parameters in (("parameters", asked.parameters), ("inputs[0].parameters", tensor.parameters)):
        same_features(parameters.get("feature_set"), served.card.feature_set, f"{field}.feature_set")
    if tensor.datatype not in ("FP64", "FP32"):
        raise wrong("inputs[0].datatype", f"expected FP64 or FP32, got {tensor.datatype}")
    if len(tensor.shape) != 2 or tensor.shape[1] != width or not 1 <= tensor.shape[0] <= MAX_INSTANCES:
        raise wrong("inputs[0].shape", f"expected [1 to {MAX_INSTANCES}, {width}], got {tensor.shape}")
    rows = [row if isinstance(row, list) else [row] for row in tensor.data]
    # NumPy would take text and truth for numbers.
    if not all(type(figure) in (int, float) for row in rows for figure in row):
        raise wrong("inputs[0].data", f"expected numbers of shape {tensor.shape}, flat or row by row")
    try:
        x = np.asarray(tensor.data, dtype=np.float64).reshape(tensor.shape)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise wrong("inputs[0].data", f"expected numbers of shape {tensor.shape}: {error}") from error
    if not np.isfinite(x).all():
        raise wrong("inputs[0].data", "expected finite numbers")
    if (x[:, served.volatility] < 0).any():
        raise wrong("inputs[0].data", f"expected {served.card.volatility} to be at least 0")
    return x
