"""Definitions of dashboards: complete, always the same, and of rows that their reader may see."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from workloads.kit.contracts import tables
from workloads.kit.contracts.customers import CHURN_HIGH, CHURN_MEDIUM
from workloads.kit.contracts.declared.superset import SUPERSET_PREPARE
from workloads.superset.dashboards import SHARED, defined, kinds
from workloads.superset.dashboards.bundle import DATABASES, bundle, documents
from workloads.superset.dashboards.customers import NOW
from workloads.superset.dashboards.model import Dashboard, Dataset

ALL = defined(["acme", "globex"])
DATASETS = list({one.name: one for board in ALL for one in board.datasets}.values())
VERSIONS = Path(__file__).parents[3] / "workloads" / "migrations" / "warehouse_versions"
_OF_VIEWS = {tables.ML_PREDICTIONS, tables.COMMODITY_PRICES_DAILY}
"""Read through a view that reads as who asks."""


def _read(dataset: Dataset) -> set[str]:
    """Schema and name of each table that a dataset's SQL reads."""
    return set(re.findall(r"(?:FROM|JOIN)\s+(\w+\.\w+)", dataset.sql))


def test_there_are_five_of_customers_four_of_markets_and_one_a_tenant() -> None:
    slugs = [one.slug for one in ALL]
    assert len([slug for slug in slugs if slug.startswith("customers-")]) == 5
    assert len([slug for slug in slugs if slug.startswith("markets-")]) == 4
    assert slugs[-2:] == ["tenant-acme", "tenant-globex"]
    assert len(set(slugs)) == len(slugs)


def test_the_same_definitions_are_the_same_bytes_and_the_same_identities() -> None:
    assert bundle(defined(["acme"])) == bundle(defined(["acme"]))
    # What an import once made is found again by this; another would double every dashboard.
    live = next(one for one in SHARED if one.slug == "customers-live")
    assert live.uuid == "790bdecb-7fb7-5f52-96b4-6d0b5e07af46"


def test_identities_are_each_ones_own() -> None:
    made = documents(ALL)
    uuids = [one["uuid"] for one in made.values() if "uuid" in one]
    assert len(uuids) == len(set(uuids)) == len(made) - 1


def test_charts_of_one_name_are_one_chart() -> None:
    """A picture's name is how people call it: within a dashboard no two have the same."""
    for one in ALL:
        names = [chart.name for chart in one.charts]
        assert len(names) == len(set(names)), one.slug


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda one: one.name)
def test_a_dataset_reads_only_what_its_reader_may(dataset: Dataset) -> None:
    read = _read(dataset)
    assert read, "no table"
    for name in read:
        schema, _, table = name.partition(".")
        if dataset.database == tables.WAREHOUSE_DATABASE:
            assert schema in SUPERSET_PREPARE.layers
        else:
            assert schema == tables.SCHEMA
            assert table in SUPERSET_PREPARE.tables
            assert (table in tables.OF_METRICS) is (dataset.database == tables.METRICS_DATABASE)


def test_the_reader_may_read_nothing_that_no_dashboard_shows() -> None:
    read = {name.partition(".")[2] for one in DATASETS for name in _read(one)}
    assert set(SUPERSET_PREPARE.tables) - _OF_VIEWS <= read
    assert set(SUPERSET_PREPARE.tables.values()) == {tables.READ}
    assert set(SUPERSET_PREPARE.layers.values()) == {"read"}


def test_tables_of_the_warehouse_are_those_that_it_makes() -> None:
    made = set(re.findall(r"CREATE TABLE (\w+\.\w+)", "".join(f.read_text() for f in VERSIONS.glob("*.py"))))
    read = {name for one in DATASETS if one.database == tables.WAREHOUSE_DATABASE for name in _read(one)}
    assert read
    assert read <= made


@pytest.mark.parametrize("board", ALL, ids=lambda one: one.slug)
def test_every_chart_has_its_place_and_every_place_its_chart(board: Dashboard) -> None:
    made = documents([board])
    position = made[f"dashboards/{board.slug}.yaml"]["position"]
    placed = [one for one in position.values() if isinstance(one, dict) and one["type"] == "CHART"]
    assert [one["meta"]["uuid"] for one in placed] == [chart.uuid for chart in board.charts]
    assert len({one["meta"]["chartId"] for one in placed}) == len(placed)
    for one in placed:
        assert made[f"charts/{one['meta']['uuid']}.yaml"]["slice_name"] == one["meta"]["sliceName"]


def test_what_a_chart_draws_and_what_it_asks_is_one_thing() -> None:
    for name, document in documents(ALL).items():
        if not name.startswith("charts/"):
            continue
        form, [query] = document["params"], json.loads(document["query_context"])["queries"]
        metrics = form.get("metrics") or ([form["metric"]] if "metric" in form else [])
        assert query.get("metrics", []) == metrics, document["slice_name"]
        asked = {one["subject"] for one in form["adhoc_filters"]}
        assert {one["col"] for one in query["filters"]} == asked


def test_a_risk_is_high_where_the_job_calls_it_so() -> None:
    said = " ".join((NOW.sql, *NOW.metrics.values()))
    assert re.findall(r"churn >= ([\d.]+)", said) == [
        str(one) for one in (CHURN_HIGH, CHURN_MEDIUM, CHURN_HIGH)
    ]


def test_no_password_and_no_address_is_in_a_definition() -> None:
    text = "".join(bundle(ALL).values())
    assert "password" not in text.lower()
    uris = {made["sqlalchemy_uri"] for n, made in documents(ALL).items() if n.startswith("databases/")}
    assert uris == {f"postgresql+psycopg2:///{name}" for name in DATABASES}


def test_documents_are_yaml_that_says_the_same() -> None:
    made = documents(ALL)
    assert {name: yaml.safe_load(text) for name, text in bundle(ALL).items()} == made


DEMO = Dataset(
    name="demo",
    about="",
    database=tables.DATABASE,
    sql="SELECT 1",
    columns={"name": "text", "at": "time"},
    metrics={"rows": "count(*)"},
)


def test_a_chart_of_what_its_dataset_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="chart Rows: demo has no amount"):
        kinds.number("Rows", DEMO, "amount")
    with pytest.raises(ValueError, match="chart Rows: demo has no colour"):
        kinds.pie("Rows", DEMO, "colour", "rows")
    with pytest.raises(ValueError, match="demo does not lie in time"):
        kinds.line("Rows", DEMO, ["rows"])


def test_a_row_that_is_too_wide_is_refused() -> None:
    chart = kinds.number("Rows", DEMO, "rows")
    with pytest.raises(ValueError, match="a row of 14 is wider than 12"):
        Dashboard(title="D", slug="d", about="", rows=[[(chart, 7), (chart, 7)]], heights=[20])
    with pytest.raises(ValueError, match="1 heights of 2 rows"):
        Dashboard(title="D", slug="d", about="", rows=[[(chart, 7)], [(chart, 7)]], heights=[20])
