"""`python -m workloads.analytics_consumer`: until SIGTERM; exits 2 on bad settings, else as the loop."""

from __future__ import annotations

import sys

from workloads.analytics_consumer.handler import AnalyticsHandler, save_to
from workloads.analytics_consumer.settings import AnalyticsSettings
from workloads.kit import health, log
from workloads.kit.codec import decoder
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.contracts import topics
from workloads.kit.contracts.declared.analytics_consumer import ANALYTICS_CONSUMER
from workloads.kit.contracts.messages import Price
from workloads.kit.db import Database
from workloads.kit.series_states import Pace
from workloads.kit.settings import load

NAME = ANALYTICS_CONSUMER.name


def main() -> int:
    log.configure(NAME)
    settings = load(AnalyticsSettings)
    with Database(settings, application_name=NAME) as database:
        handler = AnalyticsHandler(save_to(database), history=settings.history_sessions)
        states = handler.states(database, settings.kafka_group, Pace.of(settings))
        loop = ConsumerLoop(
            settings, topics.COMMODITY_PRICES, decoder(Price), handler, restore=True, states=states
        )
        with health.serve(settings.metrics_port, loop.ready, loop.alive):
            return loop.run()


if __name__ == "__main__":
    sys.exit(main())
