"""Who asks: the tenant that a request is of, by which credential, and what it is entitled to."""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from workloads.kit.contracts.entitlements import ALL_MARKETS, Entitlement, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Args:
    key: public name of the credential: a key's id, or one made from a person's subject.
    step_up: whether it would have more scopes had it signed in with a second factor.
    requests_per_minute: of this credential, within those of its tenant.
    """

    tenant: str
    key: str
    scopes: frozenset[Scope]
    entitlement: Entitlement
    step_up: bool = False
    requests_per_minute: int | None = None

    @property
    def view(self) -> str:
        """Names what it can see: those with the same see the same."""
        e = self.entitlement
        return f"{','.join(sorted(e.markets))}|{e.history_days}|{e.delay_minutes}"

    @property
    def mark(self) -> str:
        """Makes a cursor or an ETag this tenant's own, under what it is entitled to now."""
        return hashlib.blake2b(f"{self.tenant}|{self.view}".encode(), digest_size=9).hexdigest()

    def may_see(self, market: str) -> bool:
        """Whether it is entitled to a market."""
        return market in self.entitlement.markets or ALL_MARKETS in self.entitlement.markets

    def sees(self, market: str, at: datetime) -> bool:
        """Whether it is entitled to what is delivered, or predicted from a period that begins, at an instant
        in a market; row security says the same of what is stored."""
        days = self.entitlement.history_days
        return self.may_see(market) and (days is None or at >= datetime.now(UTC) - timedelta(days=days))


class NobodyAsks(RuntimeError):
    """Something that depends on who asks was wanted outside of an admitted request."""


_asking: ContextVar[Principal | None] = ContextVar("asking", default=None)

NOBODY: Final = ""
"""Tenant of a transaction that nobody asked for: row security shows it nothing."""


def admit(principal: Principal | None) -> None:
    """From now on this thread's request is theirs; None ends it."""
    _asking.set(principal)


def asking() -> Principal:
    """Who asks. NobodyAsks outside of an admitted request."""
    if (principal := _asking.get()) is None:
        raise NobodyAsks("no principal: the route is not behind the guard")
    return principal


def tenant() -> str:
    """The tenant that row security is told, or `NOBODY`."""
    principal = _asking.get()
    return NOBODY if principal is None else principal.tenant


def newest() -> datetime:
    """The instant up to which who asks sees what was published: now, or some minutes ago."""
    return datetime.now(UTC) - timedelta(minutes=asking().entitlement.delay_minutes)
