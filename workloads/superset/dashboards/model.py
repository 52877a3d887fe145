"""What a dashboard is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from workloads.kit.contracts.dashboards import identity

ColumnType = Literal["text", "number", "time"]

GRID: Final = 12
"""Columns of a dashboard's grid."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Rows that charts are made from.

    Args:
        database: that has them; one of `contracts.tables`.
        sql: gives them.
        columns: name → type.
        metrics: name → SQL of an aggregate, which charts ask by name.
        time: the column by which rows lie in time.
    """

    name: str
    about: str
    database: str
    sql: str
    columns: Mapping[str, ColumnType]
    metrics: Mapping[str, str]
    time: str | None = None

    @property
    def uuid(self) -> str:
        """Its identity."""
        return identity("dataset", self.name)

    def __post_init__(self) -> None:
        if self.time is not None and self.columns.get(self.time) != "time":
            raise ValueError(f"dataset {self.name}: {self.time} is no column of time")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A picture of a dataset.

    Args:
        name: of its title; with the dataset it is the chart's identity.
        kind: Superset's name of what draws it.
        parameters: of what draws it.
        query: what it asks the database.
        columns, metrics: of the dataset that it names.
    """

    name: str
    dataset: Dataset
    kind: str
    parameters: Mapping[str, Any]
    query: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()

    @property
    def uuid(self) -> str:
        """Its identity."""
        return identity("chart", f"{self.dataset.name}/{self.name}")

    def __post_init__(self) -> None:
        missing = [c for c in self.columns if c not in self.dataset.columns]
        missing += [m for m in self.metrics if m not in self.dataset.metrics]
        if missing:
            raise ValueError(f"chart {self.name}: {self.dataset.name} has no {', '.join(missing)}")


Row = Sequence[tuple[Chart, int]]
"""Charts beside each other, each with its share of `GRID`."""


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """Args:
    slug: its address.
    rows: from the top.
    heights: of each row, in units of 8 pixels.
    filters: label → dataset and column whose values one may choose from.
    refresh_seconds: how often a page that is left open asks anew; 0 is never.
    tenant: whose it is, where it is one's.
    """

    title: str
    slug: str
    about: str
    rows: Sequence[Row]
    heights: Sequence[int]
    filters: Mapping[str, tuple[Dataset, str]] = field(default_factory=dict[str, tuple[Dataset, str]])
    refresh_seconds: int = 0
    tenant: str | None = None

    def __post_init__(self) -> None:
        if len(self.heights) != len(self.rows):
            raise ValueError(f"dashboard {self.slug}: {len(self.heights)} heights of {len(self.rows)} rows")
        for row in self.rows:
            if (width := sum(share for _, share in row)) > GRID:
                raise ValueError(f"dashboard {self.slug}: a row of {width} is wider than {GRID}")

    @property
    def uuid(self) -> str:
        """Its identity."""
        return identity("dashboard", self.slug)

    @property
    def charts(self) -> list[Chart]:
        """All, in the order in which they stand."""
        return [chart for row in self.rows for chart, _ in row]

    @property
    def datasets(self) -> list[Dataset]:
        """Those of its charts and filters, each once."""
        every = [chart.dataset for chart in self.charts] + [one for one, _ in self.filters.values()]
        return list({one.name: one for one in every}.values())
