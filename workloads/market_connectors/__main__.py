"""`python -m workloads.market_connectors run | look | list`.

Exit codes: 0 done, 1 failed (the failure is logged and named), 2 bad configuration or arguments.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Final

import structlog
from confluent_kafka import KafkaException

from workloads.kit import egress, log
from workloads.kit.contracts.declared.market_connectors import MARKET_CONNECTORS, MARKET_JOBS
from workloads.kit.contracts.market import Market
from workloads.kit.contracts.markets import MARKETS
from workloads.kit.ending import heed_sigterm
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import ProducerLost
from workloads.kit.records import Transient
from workloads.kit.settings import load as load_settings
from workloads.market_connectors import page
from workloads.market_connectors.feeds import feeds
from workloads.market_connectors.points import Days
from workloads.market_connectors.settings import MarketRunSettings, MarketSettings

_OK, _FAILED, _BAD = 0, 1, 2
_FIRST: Final = date(1990, 1, 1)
"""The first pool of electricity, that of England and Wales, opened in that year."""
_AHEAD: Final = timedelta(days=366)


class _BadArguments(Exception):
    pass


def main(arguments: list[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    log.configure(MARKET_JOBS[args.group].name)
    try:
        match args.command:
            case "run":
                return _run(args)
            case "look":
                return _look(args)
            case _:
                print(page.table(MARKETS.values()), end="")
                return _OK
    except _BadArguments as error:
        print(error, file=sys.stderr)
        return _BAD


def _run(args: argparse.Namespace) -> int:
    from workloads.market_connectors.run import run
    from workloads.price_pipeline.job import RunFailed

    asked = _range(args)
    if args.again and asked is None:
        raise _BadArguments("--again goes with --from and --to: the days that are asked for again")
    egress.use(MARKET_JOBS[args.group].name)
    settings = load_settings(MarketRunSettings)
    markets = _chosen(settings.markets, args.market, args.group)
    if not markets:
        structlog.get_logger(__name__).info("no_markets", group=args.group)
        return _OK
    try:
        run(settings, markets, asked, MARKET_JOBS[args.group], _now, again=args.again)
    except RunFailed:
        # Each feed that failed was logged with its reason.
        return _FAILED
    except (Transient, ProducerLost, KafkaUnavailable, KafkaException) as error:
        structlog.get_logger(__name__).error("failed", error=f"{type(error).__name__}: {error}")
        return _FAILED
    return _OK


def _look(args: argparse.Namespace) -> int:
    """Print what the markets give, a line a number; publish nothing."""
    from workloads.market_connectors.asking import asking, transport
    from workloads.market_connectors.source import MarketSource
    from workloads.price_pipeline.sources import SourceError

    asked = _range(args)
    if asked is None:
        raise _BadArguments("look needs --from and --to: days such as 2026-03-29, both included")
    egress.use(MARKET_JOBS[args.group].name)
    settings = load_settings(MarketSettings)
    markets = _chosen(settings.markets, args.market, None)
    status = _OK
    way = transport(settings, markets)
    with way.installed():
        for feed in (feed for market in markets for feed in feeds(market)):
            source = MarketSource(
                feed,
                Days(*asked, feed.market.time_zone),
                asking(settings, way),
                known=lambda _: False,
                now=_now(),
                workload=MARKET_CONNECTORS.name,
            )
            try:
                for row in source.rows(None, None):
                    print(json.dumps({"feed": feed.name, **json.loads(row.raw)}), flush=True)
            except SourceError as error:
                print(json.dumps({"feed": feed.name, "error": str(error)}), flush=True)
                status = _FAILED
    return status


def _chosen(configured: Collection[str], asked: Collection[str], group: str | None) -> list[Market]:
    if unknown := sorted({*configured, *asked} - set(MARKETS)):
        raise _BadArguments(
            f"there is no market {', '.join(map(repr, unknown))}; there are {', '.join(MARKETS)}"
        )
    for name in sorted(asked):
        if group not in (None, of := MARKETS[name].group):
            raise _BadArguments(f"--market {name} is of group {of}, and this is {group}: give --group {of}")
    if others := sorted(set(asked) - set(configured)):
        raise _BadArguments(f"--market {', '.join(others)}: MARKETS has {', '.join(sorted(configured))}")
    chosen = [MARKETS[name] for name in MARKETS if name in configured and (not asked or name in asked)]
    return [market for market in chosen if group in (None, market.group)]


def _range(args: argparse.Namespace) -> tuple[date, date] | None:
    if (args.first is None) != (args.last is None):
        raise _BadArguments("--from and --to go together: the first and the last day, both included")
    if args.first is None:
        return None
    if args.first > args.last:
        raise _BadArguments(f"--from {args.first} --to {args.last}: the first is after the last")
    if args.first < _FIRST:
        raise _BadArguments(f"--from {args.first}: no market has anything of before {_FIRST}")
    if args.last > (latest := _now().date() + _AHEAD):
        raise _BadArguments(f"--to {args.last}: give a day up to {latest}; a market's last one is tomorrow")
    return args.first, args.last


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-03-29") from None


def _parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog=MARKET_CONNECTORS.name, description="Bring the prices of power markets onto commodity-prices."
    )
    commands = whole.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show all markets that there are, in Markdown").set_defaults(
        group="europe"
    )
    for name, text in (
        ("run", "publish what is due, or with --from and --to what the topics lack of these days"),
        ("look", "show what the markets give of these days, and publish nothing"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--group", choices=MARKET_JOBS, default="europe", help="whose job it is")
        command.add_argument("--market", nargs="+", default=[], metavar="NAME", help="these markets only")
        command.add_argument("--from", dest="first", type=_day, metavar="DAY", help="of each market, local")
        command.add_argument("--to", dest="last", type=_day, metavar="DAY", help="likewise, included")
        if name == "run":
            text = "also days that the topics have whole: what was corrected since is a correction"
            command.add_argument("--again", action="store_true", help=text)
    return whole


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    heed_sigterm()
    sys.exit(main())
