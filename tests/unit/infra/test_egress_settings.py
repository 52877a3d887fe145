"""Which hosts a workload may reach follows from its sources, and needs the proxy."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from infra.stack import Stack
from tests import stack
from tests.stack import record
from tests.unit.infra.test_provenance import Config, read, refused, section
from tools.paths import ROOT
from workloads.kit.contracts import ports, providers
from workloads.kit.contracts.egress import Egress

HTTP = {
    "kind": "http",
    "name": "api",
    "url": "https://prices.example/v1",
    "market": "crude",
    "columns": {"event_time": "date", "symbol": "id", "price": "value"},
}

SOURCE = "api.energy-charts.info"
"""What prod's own source asks."""


def objects(config: Config) -> dict[tuple[str, str], dict[str, Any]]:
    seen = record(lambda: Stack(stack.settings(config))).seen.values()
    return {(r.inputs["kind"], r.inputs["metadata"]["name"]): r.inputs for r in seen if "kind" in r.inputs}


def test_the_hosts_are_those_of_the_sources() -> None:
    def change(config: Config) -> None:
        section(config)["sources"] += [HTTP, {**HTTP, "name": "same", "url": "https://PRICES.example:443/v2"}]

    hosts = read("prod", change).hosts
    assert hosts["price-pipeline"] == ["api.energy-charts.info", "prices.example"]
    assert hosts["api-integration"] == list(providers.hosts())
    # Each job of the markets may reach what any of them asks.
    assert "web-api.tp.entsoe.eu" in hosts["market-connectors"]
    assert hosts["market-connectors"] == hosts["market-australia"] == hosts["market-live"]
    assert read("local").hosts.keys() == {"api-integration"}


def test_the_host_that_gives_a_sources_tokens_is_one_of_them() -> None:
    oauth2 = {"token_url": "https://login.example/token", "client_id": "me", "client_secret_file": "/s"}
    source = {**HTTP, "oauth2": oauth2}
    hosts = read("prod", lambda c: section(c)["sources"].append(source)).hosts["price-pipeline"]
    assert hosts == ["api.energy-charts.info", "login.example", "prices.example"]

    oauth2["token_url"] = "http://login.example/token"
    said = refused(lambda c: section(c)["sources"].append(source))
    assert "oauth2.token_url of api" in said
    assert "not https" in said


def test_a_bucket_is_reached_by_its_stores_name_and_never_in_clear() -> None:
    bucket = {name: value for name, value in HTTP.items() if name != "url"}
    bucket |= {"kind": "s3", "bucket": "prices", "region": "eu-central-1", "pattern": "*.csv"}
    hosts = read("prod", lambda c: section(c)["sources"].append(bucket)).hosts["price-pipeline"]
    assert hosts == ["api.energy-charts.info", "s3.eu-central-1.amazonaws.com"]

    elsewhere = {**bucket, "endpoint": "https://objects.example"}
    hosts = read("prod", lambda c: section(c)["sources"].append(elsewhere)).hosts["price-pipeline"]
    assert hosts == ["api.energy-charts.info", "objects.example"]

    clear = {**bucket, "endpoint": "http://objects.example"}
    said = refused(lambda c: section(c)["sources"].append(clear))
    assert "endpoint of api" in said
    assert "not https" in said


def _weather() -> dict[str, Any]:
    """The source that the page of api-integration shows."""
    page = (ROOT / "docs" / "api-integration.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (source,) = yaml.safe_load(shown)["sources"]
    return source


def test_weather_of_api_integration_is_a_source_that_stays_within() -> None:
    before = read("prod").hosts
    assert read("prod", lambda c: section(c)["sources"].append(_weather())).hosts == before


def test_weather_of_api_integration_needs_api_integration() -> None:
    def change(config: Config) -> None:
        section(config)["sources"].append(_weather())
        del config["carbon:api_integration"]

    assert "price_pipeline.sources open-meteo needs api_integration" in refused(change)


@pytest.mark.parametrize("at", ["api-integration", "api-integration:80", "api-integration.evil.example:8095"])
def test_what_only_looks_like_api_integration_is_refused(at: str) -> None:
    source = _weather() | {"url": f"http://{at}/v1/weather/temperature"}
    assert "is not https" in refused(lambda c: section(c)["sources"].append(source))


def test_a_source_by_name_needs_the_proxy() -> None:
    said = refused(lambda c: c.pop("carbon:egress_proxy"))
    assert "price-pipeline, to reach api.energy-charts.info, needs egress_proxy" in said


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://prices.example/v1", "is not https"),
        ("https://prices.example:8443/v1", "port 8443"),
        ("https://10.1.2.3/v1", "no DNS name in full"),
        ("https://prices.example%0ahttp_access/", "no DNS name in full"),
    ],
)
def test_a_source_that_the_proxy_cannot_reach_is_refused_with_its_place(url: str, why: str) -> None:
    said = refused(lambda c: section(c)["sources"].append({**HTTP, "url": url}))
    assert "carbon:price_pipeline: sources.1.url of api: " in said
    assert why in said


