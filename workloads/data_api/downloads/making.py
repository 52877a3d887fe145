"""How a question becomes a file: the statement that reads its rows, and the form that they are put in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from psycopg import sql

from workloads.data_api.answers import CSV
from workloads.data_api.downloads.datasets import DATASETS
from workloads.data_api.downloads.forms import Blocks, File
from workloads.data_api.downloads.question import FileQuery, FormName, every
from workloads.data_api.settings import DataApiSettings

TYPES: Final[Mapping[FormName, str]] = {
    "csv": CSV,
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""form → media type."""


def blocks_of(form: FormName) -> Blocks:
    """What puts rows in a form."""
    # Here: pyarrow and its tables are memory that a worker needs only if it is asked for such a file.
    match form:
        case "csv":
            from workloads.data_api.downloads.as_csv import blocks
        case "parquet":
            from workloads.data_api.downloads.as_parquet import blocks
        case "xlsx":
            from workloads.data_api.downloads.as_xlsx import blocks
    return blocks


def made(
    query: FileQuery, values: Mapping[str, Any], settings: DataApiSettings, *, named: bool
) -> tuple[File, sql.Composed]:
    """The file that is asked for, and the statement whose rows it is made of.

    Args:
        values: of the statement, as `question.asked` gives them.
        named: whether a CSV begins with its line of names.
    """
    dataset = DATASETS[query.dataset]
    file = File(
        dataset=query.dataset,
        columns=dataset.columns,
        as_of=values["as_of"],
        question=json.dumps(query.model_dump(mode="json", exclude={"after", "format"}, exclude_none=True)),
        named=named,
        most=settings.xlsx_rows,
    )
    statement = dataset.copy(
        values,
        every=every(query),
        text=query.format == "csv",
        most=settings.xlsx_rows + 1 if query.format == "xlsx" else None,
    )
    return file, statement
