"""The table of markets as docs/markets.md shows it."""

from __future__ import annotations

from collections.abc import Iterable

from workloads.kit.contracts.market import Market

_HEAD = (
    *("market", "operator", "product", "library and call", "days of", "periods", "currency", "published"),
    *("key", "hosts", "licence of the data"),
)


def table(markets: Iterable[Market]) -> str:
    """A row a market, in Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD), *map(_row, markets)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(market: Market) -> tuple[str, ...]:
    changes = [f"{length} from {day}" for day, length in sorted(market.resolution_from.items())]
    product = (
        f"{market.product}{', forecasts of ' if market.forecasts else ''}{' and '.join(market.forecasts)}"
    )
    return (
        f"`{market.name}`",
        market.operator,
        product,
        f"{market.library}: `{market.call}`{f' of {market.place}' if market.place else ''}",
        market.zone,
        ", ".join((market.resolution, *changes)),
        market.currency,
        _published(market),
        f"`{market.secret}`" if market.secret else "none",
        ", ".join(market.hosts),
        market.licence,
    )


def _published(market: Market) -> str:
    if market.publication is None:
        return "once a period is over"
    return f"{market.publication:%H:%M} the day {'before' if market.publication_day < 0 else 'after'}"
