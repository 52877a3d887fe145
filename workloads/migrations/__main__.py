"""`python -m workloads.migrations upgrade` and `… partitions` (PostgreSQL), and `… topics` (Kafka).

Exit codes: 0 all is as declared, 1 it could not be made so, 2 a setting or a secret is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import structlog
from confluent_kafka import KafkaException

from workloads.kit import log
from workloads.kit.contracts.declared.migrations import PARTITIONS
from workloads.kit.ending import heed_sigterm
from workloads.kit.kafka import KafkaUnavailable, error_of
from workloads.kit.records import Transient
from workloads.kit.settings import load
from workloads.migrations import database, topics
from workloads.migrations.settings import DatabaseSettings, TopicSettings

_log = structlog.get_logger(__name__)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m workloads.migrations", description=__doc__)
    parser.add_argument("target", choices=("upgrade", "partitions", "topics"))
    target = parser.parse_args().target
    log.configure(PARTITIONS.name if target == "partitions" else "migrations")
    if target == "topics":
        return _topics(load(TopicSettings))
    make = database.keep_partitions if target == "partitions" else database.upgrade
    return _database(make, load(DatabaseSettings))


def _database(make: Callable[[DatabaseSettings], None], settings: DatabaseSettings) -> int:
    try:
        make(settings)
    except database.MissingSecret as error:
        print(error, file=sys.stderr)
        return 2
    except Transient as error:
        _log.error("database_away", error=str(error))
        return 1
    return 0


def _topics(settings: TopicSettings) -> int:
    try:
        for change in topics.reconcile(settings):
            _log.info("topic_changed", change=change)
    except topics.CannotReconcile as error:
        print(error, file=sys.stderr)
        return 1
    except KafkaUnavailable as error:
        _log.error("kafka_away", error=str(error))
        return 1
    except KafkaException as failure:
        _log.error("kafka_refused", error=str(error_of(failure)))
        return 1
    return 0


if __name__ == "__main__":
    heed_sigterm()
    sys.exit(main())