def test_a_stand_in_is_no_market() -> None:
    said = refused(lambda c: c["carbon:egress_proxy"].update(resolve={SOURCE: "stand-in.carbon"}))
    assert f"egress_proxy.resolve ({SOURCE}, by a stand-in) publishes synthetic prices" in said


@pytest.mark.parametrize(
    ("at", "of"),
    [
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("224.0.0.251", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("255.255.255.255", "reserved"),
    ],
)
def test_a_stand_in_is_a_host_outside_the_cluster(at: str, of: str) -> None:
    said = refused(lambda c: c["carbon:egress_proxy"].update(resolve={SOURCE: at}))
    assert f'carbon:egress_proxy.resolve.{SOURCE} = "{at}": is an address of' in said
    assert f"({of})" in said


def test_a_stand_in_is_not_within_the_services_of_the_cluster() -> None:
    def change(config: Config, at: str) -> None:
        config["carbon:egress_proxy"]["resolve"] = {SOURCE: at}
        config["carbon:provenance"] = ["market", "synthetic"]

    said = refused(lambda c: change(c, "172.20.0.1"))
    assert f"egress_proxy.resolve of {SOURCE} is in the cluster's own aws.cluster.service_cidr 172.20" in said
    assert SOURCE in read("prod", lambda c: change(c, "172.21.0.1")).hosts["price-pipeline"]


def test_a_stand_in_of_a_name_that_no_source_asks_is_refused() -> None:
    def change(config: Config) -> None:
        config["carbon:egress_proxy"]["resolve"] = {"api.energy-chart.info": "192.0.2.7"}
        config["carbon:provenance"] = ["market", "synthetic"]

    said = refused(change)
    assert "egress_proxy.resolve names api.energy-chart.info, which no source asks" in said
    assert SOURCE in said


@pytest.mark.parametrize(
    "at", ["stand-in", "a.b.c", "10.1.2", "10.1.2.3.4", "a_b.carbon", "10.1.2.3/8", "a b.c", ""]
)
def test_a_stand_in_is_an_address_or_a_service(at: str) -> None:
    said = refused(lambda c: c["carbon:egress_proxy"].update(resolve={"prices.example": at}), name="local")
    assert "carbon:egress_proxy.resolve.prices.example" in said


def test_a_password_of_nobody_is_refused_and_one_that_is_missing_named() -> None:
    unknown = {"price-pipelin": "0123456789abcdef"}
    assert "price-pipelin" in refused(lambda c: c["carbon:secrets"].update(egress=unknown), name="local")
    missing = refused(lambda c: c["carbon:secrets"].update(egress={}), name="local")
    assert "egress_proxy needs secrets.egress.price-pipeline" in missing
    assert "0123456789abcdef" not in refused(
        lambda c: c["carbon:secrets"].update(egress=unknown), name="local"
    )


def test_the_proxy_is_told_and_its_paths_are_open_at_both_ends() -> None:
    config = stack.values()
    config["carbon:price_pipeline"]["sources"] = [
        HTTP,
        {**HTTP, "name": "b", "url": "https://b.example/v1"},
    ]
    config["carbon:egress_proxy"]["resolve"] = {
        "prices.example": "stand-in.markets",
        "b.example": "192.0.2.7",
    }
    made = objects(config)
    told = Egress.model_validate_json(made["ConfigMap", "egress-proxy"]["data"]["egress.json"])
    others = tuple(providers.hosts())
    assert told.clients == {
        "price-pipeline": ("b.example", "prices.example"),
        "api-integration": others,
        # Its sources here are files.
        "warehouse-etl": (),
    }
    assert told.resolve == {
        "prices.example": "stand-in.markets.svc.cluster.local",
        "b.example": "192.0.2.7",
    }
    egress = made["NetworkPolicy", "egress-proxy"]["spec"]["egress"]
    to = [(rule["to"][0], rule["ports"][0]["port"]) for rule in egress]
    assert ({"ipBlock": {"cidr": "192.0.2.7/32"}}, 443) in to
    stand_in = next(peer for peer, port in to if port == ports.STAND_IN)
    assert stand_in["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "stand-in"}
    assert stand_in["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "markets"}
    internet = [peer["ipBlock"] for peer, _ in to if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"]
    assert [len(block["except"]) for block in internet] == [5]
    pipeline = made["NetworkPolicy", "price-pipeline"]["spec"]["egress"]
    assert "0.0.0.0/0" not in json.dumps(pipeline)
    assert ports.EGRESS_PROXY in [rule["ports"][0]["port"] for rule in pipeline]
    closed = [
        name for kind, name in made if kind == "NetworkPolicy" and name not in (*told.clients, "egress-proxy")
    ]
    assert closed
    assert not [n for n in closed if f'"port": {ports.EGRESS_PROXY}' in json.dumps(made["NetworkPolicy", n])]


def test_without_the_proxy_nothing_of_it_is_told() -> None:
    config = stack.values()
    del config["carbon:egress_proxy"], config["carbon:api_integration"]
    made = objects(config)
    assert ("Deployment", "egress-proxy") not in made
    pod = made["CronJob", "price-pipeline"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert not [v["name"] for v in pod["containers"][0]["env"] if "EGRESS" in v["name"]]
