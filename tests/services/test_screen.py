"""What `make status` and `make try` show, asked of a real feature store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_prices
from tools import screen


def test_every_symbol_has_its_line_and_tomorrows_price_is_not_said_to_be_past(
    database: MigratedDatabase,
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(hours=20, minutes=1)
    add_prices(database, "SYN-PAST", [61.5], start=datetime(2020, 1, 1, tzinfo=UTC))
    add_prices(database, "SYN-AHEAD", [-4.2], start=tomorrow)

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
    assert "61.50 EUR/t" in past
    assert "2020-01-01" in past
    assert "-4.20 EUR/t" in ahead
    assert "in 20 h" in ahead
