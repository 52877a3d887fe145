"""Arguments of the pipeline's commands."""

from __future__ import annotations

import argparse
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE
from workloads.kit.contracts.earlier import PriceV1
from workloads.kit.contracts.messages import SYNTHETIC_PREFIX, Price, Product
from workloads.kit.contracts.sources.columns import NAME_PATTERN


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2015-01-31") from None


def _name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name: letters, digits, dot, dash and underscore")
    return text


def _symbols(text: str) -> list[str]:
    symbols = [_name(symbol) for symbol in text.split(",")]
    if wrong := [symbol for symbol in symbols if not symbol.startswith(SYNTHETIC_PREFIX)]:
        raise argparse.ArgumentTypeError(f"{', '.join(wrong)}: a load is synthetic: use {SYNTHETIC_PREFIX}…")
    if len(set(symbols)) < len(symbols):
        raise argparse.ArgumentTypeError(f"{text!r} lists a symbol twice")
    return symbols


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-03-29T01:00Z") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _last_instant(text: str) -> datetime:
    instant = _instant(text)
    try:
        date.fromisoformat(text)
    except ValueError:
        return instant
    return instant + timedelta(days=1, microseconds=-1)


def _place(text: str) -> str:
    place = re.fullmatch(r"(\d+)@(\d+)", text, re.ASCII)
    if place is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not PARTITION@OFFSET, such as 3@1704")
    return "@".join(str(int(number)) for number in place.groups())


def _setting(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or name not in (*Price.__struct_fields__, *PriceV1.__struct_fields__):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not FIELD=VALUE with a field of a price: {', '.join(Price.__struct_fields__)}"
        )
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _at_least(least: float, kind: type[int] | type[float]):
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = least - 1
        if not value >= least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least {least:g}")
        return value

    return parse


def parser() -> argparse.ArgumentParser:
    """The commands and what each takes; a wrong argument is refused by name."""
    whole = argparse.ArgumentParser(
        prog=PRICE_PIPELINE.name, description="Bring prices onto commodity-prices."
    )
    commands = whole.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="publish what the topic lacks of each source, once")
    run.add_argument(
        "--backfill",
        nargs=2,
        type=_day,
        metavar=("FROM", "TO"),
        help="look at these days (UTC), both included",
    )
    run.add_argument("--source", nargs="+", default=[], metavar="NAME", help="these sources only")

    ingest = commands.add_parser(
        "ingest", help="show what a file would publish as a source; publish it with --confirm"
    )
    ingest.add_argument("file", type=Path)
    ingest.add_argument(
        "--as", dest="source", required=True, type=_name, help="a source of kind csv or parquet"
    )
    ingest.add_argument("--confirm", metavar="WORD", help="the word that looking at it gave")

    commands.add_parser("replay", help="publish the withheld years step by step, until stopped")

    inject = commands.add_parser("inject", help="publish one price by hand")
    inject.add_argument("--symbol", required=True, type=_name)
    inject.add_argument("--price", required=True)
    inject.add_argument("--event-time", help="start of the delivery, ISO 8601; now by default")
    inject.add_argument("--time-zone", default="UTC", help="of an event time without one; UTC by default")
    inject.add_argument("--source", default="manual", type=_name)
    for name in ("--market", "--currency", "--unit"):
        inject.add_argument(name, help="by default that of the symbol's last price")
    inject.add_argument("--product", choices=get_args(Product), help="likewise")
    inject.add_argument("--resolution", help="likewise; PT15M, PT1H, P1D, …")

    letters = commands.add_parser(
        "letters", help="list the messages that consumers refused; send them again, repaired"
    )
    letters.add_argument("--at", nargs="+", type=_place, default=[], metavar="PARTITION@OFFSET")
    letters.add_argument("--symbol", help="of this symbol")
    letters.add_argument("--since", type=_instant, help="whose delivery starts then or later; UTC")
    letters.add_argument(
        "--until", type=_last_instant, help="whose delivery starts then, or on that day, or earlier; UTC"
    )
    letters.add_argument(
        "--set", nargs="+", type=_setting, default=[], metavar="FIELD=VALUE", help="null takes a field away"
    )
    letters.add_argument("--send", action="store_true", help="send them; without it they are listed")
    letters.add_argument("--again", action="store_true", help="also those that were sent again before")
    letters.add_argument("--reason", help="why; it is recorded")
    letters.add_argument("--by", default="unknown", help="who; it is recorded")

    withdraw = commands.add_parser(
        "withdraw", help="list what holds of a symbol in a range; take it back with --send"
    )
    withdraw.add_argument("--source", required=True, type=_name, help="whose prices")
    withdraw.add_argument("--symbol", required=True, type=_name)
    day = "; UTC unless it has an offset, a date alone is the whole day"
    withdraw.add_argument("--since", required=True, type=_instant, help=f"first delivery start{day}")
    withdraw.add_argument("--until", required=True, type=_last_instant, help=f"last delivery start{day}")
    withdraw.add_argument("--send", action="store_true", help="take them back; without it they are listed")
    withdraw.add_argument("--undo", action="store_true", help="publish what was taken back again")
    withdraw.add_argument("--reason", help="why; it is recorded")
    withdraw.add_argument("--by", default="unknown", help="who; it is recorded")

    load = commands.add_parser("load", help="send a paced load of synthetic prices, for fault tests")
    load.add_argument("--count", required=True, type=_at_least(1, int), help="prices in all")
    load.add_argument("--rate", required=True, type=_at_least(0, float), help="prices a second; 0: unpaced")
    load.add_argument(
        "--symbols", type=_symbols, default=[f"{SYNTHETIC_PREFIX}LOAD-{n}" for n in range(1, 9)]
    )
    load.add_argument("--source", default="load", type=_name)
    load.add_argument(
        "--deadline", type=_at_least(1, float), default=3600.0, help="seconds until it gives up"
    )
    return whole
