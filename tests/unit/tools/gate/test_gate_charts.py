"""Values of Helm releases against the chart's own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import infra.charts
from tools.gate import charts
from tools.gate.charts import Chart, check_values
from tools.gate.model import RELEASE, CheckResult, Resource, StackPreview

LOAD = charts.load

VALUES = """
replicaCount: 1
# revisionHistoryLimit: 10
image:
  repository: public.ecr.aws/x
  tag: v1
controller:
  replicas: 1
  timeoutSeconds: 30
  resources:
    limits: {memory: 1Gi}
podLabels: {}
clusterName:
logging: {level: info}
schedules:
  - name: nightly
"""
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "replicaCount": {"type": "integer"},
        "image": {"$ref": "#/$defs/image"},
        "required": {"type": "string"},
    },
    "$defs": {"image": {"properties": {"tag": {"type": "string"}, "digest": {"type": "string"}}}},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    chart = tmp_path / "demo"
    chart.mkdir()
    (chart / "chart.txt").write_text("name: demo\nversion: v1.2.3\nappVersion: 9.9.9\n")
    (chart / "values.yaml").write_text(VALUES)
    (chart / "values.schema.json").write_text(json.dumps(SCHEMA))
    return tmp_path


@pytest.fixture
def chart(data: Path) -> Chart:
    found = charts.load("demo", data)
    assert found
    return found


def wrong(chart: Chart, values: Mapping[str, Any]) -> list[str]:
    return [f"{message}. {remedy}" for _, message, remedy in check_values(chart, values).wrong]


def check(
    monkeypatch: pytest.MonkeyPatch, data: Path, values: Mapping[str, Any], version: str = "1.2.3"
) -> CheckResult:
    monkeypatch.setattr(charts, "load", lambda name: LOAD(name, data))
    inputs = {"chart": "oci://registry.example/charts/demo", "version": version, "values": values}
    release = Resource("urn:demo", RELEASE, "demo", custom=True, inputs=inputs)
    return charts.chart_values([StackPreview("prod", (release,))])


def test_keys_that_the_chart_has_are_taken(chart: Chart) -> None:
    seen = check_values(chart, {"replicaCount": 2, "controller": {"replicas": 3}, "image": {"tag": "v2"}})
    assert seen.wrong == []
    assert seen.keys == 5


def test_an_unknown_key_is_named_with_its_path_and_the_nearest_that_is_known(chart: Chart) -> None:
    (found,) = wrong(chart, {"controller": {"timeoutSecond": 5}})
    assert "controller.timeoutSecond" in found
    assert "nearest key there is controller.timeoutSeconds" in found


def test_a_key_in_the_wrong_place_is_pointed_to_the_right_one(chart: Chart) -> None:
    (found,) = wrong(chart, {"timeoutSeconds": 5})
    assert "The chart has controller.timeoutSeconds" in found


@pytest.mark.parametrize(
    ("values", "path"),
    [
        pytest.param({"podLabels": {"team": "x"}}, "podLabels", id="an empty map"),
        pytest.param({"clusterName": {"any": 1}}, "clusterName", id="a null"),
        pytest.param({"schedules": [{"cron": "x"}]}, "schedules", id="a list"),
        pytest.param(
            {"controller": {"resources": {"requests": {"cpu": 1}}}}, "controller.resources", id="Kubernetes"
        ),
    ],
)
def test_below_what_is_open_any_key_is_taken_and_that_is_said(
    chart: Chart, values: dict[str, Any], path: str
) -> None:
    seen = check_values(chart, values)
    assert seen.wrong == []
    assert [where.split(" ")[0] for where in seen.open] == [path]


def test_a_key_that_only_a_comment_names_is_taken_and_listed(chart: Chart) -> None:
    seen = check_values(chart, {"revisionHistoryLimit": 3})
    assert seen.wrong == []
    assert seen.from_comments == ["revisionHistoryLimit stands in a comment only (values.yaml line 3)"]


def test_a_key_that_only_the_schema_has_is_taken(chart: Chart) -> None:
    assert wrong(chart, {"required": "x", "image": {"digest": "sha256:1"}}) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replicaCount": "two"}, "replicaCount: 'two' is not of type 'integer'"),
        ({"image": {"tag": 1}}, "image.tag: 1 is not of type 'string'"),
        ({"controller": 3}, "controller is 3, and the chart has a map there"),
        ({"replicaCount": {"min": 1}}, "replicaCount is a map, and the chart has none there"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(chart: Chart, values: dict[str, Any], words: str) -> None:
    assert any(words in found for found in wrong(chart, values))


def test_null_takes_a_key_away_before_the_schema_sees_it(chart: Chart) -> None:
    assert wrong(chart, {"replicaCount": None}) == []
    assert charts.merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None}, "d": [2]}) == {
        "a": {"c": 2},
        "d": [2],
    }


def test_a_release_of_the_pinned_version_fails_on_an_unknown_key(
    monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    result = check(monkeypatch, data, {"imagee": {}})
    (finding,) = result.findings
    assert (finding.check, finding.severity, finding.stack) == ("chart-values", "error", "prod")
    assert finding.subject == "urn:demo"
    assert finding.message == "chart demo: it does not know the key imagee"
    assert result.examined == 1


def test_data_of_another_version_are_listed_and_prove_nothing(
    monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    result = check(monkeypatch, data, {"imagee": {}}, version="1.3.0")
    assert result.examined == 0
    assert result.unseen == ("chart demo: not checked (data of version v1.2.3, pin 1.3.0)",)
    assert [finding.severity for finding in result.findings] == ["warning"]


def test_a_release_without_a_version_is_refused(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    (finding,) = check(monkeypatch, data, {}, version="").findings
    assert "no version" in finding.message


def test_a_chart_without_data_is_listed(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    (data / "demo").rename(data / "other")
    result = check(monkeypatch, data, {"any": 1})
    assert (result.findings, result.examined) == ([], 0)
    assert "chart demo: not checked" in result.unseen[0]
    assert check(monkeypatch, data, {}).unseen == ()


def test_every_pinned_chart_that_has_data_is_of_the_pinned_version_or_is_known_to_be_behind() -> None:
    loaded = {pin.name: charts.load(pin.name) for pin in infra.charts.ALL}
    assert {name for name, chart in loaded.items() if chart is None} == {"prometheus-operator-crds"}
    other = {
        pin.name
        for pin in infra.charts.ALL
        if (chart := loaded[pin.name]) and not charts.same_version(chart.version, pin.version)
    }
    assert other == {"kubecost"}


@pytest.mark.parametrize("name", sorted(path.name for path in charts.DATA.iterdir() if path.is_dir()))
def test_a_chart_takes_its_own_values(name: str) -> None:
    chart = charts.load(name)
    assert chart
    assert chart.name == name
    assert check_values(chart, chart.values).wrong == []


def test_what_a_chart_passes_on_is_a_place_in_its_values() -> None:
    for name, path in [*charts.PASSED_ON, *charts.OWN_LISTS]:
        chart = charts.load(name)
        assert chart
        assert tuple(path.split(".")) in set(charts._paths(chart.values))  # pyright: ignore[reportPrivateUsage]


def test_a_list_that_a_chart_reads_itself_is_looked_into() -> None:
    velero = charts.load("velero")
    assert velero
    location = {"name": "main", "provider": "aws", "bucket": "b", "config": {"region": "x"}}
    assert wrong(velero, {"configuration": {"backupStorageLocation": [location]}}) == []
    location["buckett"] = "b"
    (found,) = wrong(velero, {"configuration": {"backupStorageLocation": [location]}})
    assert "configuration.backupStorageLocation.[].buckett" in found
