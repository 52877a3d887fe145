"""Redis as what the replicas share, or do without: it is asked only while it answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import redis
import structlog

from workloads.api_integration.metrics import REDIS_AWAY
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.kit import redis_client
from workloads.kit.contracts.declared.api_integration import API_INTEGRATION

T = TypeVar("T")

PREFIX: Final = API_INTEGRATION.name
"""Of all keys in Redis, which other workloads use too."""

_log: Any = structlog.get_logger(__name__)


class Away(Exception):
    """Redis does not answer: each replica does what it may by itself."""


class Shared:
    """The client, and whether it is worth asking."""

    def __init__(self, client: redis.Redis, rest_seconds: float) -> None:
        self.client = client
        self._rest_seconds = rest_seconds
        self._rests_until = 0.0

    @staticmethod
    def of(settings: ApiIntegrationSettings) -> Shared:
        """As the settings say."""
        client = redis_client.connected(
            settings.redis_url, settings.redis_password_file, settings.redis_timeout_seconds
        )
        return Shared(client, settings.redis_rest_seconds)

    def ask(self, question: Callable[[], T]) -> T:
        """What Redis answers. Away where it does not, or did not a moment ago."""
        if time.monotonic() < self._rests_until:
            raise Away
        try:
            return question()
        except redis.RedisError as error:
            self._rests_until = time.monotonic() + self._rest_seconds
            REDIS_AWAY.inc()
            _log.warning("redis.away", error=f"{type(error).__name__}: {error}")
            raise Away from error
