"""`python -m workloads.customer_consumer`: until SIGTERM; exits 2 on bad settings, else as the loop."""

from __future__ import annotations

import sys

from workloads.customer_consumer.handler import CustomerHandler, save_to
from workloads.customer_consumer.settings import CustomerConsumerSettings
from workloads.kit import health, log
from workloads.kit.codec import decoder
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.contracts import topics
from workloads.kit.contracts.customers import CustomerEvent
from workloads.kit.contracts.declared.customer_consumer import CUSTOMER_CONSUMER
from workloads.kit.db import Database
from workloads.kit.settings import load

NAME = CUSTOMER_CONSUMER.name


def main() -> int:
    log.configure(NAME)
    settings = load(CustomerConsumerSettings)
    with Database(settings.of_metrics, application_name=NAME) as database:
        handler = CustomerHandler(save_to(database))
        decode = decoder(CustomerEvent)
        loop = ConsumerLoop(settings, topics.CUSTOMER_EVENTS, decode, handler, restore=False)
        with health.serve(settings.metrics_port, loop.ready, loop.alive):
            return loop.run()


if __name__ == "__main__":
    sys.exit(main())
