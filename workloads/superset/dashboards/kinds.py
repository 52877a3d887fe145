"""Kinds of charts: what Superset calls them, and the query that each asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from workloads.superset.dashboards.model import Chart, Dataset

Grain = Literal["PT1M", "PT1H", "P1D", "P1W", "P1M"]
Equal = Mapping[str, str]
"""Column → the value that its rows have."""

ROWS: Final = 10_000
INTEGER, SHARE, DECIMAL = ",d", ".1%", ",.2f"
"""d3 formats of numbers."""
NUMBER: Final = "big_number_total"
"""Superset's name of what draws one figure."""


def number(
    name: str, dataset: Dataset, metric: str, *, format: str = INTEGER, where: Equal | None = None
) -> Chart:
    """One figure, large."""
    parameters = {"metric": metric, "y_axis_format": format, "header_font_size": 0.4, "subtitle": ""}
    return _chart(name, dataset, NUMBER, parameters, [], [metric], where)


def line(
    name: str,
    dataset: Dataset,
    metrics: Sequence[str],
    *,
    by: Sequence[str] = (),
    grain: Grain = "P1D",
    format: str = DECIMAL,
    where: Equal | None = None,
) -> Chart:
    """Figures over time, a line each."""
    # The axis begins where the figures do: how they move is what is looked at.
    more = {"truncateYAxis": True, "y_axis_bounds": [None, None]}
    return _over_time("echarts_timeseries_line", name, dataset, metrics, by, grain, format, where, more)


def bars(
    name: str,
    dataset: Dataset,
    metrics: Sequence[str],
    *,
    by: Sequence[str] = (),
    grain: Grain = "P1D",
    format: str = INTEGER,
    where: Equal | None = None,
) -> Chart:
    """Amounts over time, on top of each other."""
    more = {"stack": "Stack"}
    return _over_time("echarts_timeseries_bar", name, dataset, metrics, by, grain, format, where, more)


def ranking(
    name: str,
    dataset: Dataset,
    along: str,
    metrics: Sequence[str],
    *,
    by: Sequence[str] = (),
    format: str = INTEGER,
    where: Equal | None = None,
) -> Chart:
    """Amounts by a name, the largest first."""
    parameters = {
        "x_axis": along,
        "metrics": list(metrics),
        "groupby": list(by),
        "orientation": "vertical",
        "y_axis_format": format,
        "row_limit": 50,
        "x_axis_sort": metrics[0],
        "x_axis_sort_asc": False,
        "show_legend": bool(by) or len(metrics) > 1,
        "rich_tooltip": True,
        "stack": "Stack" if by else None,
    }
    return _chart(name, dataset, "echarts_timeseries_bar", parameters, [along, *by], metrics, where)


def pie(name: str, dataset: Dataset, by: str, metric: str, *, where: Equal | None = None) -> Chart:
    """Shares of a whole."""
    parameters = {
        "groupby": [by],
        "metric": metric,
        "donut": True,
        "show_labels": True,
        "label_type": "key_value_percent",
        "number_format": INTEGER,
        "row_limit": 50,
        "sort_by_metric": True,
    }
    return _chart(name, dataset, "pie", parameters, [by], [metric], where)


def heatmap(
    name: str,
    dataset: Dataset,
    across: str,
    down: str,
    metric: str,
    *,
    format: str = SHARE,
    values: bool = True,
) -> Chart:
    """A figure by two names, as colours."""
    parameters = {
        "x_axis": across,
        "groupby": down,
        "metric": metric,
        "y_axis_format": format,
        "value_bounds": [None, None],
        "show_values": values,
        "normalize_across": "heatmap",
        "linear_color_scheme": "schemeYlGnBu",
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_desc",
        "xscale_interval": -1,
        "yscale_interval": -1,
        "left_margin": "auto",
        "bottom_margin": "auto",
        "row_limit": ROWS,
    }
    return _chart(name, dataset, "heatmap_v2", parameters, [across, down], [metric])


def table(name: str, dataset: Dataset, columns: Sequence[str], *, newest: str, rows: int = 100) -> Chart:
    """Rows as they are.

    Args:
        newest: column whose largest values come first.
    """
    order = [[newest, False]]
    parameters = {
        "query_mode": "raw",
        "all_columns": list(columns),
        "order_by_cols": [f'["{newest}", false]'],
        "row_limit": rows,
        "table_timestamp_format": "smart_date",
        "include_search": rows > 20,
        "show_cell_bars": False,
        "server_page_length": 10,
    }
    made = _chart(name, dataset, "table", parameters, columns, [])
    query = {**made.query, "orderby": order, "row_limit": rows}
    query.pop("metrics")
    return Chart(
        name=name,
        dataset=dataset,
        kind="table",
        parameters=made.parameters,
        query=query,
        columns=made.columns,
    )


def totals(
    name: str, dataset: Dataset, by: Sequence[str], metrics: Sequence[str], *, rows: int = 100
) -> Chart:
    """Figures by name, as a table."""
    parameters = {
        "query_mode": "aggregate",
        "groupby": list(by),
        "metrics": list(metrics),
        "order_desc": True,
        "timeseries_limit_metric": metrics[0],
        "show_cell_bars": False,
        "row_limit": rows,
        "table_timestamp_format": "smart_date",
    }
    return _chart(name, dataset, "table", parameters, by, metrics)


def _over_time(
    kind: str,
    name: str,
    dataset: Dataset,
    metrics: Sequence[str],
    by: Sequence[str],
    grain: Grain,
    format: str,
    where: Equal | None,
    more: Mapping[str, Any],
) -> Chart:
    if dataset.time is None:
        raise ValueError(f"chart {name}: {dataset.name} does not lie in time")
    parameters = {
        "x_axis": dataset.time,
        "time_grain_sqla": grain,
        "metrics": list(metrics),
        "groupby": list(by),
        "y_axis_format": format,
        "row_limit": ROWS,
        "show_legend": bool(by) or len(metrics) > 1,
        "rich_tooltip": True,
        "x_axis_time_format": "smart_date",
        "truncate_metric": True,
        **more,
    }
    made = _chart(name, dataset, kind, parameters, [dataset.time, *by], metrics, where)
    axis = {
        "timeGrain": grain,
        "columnType": "BASE_AXIS",
        "sqlExpression": dataset.time,
        "label": dataset.time,
        "expressionType": "SQL",
    }
    query = {**made.query, "columns": [axis, *by], "orderby": [[axis, True]]}
    return Chart(
        name=name,
        dataset=dataset,
        kind=kind,
        parameters=made.parameters,
        query=query,
        columns=made.columns,
        metrics=made.metrics,
    )


def _chart(
    name: str,
    dataset: Dataset,
    kind: str,
    parameters: Mapping[str, Any],
    columns: Sequence[str],
    metrics: Sequence[str],
    where: Equal | None = None,
) -> Chart:
    equal = dict(where or {})
    return Chart(
        name=name,
        dataset=dataset,
        kind=kind,
        parameters={**parameters, "adhoc_filters": [_condition(c, v) for c, v in equal.items()]},
        query={
            "columns": list(columns),
            "metrics": list(metrics),
            "filters": [{"col": c, "op": "==", "val": v} for c, v in equal.items()],
            "orderby": [[metrics[0], False]] if columns and metrics else [],
            "row_limit": ROWS,
        },
        columns=(*columns, *equal),
        metrics=tuple(metrics),
    )


def _condition(column: str, value: str) -> dict[str, Any]:
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": "==",
        "operatorId": "EQUALS",
        "comparator": value,
        "filterOptionName": f"filter_{column}",
    }
