"""The scheduled run: every configured source once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from functools import partial

import structlog

from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.sources.kinds import (
    ReplaySource,
    SourceConfig,
    Sources,
    Tabled,
    replay_name,
)
from workloads.kit.producer import TransactionalProducer
from workloads.price_pipeline import job
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.opening import Clock, open_source
from workloads.price_pipeline.publish import Window, publish
from workloads.price_pipeline.reading import Reading, narrows, since
from workloads.price_pipeline.settings import RunSettings

_log = structlog.get_logger(__name__)


def run(
    settings: RunSettings,
    sources: Sources,
    only: Collection[str],
    backfill: tuple[datetime, datetime] | None,
    clock: Clock,
) -> None:
    """Publish what the topic lacks of each source (of `only`, where it names some).

    `backfill` looks at that range of event times, as the sources date it, instead of from each watermark on.
    Raises as `job.each`.
    """
    chosen = _chosen(sources, only, backfill is not None)
    rows = settings.transaction_rows
    job.each(
        settings,
        [(one.name, partial(publish_source, one, sources, backfill, clock, rows)) for one in chosen],
        job=PRICE_PIPELINE,
        published=sources.published,
        messages=sources.messages,
        said={"backfill": [instant.isoformat() for instant in backfill]} if backfill else {},
    )


def _chosen(sources: Sources, only: Collection[str], backfill: bool) -> list[SourceConfig]:
    chosen: list[SourceConfig] = []
    for config in sources.sources:
        if only and config.name not in only:
            continue
        # A replay has no past to fill, and the continuous one is published by its own service.
        if isinstance(config, ReplaySource) and (backfill or config.published_by != "run"):
            continue
        chosen.append(config)
    return chosen


def publish_source(
    config: SourceConfig,
    sources: Sources,
    backfill: tuple[datetime, datetime] | None,
    clock: Clock,
    transaction_rows: int,
    ledger: Ledger,
    producer: TransactionalProducer,
    tally: Counter[str],
) -> None:
    """Publish what the ledger lacks of one source; errors as those of `publish`, and SourceError where what
    it gave was published but is not all, or where all that it gave was refused."""
    source = open_source(config, sources, ledger.anchor, clock)
    if isinstance(config, Tabled) and config.assumed:
        _log.warning(
            "terms_assumed",
            source=config.name,
            **config.assumed,
            remedy="state them in the source's settings",
        )

    def read(reading: Reading, window: Window) -> None:
        publish(reading, window, ledger, producer, clock, transaction_rows=transaction_rows, counts=tally)

    window = _window(config, ledger, backfill, clock())
    cut_off = window.since is not None and not window.backfill and narrows(config)
    reading = Reading(source, known=ledger.series(config.name) if cut_off else None)
    read(reading, window)
    if reading.new:
        # Symbols that are new in it: asked for from their first rows.
        _log.info("new_symbols", source=config.name, symbols=sorted(reading.new))
        history = Reading(source, only=frozenset(reading.new))
        read(history, Window(look_back=window.look_back))
        reading.incomplete = reading.incomplete or history.incomplete
    if isinstance(config, Tabled) and config.publishes == "prices":
        _warn_of_shared(config, ledger)
    if reading.incomplete is not None:
        raise reading.incomplete
    reading.require_prices(tally)


def _warn_of_shared(config: Tabled, ledger: Ledger) -> None:
    """Consumers know a series by its symbol: of a period that two sources price the last published holds."""
    for (other, series), periods in sorted(ledger.shared(config.name).items()):
        if other != replay_name(config.name):
            _log.warning(
                "series_of_two_sources",
                source=config.name,
                other=other,
                series=series,
                periods=periods,
                remedy="windows and models take both for one: give one of them another symbol",
            )


def _window(
    config: SourceConfig, ledger: Ledger, backfill: tuple[datetime, datetime] | None, now: datetime
) -> Window:
    if backfill:
        return Window(*backfill)
    if isinstance(config, ReplaySource):
        return Window()
    return Window(since=since(config, ledger, now), look_back=config.look_back)
