"""A pair of versions that is not in the table is refused."""

from __future__ import annotations

from typing import Any

import pytest

from infra import charts, versions
from infra.settings.bases import SettingsError
from tests.unit.infra.test_stack_needs import prod, read
from tools import versions as tools
from tools.gate import settings as gate


def refused(*path: str, value: str) -> str:
    config: dict[str, Any] = prod()
    at = config
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(SettingsError) as error:
        read(config)
    return str(error.value)


IMAGE = ("carbon:services", "karpenter", "image")
VERSION = ("carbon:aws", "cluster", "version")


@pytest.mark.parametrize(
    ("image", "least"),
    [
        ("bottlerocket@v1.50.0", "bottlerocket@v1.53.0"),
        ("bottlerocket@v1.9.0", "bottlerocket@v1.53.0"),
        ("al2023@v20251112", "al2023@v20260128"),
    ],
)
def test_an_image_that_was_never_made_for_the_clusters_version_is_refused(image: str, least: str) -> None:
    said = refused(*IMAGE, value=image)
    assert f"services.karpenter.image {image} needs {least} or later" in said


@pytest.mark.parametrize("image", ["bottlerocket@v1.53.0", "bottlerocket@v1.100.0", "al2023@v20260128"])
def test_any_later_image_is_accepted(image: str) -> None:
    config = prod()
    config["carbon:services"]["karpenter"]["image"] = image
    read(config)


def test_a_cluster_that_is_raised_past_its_nodes_image_is_refused() -> None:
    config = prod()
    config["carbon:services"]["karpenter"]["image"] = "bottlerocket@v1.53.0"
    config["carbon:aws"]["cluster"]["version"] = "1.36"
    with pytest.raises(SettingsError, match=r"needs bottlerocket@v1\.61\.0 or later"):
        read(config)


def test_a_version_of_kubernetes_that_nobody_looked_up_is_refused() -> None:
    assert "1.99 is not in the table of infra/versions.py" in refused(*VERSION, value="1.99")


def test_karpenter_is_new_enough_for_every_version(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in versions.KUBERNETES:
        assert versions.of_cluster(version) == version
    old = charts.Chart(name="karpenter", repository="oci://x", version="1.8.2", app="1.8.2")
    monkeypatch.setattr(charts, "KARPENTER", old)
    with pytest.raises(ValueError, match=r"1\.35 needs Karpenter 1\.9, .* pins 1\.8\.2"):
        versions.of_cluster("1.35")


def test_kafka_is_one_that_strimzi_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused("carbon:kafka", "version", value="4.1.1")
    assert f"4.1.1 is none that Strimzi {charts.STRIMZI.app} runs" in said
    assert charts.STRIMZI.app in versions.KAFKA, "a new Strimzi needs its line"


def test_the_gates_api_server_is_of_the_clusters_version() -> None:
    """What it accepts says nothing of another."""
    for stack in ("dev", "staging", "prod"):
        asked = gate.whole(stack).merged()["aws"]["cluster"]["version"]
        assert tools.KUBERNETES.rpartition(".")[0] == asked, stack
