"""`python -m workloads.prediction_consumer`: until SIGTERM; exits 2 on bad settings, else as the loop."""

from __future__ import annotations

import sys

from workloads.kit import health, log
from workloads.kit.codec import decoder
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.contracts import topics
from workloads.kit.contracts.declared.prediction_consumer import PREDICTION_CONSUMER
from workloads.kit.contracts.messages import Price
from workloads.kit.db import Database
from workloads.kit.series_states import Pace
from workloads.kit.settings import load
from workloads.prediction_consumer.handler import Limits, PredictionHandler, save_to
from workloads.prediction_consumer.model_client import ModelClient
from workloads.prediction_consumer.settings import PredictionSettings

NAME = PREDICTION_CONSUMER.name


def main() -> int:
    log.configure(NAME)
    settings = load(PredictionSettings)
    with (
        Database(settings, application_name=NAME) as database,
        ModelClient(
            str(settings.model_server_url),
            settings.model_server_timeout_seconds,
            settings.feature_windows.version,
        ) as model,
    ):
        handler = PredictionHandler(
            model.predict,
            save_to(database),
            spec=settings.feature_windows,
            limits=Limits(settings.predict_max_age_seconds, settings.anomaly_threshold),
            history=settings.history_sessions,
        )
        states = handler.states(database, settings.kafka_group, Pace.of(settings))
        loop = ConsumerLoop(
            settings, topics.COMMODITY_PRICES, decoder(Price), handler, restore=True, states=states
        )
        with health.serve(settings.metrics_port, loop.ready, loop.alive):
            return loop.run()


if __name__ == "__main__":
    sys.exit(main())
