"""What the person sees of a run: the screen once it predicts, then each prediction and what goes wrong."""

from __future__ import annotations

import json
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from rich.markup import escape
from rich.table import Table

from tools import pilots, screen
from tools.console import console
from tools.embedded.process import Process
from tools.errors import CommandFailed, ToolError
from tools.screen import Row, Source
from tools.tryout.stand import Stand
from tools.tryout.table import API, SERVER, Workload
from workloads.kit.contracts import tables

_FRAME = ("level", "event", "timestamp", "workload")
_NOTABLE = ("warning", "error", "critical")
_NEW = f"""
select symbol, price, prediction, lower, upper, model_alias, skill, available_time
from {tables.SCHEMA}.{tables.ML_PREDICTIONS} where available_time > '{{since}}' order by available_time
"""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds before an ended workload is started again, doubled each time, as the cluster does it."""


def show(stand: Stand) -> None:
    """Print prices and predictions, jobs, and where everything answers."""
    source = Source(stand.query, lambda symbol: _forecast(stand, symbol))
    screen.show(
        ("Last prices and predictions", lambda: screen.prices(source)),
        ("Jobs", lambda: screen.jobs(source)),
        ("Data quality", lambda: screen.quality(source)),
        ("Where", lambda: _where(stand)),
        try_next=(
            (
                f"curl -s '{stand.url(SERVER.name)}/predict?symbol=WTI'",
                "a prediction with its interval",
            ),
            (
                pilots.example(stand.dir, stand.url(API.name)),
                f"prices as data, with the key of {pilots.TENANT}",
            ),
            (_psql(stand), "the feature store"),
            (f"tail -f {shlex.quote(str(stand.logs))}/*.log", "what the workloads say"),
        ),
    )


def watch(stand: Stand, processes: dict[Workload, Process]) -> None:
    """Follow a run, for ever: predictions, warnings, and workloads that end, which are started again."""
    since = datetime.now().astimezone().isoformat()
    warnings = {workload: notable(stand.log(workload)) for workload in processes}
    keepers = [_kept(stand, workload, process) for workload, process in processes.items()]
    while True:
        for workload, lines in warnings.items():
            for line in next(lines):
                console.print(f"[yellow]{workload.name}[/] {escape(line)}", soft_wrap=True)
        for keep in keepers:
            keep()
        try:
            for made in stand.query(_NEW.format(since=since)):
                since = made["available_time"]
                console.print(_prediction(made), soft_wrap=True)
        except ToolError as error:
            console.print(f"[red]{escape(error.message)}", soft_wrap=True)
        time.sleep(1)


def _prediction(made: Row) -> str:
    at = datetime.fromisoformat(made["available_time"]).astimezone()
    return (
        f"[dim]{at:%H:%M:%S}[/]  {made['symbol']:<14} {made['price']:>8.2f} → {made['prediction']:>8.2f}"
        f"   {made['lower']:.2f} … {made['upper']:.2f}   [dim]{made['model_alias']}, skill: {made['skill']}"
    )


def _kept(stand: Stand, workload: Workload, process: Process) -> Callable[[], None]:
    """What starts a workload again whenever it has ended."""
    pause, again = _FIRST_PAUSE, 0.0

    def keep() -> None:
        nonlocal process, pause, again
        if process.running():
            return
        if not again:
            console.print(
                f"[red]{workload.name} ended[/] with exit code {process.code}, again in {pause:g} s;"
                f" its log: {process.log}",
                soft_wrap=True,
            )
            for line in process.tail(5).splitlines():
                console.print(f"  [dim]│[/] {escape(line)}", soft_wrap=True)
            again, pause = time.monotonic() + pause, min(2 * pause, _LONGEST_PAUSE)
        elif time.monotonic() >= again:
            process, again = stand.start(workload), 0.0

    return keep


def notable(log: Path) -> Iterator[list[str]]:
    """At each step the log's new lines of a warning or worse, in short."""
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(0, 2)
        rest = ""
        while True:
            *whole, rest = (rest + file.read()).split("\n")
            yield [found for line in whole if (found := _short(line))]


def _short(line: str) -> str | None:
    try:
        said: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    fields = cast("dict[str, Any]", said)
    if fields.get("level") not in _NOTABLE:
        return None
    words = {
        k: v for k, v in fields.items() if k not in ("level", "event", "timestamp", "workload", "logger")
    }
    return f"{fields['level']}: {fields.get('event')} " + " ".join(f"{k}={v}" for k, v in words.items())


def _where(stand: Stand) -> Table:
    table = Table(box=None, show_header=False, pad_edge=True)
    table.add_row(SERVER.name, stand.url(SERVER.name), "[dim]predictions; /openapi.json says how to ask")
    table.add_row(
        API.name, stand.url(API.name), "[dim]prices and predictions as data; /api/docs shows how to ask"
    )
    table.add_row("mlflow", stand.url("mlflow"), "[dim]models, runs, metrics of training")
    table.add_row("kafka", stand.kafka, "[dim]bootstrap")
    table.add_row("postgres", f"127.0.0.1:{stand.port('postgres')}", "[dim]feature store")
    table.add_row("logs", str(stand.logs), "[dim]one file a workload")
    return table


def _psql(stand: Stand) -> str:
    port, known = stand.port("postgres"), shlex.quote(str(stand.passfile))
    return f"PGPASSFILE={known} psql -h 127.0.0.1 -p {port} -U postgres {tables.DATABASE}"


def _forecast(stand: Stand, symbol: str) -> Row:
    url = f"{stand.url(SERVER.name)}/predict?symbol={quote(symbol)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise CommandFailed(["GET", url], error.code, output=error.read().decode()) from error
    except OSError as error:
        raise CommandFailed(["GET", url], None, output=str(error)) from error
