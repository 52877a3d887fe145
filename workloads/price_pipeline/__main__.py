"""`python -m workloads.price_pipeline run | ingest | replay | inject | letters | load`.

Exit codes: 0 done, 1 failed (the failure is logged and named), 2 bad configuration or arguments.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TypeVar, get_args

import structlog
from confluent_kafka import KafkaException

from workloads.kit import log
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE, PRICE_REPLAY
from workloads.kit.contracts.earlier import PriceV1
from workloads.kit.contracts.messages import SYNTHETIC_PREFIX, Price, Product
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import ProducerLost
from workloads.kit.records import Transient
from workloads.kit.settings import KafkaSettings
from workloads.kit.settings import load as load_settings
from workloads.price_pipeline import config
from workloads.price_pipeline.columns import NAME_PATTERN
from workloads.price_pipeline.settings import ReplaySettings, RunSettings, SourcesSettings
from workloads.price_pipeline.sources import SourceError

S = TypeVar("S", bound=SourcesSettings)

_OK, _FAILED, _BAD = 0, 1, 2
_FAILURES = (SourceError, Transient, ProducerLost, KafkaUnavailable, KafkaException)


def main(arguments: list[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    log.configure((PRICE_REPLAY if args.command == "replay" else PRICE_PIPELINE).name)
    try:
        return int(args.start(args))
    except config.BadSources as error:
        return _bad(*error.problems)
    except _FAILURES as error:
        structlog.get_logger(__name__).error("failed", error=f"{type(error).__name__}: {error}")
        return _FAILED


def _run(args: argparse.Namespace) -> int:
    from workloads.price_pipeline import run

    settings, sources = _sources(RunSettings)
    names = {source.name for source in sources.sources}
    if unknown := sorted(set(args.source) - names):
        return _bad(f"--source {', '.join(unknown)}: {settings.sources_file} has {', '.join(sorted(names))}")
    backfill = None
    if args.backfill:
        first, last = args.backfill
        if first > last:
            return _bad(f"--backfill {first} {last}: FROM is after TO")
        backfill = (datetime.combine(first, time.min, UTC), datetime.combine(last, time.max, UTC))
    try:
        run.run(settings, sources, args.source, backfill, _now)
    except run.RunFailed:
        # Each failed source was logged with its reason.
        return _FAILED
    return _OK


def _replay(_: argparse.Namespace) -> int:
    from workloads.price_pipeline.replay import Replay

    settings, sources = _sources(ReplaySettings)
    replay = sources.replay
    if replay is None or replay.published_by != "replay":
        return _bad(f"{settings.sources_file}: has no source of kind replay with published_by: replay")
    Replay(settings, sources, replay, _now).run()
    return _OK


def _inject(args: argparse.Namespace) -> int:
    from workloads.price_pipeline.inject import BadPrice, Given, inject

    settings, sources = _sources(SourcesSettings)
    if args.source in sources.published:
        return _bad(
            f"--source {args.source}: its prices come from {settings.sources_file}; choose another name"
        )
    given = Given(
        args.source,
        args.symbol,
        args.price,
        args.event_time,
        args.market,
        args.currency,
        args.unit,
        args.product,
        args.resolution,
        args.time_zone,
    )
    try:
        outcome, price = inject(settings, given, _now())
    except BadPrice as error:
        return _bad(str(error))
    print(
        json.dumps(
            {
                "outcome": outcome,
                "source": price.source,
                "symbol": price.symbol,
                "delivery_start": price.delivery_start.isoformat(),
                "delivery_end": price.delivery_end.isoformat(),
                "published_at": price.published_at.isoformat(),
                "price": price.price,
            }
        )
    )
    return _OK


def _ingest(args: argparse.Namespace) -> int:
    from workloads.price_pipeline import ingest

    settings, sources = _sources(RunSettings)
    try:
        source = ingest.named(sources, args.source, args.file)
        if args.confirm is None:
            answer = ingest.look(settings, source, _now)
        else:
            answer = ingest.confirm(settings, source, args.confirm, _now)
    except ingest.BadFile as error:
        return _bad(str(error))
    print(json.dumps(answer), flush=True)
    return _OK


def _letters(args: argparse.Namespace) -> int:
    from workloads.price_pipeline import letters

    settings = load_settings(KafkaSettings)
    choice = letters.Choice(args.at, args.symbol, args.since, args.until)
    held = letters.read(settings)
    if unknown := sorted(set(args.at) - {letter.place for letter in held}):
        return _bad(f"--at {', '.join(unknown)}: no message there was refused; without --at all are listed")
    found = choice.of(held)
    changes = dict(args.set)
    if not args.send:
        print(json.dumps({"letters": [letter.summary() for letter in found]}), flush=True)
        return _OK
    if not (args.reason or "").strip():
        return _bad("--send needs --reason: it is recorded")
    waiting = [letter for letter in found if args.again or letter.sent_again is None]
    prices, problems = [], []
    for letter in waiting:
        try:
            prices.append((letter, letters.repaired(letter, changes)))
        except letters.NotRepaired as error:
            problems.append(str(error))
    if problems:
        return _bad(*problems, "nothing was sent: repair with --set, or choose others with --at")
    if prices:
        letters.send(settings, prices, changes, args.by, args.reason, _now())
    print(json.dumps({"sent": len(prices), "sent_before": len(found) - len(waiting)}), flush=True)
    return _OK


def _load(args: argparse.Namespace) -> int:
    from workloads.price_pipeline.load import Load

    result = Load(
        load_settings(KafkaSettings),
        source=args.source,
        symbols=args.symbols,
        count=args.count,
        rate=args.rate,
        deadline=args.deadline,
    ).run()
    print(json.dumps(result.summary()), flush=True)
    return _OK if result.complete else _FAILED


def _sources(settings: type[S]) -> tuple[S, config.Sources]:
    loaded = load_settings(settings)
    return loaded, config.load(loaded.sources_file)


def _now() -> datetime:
    return datetime.now(UTC)


def _bad(*problems: str) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)
    return _BAD


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PRICE_PIPELINE.name, description="Bring prices onto commodity-prices."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="publish what the topic lacks of each source, once")
    run.add_argument(
        "--backfill",
        nargs=2,
        type=_day,
        metavar=("FROM", "TO"),
        help="look at these days (UTC), both included",
    )
    run.add_argument("--source", nargs="+", default=[], metavar="NAME", help="these sources only")
    run.set_defaults(start=_run)

    ingest = commands.add_parser(
        "ingest", help="show what a file would publish as a source; publish it with --confirm"
    )
    ingest.add_argument("file", type=Path)
    ingest.add_argument(
        "--as", dest="source", required=True, type=_name, help="a source of kind csv or parquet"
    )
    ingest.add_argument("--confirm", metavar="WORD", help="the word that looking at it gave")
    ingest.set_defaults(start=_ingest)

    replay = commands.add_parser("replay", help="publish the withheld years step by step, until stopped")
    replay.set_defaults(start=_replay)

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
    inject.set_defaults(start=_inject)

    letters = commands.add_parser(
        "letters", help="list the messages that consumers refused; send them again, repaired"
    )
    letters.add_argument("--at", nargs="+", type=_place, default=[], metavar="PARTITION@OFFSET")
    letters.add_argument("--symbol", help="of this symbol")
    letters.add_argument("--since", type=_instant, help="whose delivery starts then or later; UTC")
    letters.add_argument("--until", type=_instant, help="whose delivery starts then or earlier; UTC")
    letters.add_argument(
        "--set", nargs="+", type=_setting, default=[], metavar="FIELD=VALUE", help="null takes a field away"
    )
    letters.add_argument("--send", action="store_true", help="send them; without it they are listed")
    letters.add_argument("--again", action="store_true", help="also those that were sent again before")
    letters.add_argument("--reason", help="why; it is recorded")
    letters.add_argument("--by", default="unknown", help="who; it is recorded")
    letters.set_defaults(start=_letters)

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
    load.set_defaults(start=_load)
    return parser


if __name__ == "__main__":
    sys.exit(main())
