"""What a download is asked for, and how one that broke off goes on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from workloads.data_api.downloads.datasets import DATASETS, Dataset
from workloads.data_api.problems import Refused
from workloads.data_api.questions import Instant, NameText, Parameters, Query, ResolutionText, instant
from workloads.data_api.revisions import Revisions
from workloads.kit.contracts.indicators import INDICATOR_PATTERN, IndicatorKind

DatasetName = Literal["prices", "indicators", "predictions"]
FormName = Literal["csv", "parquet", "xlsx"]

_LONGEST: Final = 2000
"""Characters of a line: longer than any there is, shorter than a request line may be."""


class FileQuery(Parameters):
    """Which rows, and in which form."""

    dataset: DatasetName = Field("prices", description="Of what: the columns are those of its route.")
    format: FormName = Field(
        "csv", description="Form of the file. xlsx is for small ones; parquet and csv for any."
    )
    symbol: NameText | None = Field(
        None, description="Prices and predictions only of this symbol; all by default."
    )
    zone: NameText | None = Field(None, description="Indicators only of this market or bidding zone.")
    name: Annotated[str, Field(pattern=INDICATOR_PATTERN, max_length=64)] | None = Field(
        None, description="Indicators only of this name, such as load."
    )
    kind: IndicatorKind | None = Field(
        None, description="Indicators only that were forecast, or that were measured."
    )
    source: NameText | None = Field(None, description="Only of this source.")
    resolution: ResolutionText | None = Field(None, description="Only of this resolution, such as PT1H.")
    start: Instant | None = Field(None, description="Of periods that begin then or later.")
    end: Instant | None = Field(None, description="Of periods that begin before.")
    as_of: Instant | None = Field(
        None, description="Instant as of which to answer: what was published later is not seen. Else now."
    )
    revisions: Revisions = Field(
        "latest",
        description="Of each period the revision that held at `as_of`, or all until then. Predictions have"
        " none.",
    )


class DownloadsQuery(FileQuery):
    """Which rows, in which form, and after which one."""

    after: str | None = Field(
        None,
        min_length=1,
        max_length=_LONGEST,
        description="The last whole line of a CSV file that broke off, as it is: the file goes on after it,"
        " without a line of names. `as_of` is then what the header X-As-Of said; everything else as before.",
    )


class ColumnsQuery(Query):
    """Of which dataset."""

    dataset: DatasetName = Field("prices", description="Whose columns.")


def asked(query: FileQuery, newest: datetime) -> dict[str, Any]:
    """What `Dataset.copy` takes of the question. Refused where it does not fit the dataset or the form."""
    dataset = DATASETS[query.dataset]
    for name in ("symbol", "zone", "name", "kind", "source", "resolution"):
        if name not in dataset.asked and (given := getattr(query, name)) is not None:
            raise _wrong(
                name, given, f"{query.dataset} have none", f"give some of {', '.join(dataset.asked)}, or none"
            )
    if not dataset.revised and query.revisions == "all":
        raise _wrong("revisions", "all", f"{query.dataset} have none", "leave it out")
    chosen = query.model_dump(include={"start", "end", *dataset.asked}, exclude_none=True)
    chosen["as_of"] = min(query.as_of or newest, newest)
    if not isinstance(query, DownloadsQuery) or query.after is None:
        return chosen
    return chosen | _after(query, query.after, dataset, dataset.continued(chosen, every(query)))


def every(query: FileQuery) -> bool:
    """Whether each revision is asked for."""
    return query.revisions == "all"


def _after(query: DownloadsQuery, line: str, dataset: Dataset, key: Sequence[str]) -> dict[str, Any]:
    if query.format != "csv":
        raise _wrong("after", line, f"{query.format} is not continued", "leave it out, or ask for csv")
    if query.as_of is None:
        raise _wrong(
            "as_of", None, "it is missing", "give what X-As-Of said, so that all is as of one instant"
        )
    return {f"after_{name}": value for name, value in last(line, dataset, key).items()}


def last(line: str, dataset: Dataset, key: Sequence[str]) -> dict[str, Any]:
    """The key of a row, columns of the file, from its line of the CSV. Refused where it is none."""
    names = [one.name for one in dataset.columns]
    try:
        ((*cells,),) = csv.reader([line], strict=True)
        row = dict(zip(names, cells, strict=True))
        times = {one.name for one in dataset.columns if one.type == "time"}
        found = {name: instant(row[name]) if name in times else row[name] for name in key}
    except (csv.Error, ValueError) as error:
        raise _wrong(
            "after",
            line,
            "it is no whole line of this dataset's file",
            f"give the last line that ends in a line break, of {len(names)} values,"
            " without the line break; where there is none, start without `after`",
        ) from error
    if "\0" in line or not all(found.values()):
        raise _wrong("after", line, "it names no row", "give a line of the file, not its line of names")
    return found


def _wrong(field: str, value: str | None, detail: str, remedy: str) -> Refused:
    return Refused(422, detail, field=field, value=value, remedy=remedy, reason="invalid")
