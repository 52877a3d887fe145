"""`python -m workloads.indicator_consumer`: until SIGTERM; exits 2 on bad settings, else as the loop."""

from __future__ import annotations

import sys

from workloads.indicator_consumer.handler import IndicatorHandler, save_to
from workloads.indicator_consumer.settings import IndicatorSettings
from workloads.kit import health, log
from workloads.kit.codec import decoder
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.contracts import topics
from workloads.kit.contracts.declared.indicator_consumer import INDICATOR_CONSUMER
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.db import Database
from workloads.kit.settings import load

NAME = INDICATOR_CONSUMER.name


def main() -> int:
    log.configure(NAME)
    settings = load(IndicatorSettings)
    with Database(settings, application_name=NAME) as database:
        handler = IndicatorHandler(save_to(database))
        loop = ConsumerLoop(settings, topics.MARKET_INDICATORS, decoder(Indicator), handler, restore=False)
        with health.serve(settings.metrics_port, loop.ready, loop.alive):
            return loop.run()


if __name__ == "__main__":
    sys.exit(main())
