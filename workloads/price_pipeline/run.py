"""The scheduled run: every source once, and a row in `job_runs` that outlives the pod."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Collection
from datetime import datetime

import stamina
import structlog
from confluent_kafka import KafkaException

from workloads.kit import db
from workloads.kit.contracts.declared.price_pipeline import PIPELINE_ID, PRICE_PIPELINE
from workloads.kit.contracts.sources.kinds import ReplaySource, SourceConfig, Sources
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost, TransactionalProducer
from workloads.kit.records import Transient
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.opening import Clock, open_source
from workloads.price_pipeline.publish import Window, publish
from workloads.price_pipeline.reading import Reading, narrows, since
from workloads.price_pipeline.settings import RunSettings
from workloads.price_pipeline.sources import SourceError

_log = structlog.get_logger(__name__)

JOB = PRICE_PIPELINE.name
"""One run publishes at a time: a second one fences the first."""

_OURS = (Transient, ProducerLost, KafkaUnavailable, KafkaException)
"""Failures of the platform, not of a source; but an `Aborted` that comes each time may be due to a row."""

_COUNTS = ("published", "corrections", "skipped", "refused", "unobserved")


class RunFailed(Exception):
    """Some source could not be read; the others were published."""


def run(
    settings: RunSettings,
    sources: Sources,
    only: Collection[str],
    backfill: tuple[datetime, datetime] | None,
    clock: Clock,
) -> None:
    """Publish what the topic lacks of each source (of `only`, where it names some).

    `backfill` looks at that range of event times, as the sources date it, instead of from each watermark on.

    Raises:
        RunFailed: names the sources that failed and why.
        Transient, ProducerLost, KafkaUnavailable: the database or the brokers are away, or another run took
            over.
    """
    run_id = settings.pod_name or f"{JOB}-{uuid.uuid4()}"
    with _connect(settings) as connection, db.job_run(connection, JOB, run_id) as detail:
        started = time.monotonic()
        if backfill:
            detail["backfill"] = [instant.isoformat() for instant in backfill]
        counts: dict[str, dict[str, int]] = detail.setdefault("sources", {})
        failed: dict[str, str] = detail.setdefault("failed", {})
        # The producer first: no older run can publish once the ledger is read.
        with TransactionalProducer(settings, PIPELINE_ID) as producer:
            ledger = Ledger.read(settings, sources.published, of=sources.messages)
            for config in _chosen(sources, only, backfill is not None):
                tally: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
                try:
                    publish_source(
                        config,
                        sources,
                        backfill,
                        ledger,
                        producer,
                        clock,
                        settings.transaction_rows,
                        tally,
                    )
                except Exception as error:
                    # One source, whatever is wrong with it or its rows, holds no other back.
                    if isinstance(error, _OURS) and not isinstance(error, Aborted):
                        raise
                    known = isinstance(error, SourceError | Aborted)
                    failed[config.name] = str(error) if known else f"{type(error).__name__}: {error}"
                    _log.error(
                        "source_failed",
                        source=config.name,
                        error=failed[config.name],
                        exc_info=not known,
                        **tally,
                    )
                else:
                    _log.info("source_done", source=config.name, **tally)
                finally:
                    counts[config.name] = dict(tally)
        detail["seconds"] = round(time.monotonic() - started, 3)
        if failed:
            raise RunFailed("; ".join(f"source {name}: {why}" for name, why in failed.items()))


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
    ledger: Ledger,
    producer: TransactionalProducer,
    clock: Clock,
    transaction_rows: int,
    tally: Counter[str],
) -> None:
    """Publish what the ledger lacks of one source; errors as those of `publish`, and SourceError where what
    it gave was published but is not all, or where all that it gave was refused."""
    source = open_source(config, sources, ledger.anchor, clock)

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
    if reading.incomplete is not None:
        raise reading.incomplete
    reading.require_prices(tally)


def _window(
    config: SourceConfig, ledger: Ledger, backfill: tuple[datetime, datetime] | None, now: datetime
) -> Window:
    if backfill:
        return Window(*backfill)
    if isinstance(config, ReplaySource):
        return Window()
    return Window(since=since(config, ledger, now), look_back=config.look_back)


@stamina.retry(on=Transient, attempts=None, timeout=60)
def _connect(settings: RunSettings) -> db.Connection:
    return db.connect(settings, application_name=JOB)
