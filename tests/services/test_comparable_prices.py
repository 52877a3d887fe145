"""Training and serving read the prices that may be compared with the newest, of a symbol that changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_prices
from tests.services.servers import until
from workloads.kit import db
from workloads.model_server.settings import ModelServerSettings
from workloads.model_server.store import FeatureStore, StoreAway
from workloads.model_training import prices

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(database: MigratedDatabase) -> Iterator[FeatureStore]:
    env = {name.lower(): value for name, value in database.env("model_server").items()}
    store = FeatureStore(
        ModelServerSettings.model_validate(env | {"mlflow_tracking_uri": "http://127.0.0.1:1"})
    )
    try:
        yield store
    finally:
        store.close()


@pytest.mark.parametrize(
    ("column", "before"), [("currency", "GBX"), ("unit", "therm"), ("resolution", "PT1H")]
)
def test_prices_from_before_a_change_are_left_out(
    database: MigratedDatabase, store: FeatureStore, column: str, before: str
) -> None:
    days = add_prices(database, "WTI", [1.0, 2.0, 30.0, 40.0], start=START, provenance="market")
    with database.admin() as connection:
        connection.execute(
            f"UPDATE features.commodity_prices_daily SET {column} = %s WHERE delivery_start < %s".encode(),
            (before, days[2]),
        )

    with db.connect(database.settings("model_training"), application_name="test") as connection:
        assert prices.read(connection)["WTI", "real"].price.tolist() == [30.0, 40.0]

    def sessions(as_of: datetime | None) -> list[float]:
        try:
            found = store.sessions("WTI", as_of, 10)
        except StoreAway:
            return []
        return found.prices.tolist() if found else []

    until(lambda: sessions(None) == [30.0, 40.0], "the newest two are read")
    # As of a time before the change, those were the newest.
    assert sessions(days[2] + timedelta(hours=1)) == [1.0, 2.0]
