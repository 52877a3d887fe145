"""Training and serving read the prices that may be compared with the newest, of a symbol that changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_prices, revise
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

    until(lambda: sessions(store, None) == [30.0, 40.0], "the newest two are read")
    # As of a time before the change, those were the newest.
    assert sessions(store, days[2] + timedelta(hours=1)) == [1.0, 2.0]


def sessions(store: FeatureStore, as_of: datetime | None, count: int = 10) -> list[float]:
    """A window's prices; none while the store is not reached."""
    try:
        found = store.sessions("WTI", as_of, count)
    except StoreAway:
        return []
    return found.prices.tolist() if found else []


def test_a_window_reaches_over_what_was_withdrawn(database: MigratedDatabase, store: FeatureStore) -> None:
    days = add_prices(database, "WTI", [1.0, 2.0, 3.0, 4.0, 5.0], start=START, provenance="market")
    withdrawn = days[4] + timedelta(days=9)
    for day in (days[1], days[4]):
        revise(database, "WTI", day, at=withdrawn, withdrawn="source")

    until(lambda: sessions(store, None) == [1.0, 3.0, 4.0], "what holds is read")
    # A window is full of sessions that hold.
    assert sessions(store, None, 3) == [1.0, 3.0, 4.0]
    assert sessions(store, None, 1) == [4.0]
    assert sessions(store, withdrawn) == [1.0, 3.0, 4.0]
    assert sessions(store, withdrawn - timedelta(hours=1)) == [1.0, 2.0, 3.0, 4.0, 5.0]
    revise(database, "WTI", days[4], at=withdrawn + timedelta(days=1), price=6.0)
    assert sessions(store, None) == [1.0, 3.0, 4.0, 6.0]
    assert sessions(store, withdrawn) == [1.0, 3.0, 4.0]


def test_terms_of_a_withdrawn_price_are_not_the_newest(
    database: MigratedDatabase, store: FeatureStore
) -> None:
    days = add_prices(database, "WTI", [1.0, 2.0, 30.0], start=START, provenance="market")
    with database.admin() as connection:
        connection.execute(
            "UPDATE features.commodity_prices_daily SET currency = 'GBX' WHERE delivery_start = %s", [days[2]]
        )
    until(lambda: sessions(store, None) == [30.0], "the newest is read")
    revise(database, "WTI", days[2], at=days[2] + timedelta(days=9), withdrawn="platform")
    assert sessions(store, None) == [1.0, 2.0]
    with db.connect(database.settings("model_training"), application_name="test") as connection:
        assert prices.read(connection)["WTI", "real"].price.tolist() == [1.0, 2.0]
