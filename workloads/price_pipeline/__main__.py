"""`python -m workloads.price_pipeline run | ingest | replay | inject | letters | withdraw | load`.

Exit codes: 0 done, 1 failed (the failure is logged and named), 2 bad configuration or arguments.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from typing import TypeVar

import structlog
from confluent_kafka import KafkaException

from workloads.kit import egress, log
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.price_pipeline import PRICE_PIPELINE, PRICE_REPLAY
from workloads.kit.contracts.sources.kinds import Sources
from workloads.kit.ending import heed_sigterm
from workloads.kit.kafka import KafkaUnavailable
from workloads.kit.producer import ProducerLost
from workloads.kit.records import Transient
from workloads.kit.settings import KafkaSettings
from workloads.kit.settings import load as load_settings
from workloads.price_pipeline import config
from workloads.price_pipeline.arguments import parser
from workloads.price_pipeline.settings import PublishSettings, ReplaySettings, RunSettings, SourcesSettings
from workloads.price_pipeline.sources import SourceError

S = TypeVar("S", bound=SourcesSettings)

_OK, _FAILED, _BAD = 0, 1, 2
_FAILURES = (SourceError, Transient, ProducerLost, KafkaUnavailable, KafkaException)


def main(arguments: list[str] | None = None) -> int:
    args = parser().parse_args(arguments)
    log.configure((PRICE_REPLAY if args.command == "replay" else PRICE_PIPELINE).name)
    try:
        return _COMMANDS[args.command](args)
    except config.BadSources as error:
        return _bad(*error.problems)
    except _FAILURES as error:
        structlog.get_logger(__name__).error("failed", error=f"{type(error).__name__}: {error}")
        return _FAILED


def _run(args: argparse.Namespace) -> int:
    from workloads.price_pipeline import run
    from workloads.price_pipeline.job import RunFailed

    egress.use(PRICE_PIPELINE.name)
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
    except RunFailed:
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
    if given.provenance not in settings.provenance:
        return _bad(
            f"--symbol {args.symbol}: its price is {given.provenance}: {env.PROVENANCE} leaves that out"
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
    now, prices, problems = _now(), [], []
    for letter in waiting:
        try:
            prices.append((letter, letters.repaired(letter, changes, now)))
        except letters.NotRepaired as error:
            problems.append(str(error))
    if problems:
        return _bad(*problems, "nothing was sent: repair with --set, or choose others with --at")
    if prices:
        letters.send(settings, prices, changes, args.by, args.reason, now)
    print(json.dumps({"sent": len(prices), "sent_before": len(found) - len(waiting)}), flush=True)
    return _OK


def _withdraw(args: argparse.Namespace) -> int:
    from workloads.price_pipeline import withdraw

    settings = load_settings(KafkaSettings)
    if args.until < args.since:
        return _bad(f"--until {args.until.isoformat()} is before --since {args.since.isoformat()}")
    meant = withdraw.Range(args.source, args.symbol, args.since, args.until)
    if args.send and not (args.reason or "").strip():
        return _bad("--send needs --reason: it is recorded")
    try:
        if not args.send:
            found = [withdraw.summary(price) for price in withdraw.find(settings, meant, undo=args.undo)]
            print(json.dumps({"prices": found}), flush=True)
            return _OK
        count = withdraw.send(settings, meant, args.by, args.reason, _now(), undo=args.undo)
    except withdraw.NothingPublished as error:
        return _bad(str(error))
    print(json.dumps({"published_again" if args.undo else "withdrawn": count}), flush=True)
    return _OK


def _load(args: argparse.Namespace) -> int:
    from workloads.price_pipeline.load import Load

    settings = load_settings(PublishSettings)
    if "synthetic" not in settings.provenance:
        return _bad(f"load: its prices are synthetic, and {env.PROVENANCE} leaves those out")
    result = Load(
        settings,
        source=args.source,
        symbols=args.symbols,
        count=args.count,
        rate=args.rate,
        deadline=args.deadline,
    ).run()
    print(json.dumps(result.summary()), flush=True)
    return _OK if result.complete else _FAILED


def _sources(settings: type[S]) -> tuple[S, Sources]:
    loaded = load_settings(settings)
    return loaded, config.load(loaded.sources_file, loaded.provenance)


def _now() -> datetime:
    return datetime.now(UTC)


def _bad(*problems: str) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)
    return _BAD


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "ingest": _ingest,
    "replay": _replay,
    "inject": _inject,
    "letters": _letters,
    "withdraw": _withdraw,
    "load": _load,
}


if __name__ == "__main__":
    heed_sigterm()
    sys.exit(main())
