"""Changes of what is served: each moves aliases and leaves its event, one change at a time.

The event is written in a transaction that commits after the registry took the change: a change that the
registry refused leaves no event. Aliases move in an order that leaves a servable state wherever it stops.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from workloads.kit.contracts.models import CHALLENGER, CHAMPION, PREVIOUS
from workloads.kit.db import Connection
from workloads.kit.registry import Registry
from workloads.model_training import events
from workloads.model_training.events import Actor

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('carbon-model-aliases'))"


class ChampionChanged(Exception):
    """The champion is not the one that the decision was about."""


@contextmanager
def _change(conn: Connection, registry: Registry, symbol: str) -> Generator[dict[str, int]]:
    with conn.transaction():
        conn.execute(_LOCK)
        yield registry.named(symbol)


def promote(
    conn: Connection, registry: Registry, symbol: str, version: int, *, champion: int | None, reason: str
) -> None:
    """Make `version` the champion and `champion`, which it was compared with, the previous one.

    ChampionChanged, and nothing changes, if that is not the champion any more. Where `version` is it already,
    of a change whose event was not committed, the event is all that is added.
    """
    with _change(conn, registry, symbol) as now:
        if now.get(CHAMPION) not in (champion, version):
            raise ChampionChanged(
                f"the champion of {symbol} is version {now.get(CHAMPION)}, not {champion} as when "
                f"version {version} was compared with it"
            )
        events.record(
            conn,
            symbol,
            "promoted",
            from_version=champion,
            to_version=version,
            actor="automatic",
            reason=reason,
        )
        if champion is not None:
            registry.point(symbol, PREVIOUS, champion)
        registry.point(symbol, CHAMPION, version)
        if now.get(CHALLENGER) == version:
            registry.point(symbol, CHALLENGER, None)


def refuse(conn: Connection, registry: Registry, symbol: str, version: int, *, reason: str) -> None:
    """Make `version` the challenger: served, without a claim of skill, only while there is no champion."""
    with _change(conn, registry, symbol) as now:
        events.record(
            conn,
            symbol,
            "refused",
            from_version=version,
            to_version=now.get(CHAMPION),
            actor="automatic",
            reason=reason,
        )
        registry.point(symbol, CHALLENGER, version)


def roll_back(
    conn: Connection,
    registry: Registry,
    symbol: str,
    *,
    champion: int | None = None,
    actor: Actor,
    reason: str,
) -> tuple[int, int | None] | None:
    """Flip the champion to the previous one; returns (from, to).

    The version that was champion becomes the challenger. `to` is None where there was no previous champion:
    the symbol is then served by that challenger, without a claim of skill. None if there is no champion, or
    it is not `champion` any more where that is given.
    """
    with _change(conn, registry, symbol) as now:
        bad, good = now.get(CHAMPION), now.get(PREVIOUS)
        if bad is None or champion not in (None, bad):
            return None
        if good == bad:
            good = None
        events.record(
            conn, symbol, "rolled_back", from_version=bad, to_version=good, actor=actor, reason=reason
        )
        registry.point(symbol, CHALLENGER, bad)
        registry.point(symbol, CHAMPION, good)
        if PREVIOUS in now:
            registry.point(symbol, PREVIOUS, None)
        return bad, good
