"""What every scheduled run does: each of its sources once, and a row in `job_runs` that outlives the pod."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import stamina
import structlog
from confluent_kafka import KafkaException

from workloads.kit import db
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.indicators import Message
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import Aborted, ProducerLost, TransactionalProducer
from workloads.kit.records import Transient
from workloads.price_pipeline.ledger import Ledger
from workloads.price_pipeline.settings import RunSettings
from workloads.price_pipeline.sources import SourceError

_log = structlog.get_logger(__name__)

_OURS = (Transient, ProducerLost, KafkaUnavailable, KafkaException)
"""Failures of the platform, not of a source; but an `Aborted` that comes each time may be due to a row."""

_COUNTS = ("published", "corrections", "withdrawn", "skipped", "refused", "unobserved")

Work = Callable[[Ledger, TransactionalProducer, Counter[str]], bool | None]
"""Publishes what the ledger lacks of one source; errors as those of `publish`. False: it did not look."""


class RunFailed(Exception):
    """Some source could not be read; the others were published."""


def each(
    settings: RunSettings,
    works: Iterable[tuple[str, Work]],
    *,
    job: Declaration,
    published: Collection[str],
    messages: Collection[type[Message]],
    said: Mapping[str, Any],
) -> None:
    """Do each work, whatever becomes of the others.

    Args:
        works: by the name of its source, which may come again: it is counted on, and has failed where it
            failed last.
        job: whose run it is. Its name is its producer's id, too: one run of a job publishes at a time, a
            second one fences the first.
        published: every `source` of a message that the works publish.
        messages: what they publish.
        said: of the run, for its row.

    Raises:
        RunFailed: names the sources that failed and why.
        Transient, ProducerLost, KafkaUnavailable: the database or the brokers are away, or another run took
            over.
    """
    run_id = settings.pod_name or f"{job.name}-{uuid.uuid4()}"
    with _connect(settings, job.name) as connection, db.job_run(connection, job.name, run_id) as detail:
        started = time.monotonic()
        detail.update(said)
        counts: dict[str, dict[str, int]] = detail.setdefault("sources", {})
        failed: dict[str, str] = detail.setdefault("failed", {})
        # The producer first: no older run can publish once the ledger is read.
        with TransactionalProducer(settings, job.name) as producer:
            ledger = Ledger.read(settings, published, of=messages)
            for name, work in works:
                tally: Counter[str] = Counter(counts.get(name) or dict.fromkeys(_COUNTS, 0))
                try:
                    looked = work(ledger, producer, tally)
                except Exception as error:
                    # One source, whatever is wrong with it or its rows, holds no other back.
                    if isinstance(error, _OURS) and not isinstance(error, Aborted):
                        raise
                    known = isinstance(error, SourceError | Aborted)
                    failed[name] = str(error) if known else f"{type(error).__name__}: {error}"
                    _log.error("source_failed", source=name, error=failed[name], exc_info=not known, **tally)
                else:
                    if looked is not False:
                        failed.pop(name, None)
                        _log.info("source_done", source=name, **tally)
                finally:
                    counts[name] = dict(tally)
        detail["seconds"] = round(time.monotonic() - started, 3)
        if failed:
            raise RunFailed("; ".join(f"source {name}: {why}" for name, why in failed.items()))


@stamina.retry(on=Transient, attempts=None, timeout=60)
def _connect(settings: RunSettings, job: str) -> db.Connection:
    return db.connect(settings, application_name=job)
