"""The V2 open inference protocol and the OpenAPI document."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.fixture_models import ECHO, artifact, echoing
from tests.unit.model_server.conftest import Server
from workloads.kit.features import DEFAULT, FEATURES, VOLATILITY, features

X = features(echoing(1, 200))[-3:]
MODEL = "/v2/models/next-return.S"


@pytest.fixture
def ready(server: Server) -> Server:
    server.registry.add(artifact("S"), 4, "champion")
    server.models.refresh()
    return server


def asked(**changed: Any) -> dict[str, Any]:
    tensor = {"name": "features", "shape": list(X.shape), "datatype": "FP64", "data": X.ravel().tolist()}
    return {"id": "7", "inputs": [tensor | changed]}


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/4"])
@pytest.mark.parametrize("data", [X.tolist(), X.ravel().tolist()], ids=["nested", "flat"])
def test_infer(ready: Server, path: str, data: list[Any]):
    answer = ready.client().post(f"{path}/infer", json=asked(data=data))
    assert answer.status_code == 200, answer.json
    got = answer.json
    assert (got["id"], got["model_name"], got["model_version"]) == ("7", "next-return.S", "4")
    outputs = {output["name"]: output for output in got["outputs"]}
    expected = ECHO * X[:, FEATURES.index("return_1")]
    width = ready.models.current["S"].card.quantile * X[:, VOLATILITY]
    for name, figures in (
        ("predicted_return", expected),
        ("lower_return", expected - width),
        ("upper_return", expected + width),
    ):
        assert (outputs[name]["shape"], outputs[name]["datatype"]) == ([3], "FP64")
        np.testing.assert_allclose(outputs[name]["data"], figures, atol=1e-7)


def test_only_the_outputs_asked_for_are_sent(ready: Server):
    body = {**asked(), "outputs": [{"name": "lower_return"}]}
    got = ready.client().post(f"{MODEL}/infer", json=body).json
    assert [output["name"] for output in got["outputs"]] == ["lower_return"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "x"}, "inputs"),
        ({"datatype": "INT64"}, "inputs[0].datatype"),
        ({"shape": [3, 2]}, "inputs[0].shape"),
        ({"shape": [3]}, "inputs[0].shape"),
        ({"shape": [2, len(FEATURES)]}, "inputs[0].data"),
        ({"data": ["a"] * X.size}, "inputs[0].data"),
        ({"data": [None] * X.size}, "inputs[0].data"),
        ({"shape": [1001, len(FEATURES)]}, "inputs[0].shape"),
        ({"data": [10**400] * X.size}, "inputs[0].data"),
        ({"data": [1e308, -1e308] * (X.size // 2)}, "inputs[0].data"),
        ({"data": ["0.01"] * X.size}, "inputs[0].data"),
        ({"data": [True] * X.size}, "inputs[0].data"),
        ({"data": [[0.01] * (len(FEATURES) - 1) + [True]] * len(X)}, "inputs[0].data"),
        ({"data": [-0.01] * X.size}, "inputs[0].data"),
    ],
)
def test_bad_input_is_refused_with_the_field_named(ready: Server, changed: dict[str, Any], field: str):
    answer = ready.client().post(f"{MODEL}/infer", json=asked(**changed))
    assert (answer.status_code, answer.json["field"]) == (422, field), answer.json


def test_a_nest_without_end_is_refused(ready: Server):
    nest = b"[" * 100_000 + b"]" * 100_000
    answer = ready.client().post(f"{MODEL}/infer", data=b'{"inputs": [], "parameters": {"x": ' + nest + b"}}")
    assert answer.status_code == 400


def test_features_of_another_set_are_refused_though_they_are_as_many(ready: Server):
    client = ready.client()
    same = {"feature_set": DEFAULT.version}
    other = {"feature_set": "1:10-20-60"}
    assert client.post(f"{MODEL}/infer", json={**asked(), "parameters": same}).status_code == 200
    for body, field in (
        ({**asked(), "parameters": other}, "parameters.feature_set"),
        (asked(parameters=other), "inputs[0].parameters.feature_set"),
    ):
        answer = client.post(f"{MODEL}/infer", json=body)
        assert (answer.status_code, answer.json["field"]) == (409, field)


def test_an_output_that_there_is_not_is_refused(ready: Server):
    body = {**asked(), "outputs": [{"name": "probability"}]}
    answer = ready.client().post(f"{MODEL}/infer", json=body)
    assert (answer.status_code, answer.json["field"]) == (422, "outputs[0].name")


def test_metadata_and_readiness(ready: Server):
    client = ready.client()
    assert client.get("/v2").json["name"] == "carbon-model-server"
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/health/ready").status_code == 200
    assert client.get(f"{MODEL}/ready").status_code == 200
    assert client.get(f"{MODEL}/versions/4/ready").status_code == 200
    for path in (MODEL, f"{MODEL}/versions/4"):
        got = client.get(path).json
        assert (got["versions"], got["platform"]) == (["4"], "onnxruntime_onnx")
        assert got["inputs"] == [{"name": "features", "datatype": "FP64", "shape": [-1, len(FEATURES)]}]


@pytest.mark.parametrize(
    "path", ["/v2/models/next-return.T", "/v2/models/S", f"{MODEL}/versions/3", f"{MODEL}/versions/3/ready"]
)
def test_what_is_not_served_is_not_found(ready: Server, path: str):
    answer = ready.client().get(path)
    assert answer.status_code == 404
    assert answer.json["error"]


def test_not_ready_is_said(server: Server):
    assert server.client().get("/v2/health/ready").status_code == 503


def test_the_openapi_document_has_every_route_and_resolves(ready: Server):
    client = ready.client()
    document = client.get("/openapi.json").json
    described = {
        (path, method.upper())
        for path, operations in document["paths"].items()
        for method in operations
        if method != "parameters"
    }
    routes = {
        (
            rule.rule.replace("<model>", "{model}").replace("<wanted>", "{version}"),
            method,
        )
        for rule in client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == routes - {("/openapi.json", "GET")}
    known = document["components"]["schemas"]

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            here = {node["$ref"]} if "$ref" in node else set()
            return here.union(*(references(value) for value in node.values()))
        return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()

    found = references(document)
    assert found
    assert {reference.rpartition("/")[2] for reference in found} <= set(known)
    assert set(known["Forecast"]["properties"]) >= {"prediction", "lower", "upper", "realised_coverage"}
