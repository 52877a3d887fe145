"""The definitions as Superset imports them: a YAML document each database, dataset, chart and dashboard."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import yaml

from workloads.kit.contracts import tables
from workloads.superset.dashboards.model import Chart, Dashboard, Dataset, identity

DATABASES: Final = (tables.DATABASE, tables.METRICS_DATABASE, tables.WAREHOUSE_DATABASE)
"""Where rows come from. Of each the record here names the database alone: see `connections.of_charts`."""

_VERSION: Final = "1.0.0"
_TYPES: Final = {"text": "TEXT", "number": "DOUBLE PRECISION", "time": "TIMESTAMP WITH TIME ZONE"}
_TIMESTAMP: Final = "2026-01-01T00:00:00+00:00"
"""Of the bundle, which has to have one: a constant, so that the same definitions are the same bytes."""


def bundle(dashboards: Sequence[Dashboard]) -> dict[str, str]:
    """File name → YAML of everything that the dashboards need."""
    return {
        name: yaml.safe_dump(document, sort_keys=True) for name, document in documents(dashboards).items()
    }


def documents(dashboards: Sequence[Dashboard]) -> dict[str, dict[str, Any]]:
    """File name → document."""
    datasets = {one.uuid: one for dashboard in dashboards for one in dashboard.datasets}
    charts = {one.uuid: one for dashboard in dashboards for one in dashboard.charts}
    return {
        "metadata.yaml": {"version": _VERSION, "type": "assets", "timestamp": _TIMESTAMP},
        **{f"databases/{name}.yaml": _database(name) for name in DATABASES},
        **{f"datasets/{one.database}/{one.name}.yaml": _dataset(one) for one in datasets.values()},
        **{f"charts/{one.uuid}.yaml": _chart(one) for one in charts.values()},
        **{f"dashboards/{one.slug}.yaml": _dashboard(one) for one in dashboards},
    }


def _database(name: str) -> dict[str, Any]:
    return {
        "database_name": name,
        "sqlalchemy_uri": f"postgresql+psycopg2:///{name}",
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        "extra": {"allows_virtual_table_explore": True, "cost_estimate_enabled": False},
        "uuid": identity("database", name),
        "version": _VERSION,
    }


def _dataset(one: Dataset) -> dict[str, Any]:
    return {
        "table_name": one.name,
        "description": one.about,
        "main_dttm_col": one.time,
        "schema": None,
        "sql": one.sql,
        "extra": None,
        "columns": [
            {
                "column_name": name,
                "type": _TYPES[kind],
                "is_dttm": kind == "time",
                "groupby": True,
                "filterable": True,
                "is_active": True,
            }
            for name, kind in one.columns.items()
        ],
        "metrics": [
            {"metric_name": name, "expression": expression, "metric_type": None}
            for name, expression in one.metrics.items()
        ],
        "is_managed_externally": True,
        "uuid": one.uuid,
        "database_uuid": identity("database", one.database),
        "version": _VERSION,
    }


def _chart(one: Chart) -> dict[str, Any]:
    # Superset fills in the dataset's number here, in the query and in the form, as the import knows it.
    form = {**one.parameters, "viz_type": one.kind}
    context = {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [{"extras": {}, "time_range": "No filter", **one.query}],
        "form_data": form,
        "result_format": "json",
        "result_type": "full",
    }
    return {
        "slice_name": one.name,
        "description": None,
        "viz_type": one.kind,
        "params": form,
        "query_context": json.dumps(context, sort_keys=True),
        "cache_timeout": None,
        "is_managed_externally": True,
        "uuid": one.uuid,
        "dataset_uuid": one.dataset.uuid,
        "version": _VERSION,
    }


def _dashboard(one: Dashboard) -> dict[str, Any]:
    return {
        "dashboard_title": one.title,
        "description": one.about,
        "slug": one.slug,
        "published": True,
        "css": "",
        "is_managed_externally": True,
        "uuid": one.uuid,
        "position": _position(one),
        "metadata": {
            "cross_filters_enabled": True,
            "refresh_frequency": one.refresh_seconds,
            "native_filter_configuration": [_filter(n, *target) for n, target in one.filters.items()],
        },
        "version": _VERSION,
    }


def _position(one: Dashboard) -> dict[str, Any]:
    rows = [f"ROW-{n}" for n, _ in enumerate(one.rows)]
    above = ["ROOT_ID", "GRID_ID"]
    numbers = iter(range(1, 1 + len(one.charts)))
    placed: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": rows, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": one.title}},
    }
    for row, charts, height in zip(rows, one.rows, one.heights, strict=True):
        made = list(_placed(row, charts, height, [*above, row], numbers))
        placed[row] = {
            "id": row,
            "type": "ROW",
            "children": [child["id"] for child in made],
            "parents": above,
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        placed |= {child["id"]: child for child in made}
    return placed


def _placed(
    row: str, charts: Iterable[tuple[Chart, int]], height: int, parents: list[str], numbers: Iterator[int]
) -> Iterator[dict[str, Any]]:
    for n, (chart, width) in enumerate(charts):
        # `chartId` is this document's own; the import puts its number there.
        meta = {"chartId": next(numbers), "uuid": chart.uuid, "sliceName": chart.name}
        yield {
            "id": f"CHART-{row}-{n}",
            "type": "CHART",
            "children": [],
            "parents": parents,
            "meta": {**meta, "width": width, "height": height},
        }


def _filter(label: str, dataset: Dataset, column: str) -> dict[str, Any]:
    return {
        "id": f"NATIVE_FILTER-{identity('filter', f'{dataset.name}/{column}')}",
        "name": label,
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "targets": [{"datasetUuid": dataset.uuid, "column": {"name": column}}],
        "controlValues": {"multiSelect": True, "enableEmptyFilter": False, "searchAllOptions": False},
        "defaultDataMask": {"extraFormData": {}, "filterState": {}},
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "description": "",
    }
