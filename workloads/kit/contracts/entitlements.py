"""Who gets what: what a tenant may have of the platform's data, and by which credential it is known.

A stack file says it (`carbon:tenants`), `workloads/migrations` brings it into the table `entitlements`, and
data-api and the database's row security keep it, each for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Product = Literal["hub", "api", "downloads", "quality"]
"""What a tenant can have of the platform. `quality` is for those who watch over the data: what they say of an
alert holds for all tenants."""

Scope = Literal["read", "write", "admin"]
"""What a credential may do: read data, change what is the tenant's own, and manage the tenant."""

Role = Literal["viewer", "developer", "admin"]
"""What a person is within a tenant."""

SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    "viewer": frozenset({"read"}),
    "developer": frozenset({"read", "write"}),
    "admin": frozenset({"read", "write", "admin"}),
}
"""role → what a person of it may do."""

ALL_MARKETS: Final = "*"
"""In place of a market's name: each one."""

INDICATORS_MARKET: Final = "power"
"""Market that a tenant needs for indicators: they are of zones, and what moves the price of power."""

TENANT_SETTING: Final = "carbon.tenant"
"""Setting of a transaction that says whose rows it may see. Row security of the role of data-api reads it."""

MarketName = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63}|\*)$")]


HISTORY_DAYS_MOST: Final = 36_525
"""A hundred years: who sees more sees all, which null says."""


class Entitlement(BaseModel):
    """What one tenant gets, as it goes from the stack file to the database.

    Args:
        markets: their names, or `ALL_MARKETS`; none is none.
        history_days: how far back from now deliveries are seen; None: all.
        delay_minutes: how long after it was published something is seen; 0 is real time.
        rows_per_month: of a calendar month in UTC, over all products; None: any number.
        requests_per_minute: of all its credentials together.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    products: tuple[Product, ...]
    markets: tuple[MarketName, ...]
    history_days: int | None = Field(ge=1, le=HISTORY_DAYS_MOST)
    delay_minutes: int = Field(ge=0)
    rows_per_month: int | None = Field(ge=0)
    requests_per_minute: int = Field(ge=1)
