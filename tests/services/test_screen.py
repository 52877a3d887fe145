"""What `make status`, `make try` and the dashboards show, asked of a real feature store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_prices, revise
from tools import screen
from workloads.superset.dashboards.prices import PRICES


def test_every_symbol_has_its_line_and_tomorrows_price_is_not_said_to_be_past(
    database: MigratedDatabase,
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(hours=20, minutes=1)
    add_prices(database, "SYN-PAST", [61.5], start=datetime(2020, 1, 1, tzinfo=UTC))
    add_prices(database, "SYN-AHEAD", [-4.2], start=tomorrow)
    # Of one the last price was withdrawn, of the other all there was.
    days = add_prices(database, "SYN-BACK", [71.25, 99.0], start=datetime(2020, 1, 1, tzinfo=UTC))
    revise(database, "SYN-BACK", days[1], at=days[1] + timedelta(days=9), withdrawn="source")
    (day,) = add_prices(database, "SYN-NONE", [88.0], start=datetime(2020, 1, 1, tzinfo=UTC))
    revise(database, "SYN-NONE", day, at=day + timedelta(days=9), withdrawn="source")

    def query(sql: str) -> list[dict[str, Any]]:
        with database.admin() as connection:
            (rows,) = connection.execute(screen.as_json(sql).encode()).fetchone() or ([],)
        assert isinstance(rows, list)
        return rows

    forecast = {"prediction": 1.0, "lower": 0.0, "upper": 2.0, "nominal_level": 0.9, "model_alias": "naive"}
    forecast |= {"skill": "none", "skill_score": None, "coverage_count": 0, "model_version": 0}
    table = screen.prices(screen.Source(query=query, forecast=lambda _: forecast))

    out = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    out.print(table)
    lines = out.export_text().splitlines()
    [past] = [line for line in lines if "SYN-PAST" in line]
    [ahead] = [line for line in lines if "SYN-AHEAD" in line]
    [back] = [line for line in lines if "SYN-BACK" in line]
    assert "71.25 EUR/t" in back
    assert not [line for line in lines if "SYN-NONE" in line]
    assert "61.50 EUR/t" in past
    assert "2020-01-01" in past
    assert "-4.20 EUR/t" in ahead
    assert "in 20 h" in ahead


def test_the_dashboards_show_the_newest_revision_and_nothing_that_was_withdrawn(
    database: MigratedDatabase,
) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = add_prices(database, "SYN-A", [1.0, 2.0, 3.0], start=today - timedelta(days=9))
    revise(database, "SYN-A", days[0], at=days[0] + timedelta(days=2), price=1.5)
    for day in days[1:]:
        revise(database, "SYN-A", day, at=day + timedelta(days=2), withdrawn="platform")
    revise(database, "SYN-A", days[2], at=days[2] + timedelta(days=3), price=3.5)
    shown = database.query(f"SELECT delivery_start, price FROM ({PRICES.sql}) shown ORDER BY 1")
    assert shown == [(days[0], 1.5), (days[2], 3.5)]
