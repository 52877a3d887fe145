"""A file given by hand as a configured source: looked at first, published when that was confirmed."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from workloads.kit import db
from workloads.kit.contracts.declared.price_pipeline import PIPELINE_ID, PRICE_PIPELINE
from workloads.kit.contracts.indicators import Message
from workloads.kit.contracts.messages import Price
from workloads.kit.contracts.sources.columns import Columns
from workloads.kit.contracts.sources.kinds import CsvSource, ParquetSource, Sources
from workloads.kit.producer import TransactionalProducer
from workloads.kit.settings import KafkaSettings
from workloads.price_pipeline.ledger import Held, Ledger
from workloads.price_pipeline.opening import Clock
from workloads.price_pipeline.publish import Window, messages, publish
from workloads.price_pipeline.rows import Refused
from workloads.price_pipeline.settings import RunSettings
from workloads.price_pipeline.settle import outcome
from workloads.price_pipeline.sources.file import FileSource

_SHOWN: Final = 20
"""Rows of each kind that are shown; all are counted."""

_WHOLE: Final = Window()
"""Whatever a file holds was given on purpose: all of it, dated as its source dates it."""


class BadFile(Exception):
    """What was given cannot be ingested; says what to give instead."""


def named(sources: Sources, source: str, file: Path) -> CsvSource | ParquetSource:
    """The configured file source of that name, reading `file`.

    Raises:
        BadFile: there is no such one.
    """
    files = {one.name: one for one in sources.sources if isinstance(one, CsvSource | ParquetSource)}
    if source not in files:
        there = ", ".join(sorted(files)) or "none"
        raise BadFile(f"--as {source}: is no source of kind csv or parquet; there are: {there}")
    if not file.is_file():
        raise BadFile(f"{file}: is no file")
    return files[source].model_copy(update={"path": file, "withhold_years": 0})


def look(settings: KafkaSettings, config: CsvSource | ParquetSource, clock: Clock) -> dict[str, Any]:
    """What publishing the file would do, without doing it, as JSON values.

    `columns` says what each column is taken for; `counts` are those of `publish`; `revised` and `refused`
    show the first rows of each; `confirm` is the word that stands for this file and what the topic held.

    Raises:
        SourceError: the file cannot be read.
        KafkaUnavailable: the brokers do not answer.
    """
    ledger = Ledger.read(settings, {config.name}, of=(config.message,), refusals=False)
    counts: Counter[str] = Counter()
    new: list[Message] = []
    revised: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for message in messages(FileSource(config, clock), _WHOLE, ledger, clock, counts):
        if isinstance(message, Message):
            counts[outcome(message)] += 1
            new.append(message)
            if message.correction and len(revised) < _SHOWN:
                held = ledger.held(message)
                revised.append(_shown(message) | {"was": _was(held)})
        elif len(refused) < _SHOWN:
            refused.append({"line": message.line or None, "row": _text(message), "reason": message.reason})
    return {
        "source": config.name,
        "file": config.path.name,
        "columns": _columns(config.columns),
        "period": f"{config.resolution}, labelled by its {config.labels}, in {config.time_zone}",
        "counts": dict(+counts),
        "symbols": sorted({price.series for price in new}),
        "first": _shown(min(new, key=_start)) if new else None,
        "last": _shown(max(new, key=_start)) if new else None,
        "revised": revised,
        "refused": refused,
        "confirm": _word(config, ledger, new),
    }


def confirm(
    settings: RunSettings, config: CsvSource | ParquetSource, word: str, clock: Clock
) -> dict[str, Any]:
    """Publish what `look` showed; returns the counts. The run is a row of `job_runs` that names the file.

    Raises:
        BadFile: file or topic are not as they were when they were looked at.
        SourceError, Transient, ProducerLost, KafkaUnavailable: as the scheduled run's.
    """
    digest = _digest(config.path)
    run_id = settings.pod_name or f"ingest-{digest[:12]}-{clock():%Y%m%dT%H%M%S}"
    counts: Counter[str] = Counter()
    with (
        # The same writer as the scheduled run's: one of the two publishes at a time.
        TransactionalProducer(settings, PIPELINE_ID) as producer,
        db.connect(settings, application_name=PRICE_PIPELINE.name) as connection,
    ):
        shown = look(settings, config, clock)
        if shown["confirm"] != word:
            raise BadFile(
                f"--confirm {word}: the file or what is published changed since; look again, it would be"
                f" {shown['confirm']}"
            )
        with db.job_run(connection, PRICE_PIPELINE.name, run_id) as detail:
            detail["ingest"] = {"file": config.path.name, "sha256": digest}
            sources: dict[str, dict[str, int]] = detail.setdefault("sources", {})
            try:
                publish(
                    FileSource(config, clock),
                    _WHOLE,
                    Ledger.read(settings, {config.name}, of=(config.message,)),
                    producer,
                    clock,
                    transaction_rows=settings.transaction_rows,
                    counts=counts,
                )
            finally:
                sources[config.name] = dict(counts)
    return {"source": config.name, "file": config.path.name, "counts": dict(+counts)}


def _start(price: Message) -> datetime:
    return price.delivery_start


def _shown(price: Message) -> dict[str, Any]:
    return {
        "symbol": price.series,
        "delivery_start": price.delivery_start.isoformat(),
        "delivery_end": price.delivery_end.isoformat(),
        "published_at": price.published_at.isoformat(),
        "price": None if price.withdrawn else price.amount,
        "of": f"{price.currency}/{price.unit}" if isinstance(price, Price) else price.unit,
    }


def _was(held: Held | None) -> float | None:
    return None if held is None or held.withdrawn else held.amount


def _text(refused: Refused) -> str:
    return refused.raw[:200].decode(errors="backslashreplace")


def _columns(columns: Columns) -> dict[str, str]:
    """Column -> what it is taken for."""
    taken = {
        columns.event_time: "delivery period",
        columns.hour: "hour or position in the day",
        columns.repeated: "whether a repeated hour is the second",
        columns.published_at: "when it was published",
        columns.symbol: "symbol",
        columns.price: "price",
        columns.indicator: "name of the indicator",
        columns.value: "value",
        columns.zone: "zone",
        columns.status: "whether it is withdrawn",
        columns.currency: "currency",
        columns.unit: "unit",
        **{column: f"price of {symbol}" for column, symbol in columns.prices.items()},
        **{column: f"value of {name}" for column, name in columns.indicators.items()},
    }
    return {column: meaning for column, meaning in taken.items() if column is not None}


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _word(config: CsvSource | ParquetSource, ledger: Ledger, new: list[Message]) -> str:
    """Stands for the file and for what publishing it would write."""
    made = hashlib.sha256(_digest(config.path).encode())
    for price in new:
        held = ledger.held(price)
        # Not when it was published: what is corrected is so as of the moment at which it is.
        says = (price.series, price.delivery_start, price.delivery_end, price.amount, price.withdrawn)
        terms = (*price.terms, price.resolution)
        made.update(f"{says} {terms} {held and (held.amount, held.published_at, held.withdrawn)}".encode())
    return made.hexdigest()[:12]
