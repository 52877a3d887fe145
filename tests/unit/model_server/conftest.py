"""A model server without gunicorn, its models and prices from a registry and a store in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from workloads.kit.features import DEFAULT
from workloads.kit.registry import Artifact, RegistryError
from workloads.model_server.app import create_app
from workloads.model_server.forecaster import Forecaster
from workloads.model_server.models import Models
from workloads.model_server.settings import ModelServerSettings
from workloads.model_server.store import Asked, Coverage, Delivery, Sessions, StoreAway


class MemoryRegistry:
    """What `models.ModelSource` asks for; `away` makes every call fail, `fetched` lists the downloads."""

    def __init__(self) -> None:
        self.away = False
        self.named: dict[str, dict[str, int]] = {}
        self.artifacts: dict[tuple[str, int], Artifact] = {}
        self.fetched: list[tuple[str, int]] = []

    def add(self, artifact: Artifact, version: int, *names: str) -> None:
        self.artifacts[artifact.card.symbol, version] = artifact
        for name in names:
            self.named.setdefault(artifact.card.symbol, {})[name] = version

    def aliases(self) -> dict[str, dict[str, int]]:
        self._check()
        return {symbol: dict(named) for symbol, named in self.named.items()}

    def fetch(self, symbol: str, version: int) -> Artifact:
        self._check()
        self.fetched.append((symbol, version))
        try:
            return self.artifacts[symbol, version]
        except KeyError as error:
            raise RegistryError("no such version") from error

    def _check(self) -> None:
        if self.away:
            raise RegistryError("away")


class MemoryStore:
    """What the forecaster asks of `store.FeatureStore`."""

    def __init__(self) -> None:
        self.away = False
        self.refused = 0
        self.symbols: dict[str, Sessions] = {}
        self.outcomes: dict[tuple[str, int], Coverage] = {}
        self.as_of: list[datetime | None] = []
        self.deliveries: dict[tuple[str, date], Delivery] = {}

    def sessions(self, symbol: str, as_of: datetime | None, count: int) -> Sessions | None:
        if self.away:
            self.refused += 1
            raise StoreAway("away")
        self.as_of.append(as_of)
        found = self.symbols.get(symbol)
        return found and Sessions(found.event_time, found.prices[-count:])

    def delivery(self, symbol: str, day: date, as_of: datetime | None) -> Delivery | None:
        if self.away:
            raise StoreAway("away")
        self.as_of.append(as_of)
        return self.deliveries.get((symbol, day))

    def coverage(self, asked: Sequence[Asked], outcomes: int) -> Mapping[str, Coverage]:
        return {
            one.symbol: self.outcomes[one.symbol, one.version]
            for one in asked
            if (one.symbol, one.version) in self.outcomes
        }


class Server:
    """The parts of a server, to be arranged and asked."""

    def __init__(self, directory: Path, **changed: Any) -> None:
        self.settings = ModelServerSettings(
            postgres_host="unused", postgres_user="unused", mlflow_tracking_uri="http://unused", **changed
        )
        self.registry = MemoryRegistry()
        self.store = MemoryStore()
        self.models = Models(self.registry, directory, DEFAULT)
        self.forecaster = Forecaster(self.models, self.store, self.settings)

        self.app = create_app(self.settings, self.models, self.forecaster)

    def client(self) -> Any:
        """A `FlaskClient`; Any, because its answers' `json` counts as optional."""
        return self.app.test_client()


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "models")
