"""`python -m workloads.data_quality [prices|indicators]`: until SIGTERM; exits 2 on bad settings, else as the
loop. `python -m workloads.data_quality.review` is for people."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from workloads.data_quality.clock import Clock
from workloads.data_quality.handler import QualityHandler, save_to
from workloads.data_quality.settings import IndicatorQualitySettings, PriceQualitySettings, QualitySettings
from workloads.data_quality.tell import tell
from workloads.kit import health, log
from workloads.kit.codec import decoder
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.contracts.declared.data_quality import DATA_QUALITY
from workloads.kit.contracts.indicators import Indicator
from workloads.kit.contracts.messages import Price
from workloads.kit.db import Database
from workloads.kit.settings import load

NAME = DATA_QUALITY.name
INDICATORS = "indicators"
_WATCHED: dict[str, tuple[type[QualitySettings], type[Price] | type[Indicator]]] = {
    "prices": (PriceQualitySettings, Price),
    INDICATORS: (IndicatorQualitySettings, Indicator),
}


def main(arguments: list[str]) -> int:
    watched = arguments[0] if arguments else "prices"
    if watched not in _WATCHED or len(arguments) > 1:
        print(f"what to watch: {' or '.join(_WATCHED)}, not {' '.join(arguments)!r}", file=sys.stderr)
        return 2
    of_settings, message = _WATCHED[watched]
    log.configure(NAME)
    settings = load(of_settings)
    topic = message.topic
    with (
        Database(settings, application_name=NAME) as database,
        Database(settings, application_name=f"{NAME}-clock") as of_clock,
    ):
        handler = QualityHandler(topic, save_to(database), group=settings.kafka_group)
        decode: Any = decoder(message)
        loop = ConsumerLoop(settings, topic, decode, handler, restore=True)
        told = partial(tell, settings, of_clock, f"{settings.kafka_group}.clock.{settings.pod_name}")
        with (
            Clock(topic, handler.rhythms, told, settings.clock_seconds),
            health.serve(settings.metrics_port, loop.ready, loop.alive),
        ):
            return loop.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
