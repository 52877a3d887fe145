"""Prices in another unit or currency, as a question asks: what is stored stays as it came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field

from workloads.data_api.problems import Refused
from workloads.kit import units
from workloads.kit.units import NoConversion

CurrencyText = Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")]
UnitText = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,15}$")]


class DisplayQuery(BaseModel):
    """Parameters of a route that gives prices in what is asked for."""

    currency: CurrencyText | None = Field(
        None,
        description="In this currency, where no rate is needed, such as GBP of GBp; as they came by default.",
    )
    unit: UnitText | None = Field(
        None, description="Per this unit, such as MWh of MMBtu, as /v1/units lists; as they came by default."
    )


class Displayed(BaseModel):
    """What an answer says of that."""

    conversion: list[str] = Field(
        description="Where the figures are from that prices were converted by; empty where none was."
    )


def displayed(
    rows: Sequence[dict[str, Any]], columns: Collection[str], query: DisplayQuery
) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows with these columns, and `currency` and `unit`, as asked, and the sources of what that took.

    Refused where nothing leads there.
    """
    if query.currency is None and query.unit is None:
        return list(rows), []
    sources: dict[str, None] = {}
    made: list[dict[str, Any]] = []
    for row in rows:
        to = query.currency or row["currency"], query.unit or row["unit"]
        factor, told = _factor(row["currency"], row["unit"], *to)
        sources |= dict.fromkeys(told)
        changed = {name: row[name] * factor for name in columns} if factor != 1.0 else {}
        made.append({**row, **changed, "currency": to[0], "unit": to[1]})
    return made, list(sources)


def _factor(currency: str, unit: str, wanted: str, to: str) -> tuple[float, tuple[str, ...]]:
    try:
        units.price(1.0, f"{currency}/{unit}", f"{wanted}/{unit}")
    except NoConversion as error:
        raise Refused(
            422,
            str(error),
            field="currency",
            value=wanted,
            remedy=f"ask in {currency}, and convert by a rate of your own: none are kept here",
            reason="invalid",
        ) from error
    try:
        return _cached(f"{currency}/{unit}", f"{wanted}/{to}")
    except NoConversion as error:
        raise Refused(
            422,
            str(error),
            field="unit",
            value=to,
            remedy=f"ask per {unit}, or a unit of its dimension: /v1/units lists them",
            reason="invalid",
        ) from error


@cache
def _cached(of: str, to: str) -> tuple[float, tuple[str, ...]]:
    found = units.price(1.0, of, to)
    return found.value, found.sources
