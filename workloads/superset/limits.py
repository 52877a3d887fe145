"""What somebody may ask of the database who is to see some of its rows alone.

Superset puts a condition around a chart's rows, and lets whoever asks name any expression over them: a
function that runs a query of its own, as some of PostgreSQL's do, sees all rows. So who is no analyst asks
for columns and metrics by their names, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

_AGGREGATES: Final = frozenset({"AVG", "COUNT", "COUNT_DISTINCT", "MAX", "MIN", "SUM"})


def beyond_names(query: Any, columns: Collection[str], metrics: Collection[str]) -> str | None:
    """What of a query is more than names of a dataset's columns and metrics; None where nothing is.

    Args:
        query: Superset's `QueryObject`.
    """
    for one in _asked(query):
        if one is not None and not _is_named(one, columns, metrics):
            return str(one)
    extras: Mapping[str, Any] = getattr(query, "extras", None) or {}
    for name in ("where", "having"):
        if extras.get(name):
            return f"{name} {extras[name]}"
    return None


def _asked(query: Any) -> Iterator[Any]:
    for name in ("columns", "metrics", "series_columns", "groupby"):
        yield from getattr(query, name, None) or ()
    for one in getattr(query, "orderby", None) or ():
        yield one[0] if isinstance(one, list | tuple) and one else one
    for one in getattr(query, "filter", None) or ():
        yield one.get("col") if isinstance(one, Mapping) else one
    yield from (getattr(query, name, None) for name in ("series_limit_metric", "granularity"))


def _is_named(one: Any, columns: Collection[str], metrics: Collection[str]) -> bool:
    if isinstance(one, str):
        return one in columns or one in metrics
    if not isinstance(one, Mapping):
        return False
    if expression := one.get("sqlExpression"):
        # An axis of time is a column in an expression's clothes. It is run whatever stands beside it.
        return isinstance(expression, str) and expression in columns
    column = one.get("column") or {}
    return (
        one.get("expressionType") == "SIMPLE"
        and one.get("aggregate") in _AGGREGATES
        and column.get("column_name") in columns
    )
