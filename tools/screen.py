"""What a person sees of the data: prices and predictions, jobs, model changes.

Where the rows come from is the caller's: a cluster's pods (`status.py`) or processes here (`tryout`).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table

from tools.console import duration
from tools.errors import CommandFailed, ToolError
from workloads.kit.contracts import tables

Row = dict[str, Any]

WIDTH = 170


@dataclass(frozen=True)
class Source:
    """Where it is read.

    Args:
        query: rows of a statement on the feature store, as `as_json` has it answered.
        forecast: what the model server predicts for a symbol now; CommandFailed where it does not.
    """

    query: Callable[[str], list[Row]]
    forecast: Callable[[str], Row]


# Along an index from its end: of a period's revisions it is the newest that says whether it was withdrawn.
LATEST = f"""
select p.symbol, c.price, c.currency, c.unit, c.delivery_start, c.resolution, c.provenance, c.replayed_from,
  m.available_time
from (select distinct symbol from {tables.SCHEMA}.{tables.COMMODITY_PRICES_DAILY}) p
cross join lateral (
  select * from {tables.SCHEMA}.{tables.COMMODITY_PRICES_DAILY} c where c.symbol = p.symbol and (
    select said.withdrawn is null from {tables.SCHEMA}.{tables.COMMODITY_PRICES_DAILY} said
    where said.source = c.source and said.symbol = c.symbol and said.delivery_start = c.delivery_start
      and said.resolution = c.resolution order by said.published_at desc limit 1)
  order by delivery_start desc, published_at desc limit 1) c
left join lateral (
  select max(available_time) as available_time from {tables.SCHEMA}.{tables.ML_PREDICTIONS} m
  where m.symbol = p.symbol) m on true
where p.symbol not like '%-LOAD-%'
order by c.provenance = 'synthetic', p.symbol
"""

RUNS = f"""
select distinct on (job) job, status, started_at, finished_at, detail
from {tables.SCHEMA}.{tables.JOB_RUNS} order by job, started_at desc
"""

EVENTS = f"""
select at, symbol, event, from_version, to_version, actor, reason
from {tables.SCHEMA}.{tables.MODEL_EVENTS} where event in ('promoted', 'rolled_back')
order by at desc limit 10
"""


QUALITY = f"""
select severity, count(*) as alerts, count(distinct source) as sources
from {tables.SCHEMA}.{tables.QUALITY_ALERTS}
where state = 'open' and detected_at > now() - interval '1 day' and severity <> 'info'
group by severity order by severity
"""


CAUGHT_UP = f"""
select (select count(*) from {tables.SCHEMA}.{tables.COMMODITY_PRICES_DAILY}) >= coalesce(sum(
  (source.value->>'published')::bigint + (source.value->>'corrections')::bigint), 0) as ok
from {tables.SCHEMA}.{tables.JOB_RUNS}, jsonb_each(detail->'sources') source
"""
"""Whether the feature store has at least as many prices as the pipeline's runs published."""


def as_json(sql: str) -> str:
    """A statement whose one value is the rows of `sql` as JSON: the same everywhere, whatever reads it."""
    return f"select coalesce(json_agg(r), '[]') from ({sql.strip().rstrip(';')}) r"


def show(*parts: tuple[str, Callable[[], RenderableType]], try_next: Iterable[tuple[str, str]]) -> None:
    """Print a screen to stdout. A part that cannot be read says so in its place, and the rest is shown.

    Args:
        parts: title, and what makes its body.
        try_next: command, and what it does.
    """
    # Written to a file or a log there is no width to keep to.
    out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    for title, part in parts:
        try:
            body = part()
        except (ToolError, LookupError, ValueError) as error:
            reason = error.output.strip() if isinstance(error, CommandFailed) else str(error)
            body = f"[yellow]cannot be read now:[/] {reason[-300:]}"
        out.print(f"\n[bold]{title}[/]")
        out.print(body)
    out.print("\n[bold]Try next[/]")
    for command, about in try_next:
        out.print(f"  {command}  [dim]# {about}", soft_wrap=True)


def prices(source: Source) -> Table:
    """Each symbol: its last price, and what the model server predicts now, with interval and skill."""
    table = Table(box=None, pad_edge=True)
    table.add_column("symbol")
    for column in ("last price", "of", "next session", "interval", "covered"):
        table.add_column(column, justify="right")
    table.add_column("model and skill")
    table.add_column("streamed", justify="right")
    for row in source.query(LATEST):
        when = _ago(row["delivery_start"])
        if row["replayed_from"]:
            when += f" [dim](replay of {row['replayed_from'][:10]})[/]"
        elif row["provenance"] == "synthetic":
            when += " [dim](synthetic)[/]"
        price = f"{row['price']:.2f} {row['currency']}/{row['unit']}"
        streamed = _ago(row["available_time"]) if row["available_time"] else "[dim]not yet"
        table.add_row(row["symbol"], price, when, *_prediction(source, row["symbol"]), streamed)
    return table


def _prediction(source: Source, symbol: str) -> tuple[str, str, str, str]:
    try:
        made = source.forecast(symbol)
    except CommandFailed as error:
        return "[yellow]none", "", "", error.output.strip()[-60:]
    covered = "[dim]no outcome yet"
    if made["coverage_count"]:
        covered = f"{made['realised_coverage']:.0%} of {made['coverage_count']}"
    interval = f"{made['lower']:.2f} … {made['upper']:.2f} at {made['nominal_level']:.0%}"
    naive = made["model_alias"] == "naive"
    model = "naive last value" if naive else f"{made['model_alias']} v{made['model_version']}"
    score = "" if made["skill_score"] is None else f" ({made['skill_score']:+.1%} vs naive)"
    skill = "[green]proven" if made["skill"] == "proven" else "[yellow]skill: none"
    return f"{made['prediction']:.2f}", interval, covered, f"{model}, {skill}{score}"


def jobs(source: Source) -> Table:
    """Each job: its last run, and what came of it."""
    table = Table(box=None, pad_edge=True)
    for column in ("job", "last run", "started", "took", "counts"):
        table.add_column(column)
    for row in source.query(RUNS):
        took = ""
        if row["finished_at"]:
            took = duration((_time(row["finished_at"]) - _time(row["started_at"])).total_seconds())
        colour = {"succeeded": "green", "failed": "red"}.get(row["status"], "yellow")
        counts = " ".join(f"{key}={value}" for key, value in _counts(row["detail"] or {}).items())
        table.add_row(row["job"], f"[{colour}]{row['status']}", _ago(row["started_at"]), took, counts)
    return table


_TOLD = ("published", "corrections", "withdrawn", "refused")


def _counts(detail: Row) -> Counter[str]:
    """A run's detail in a few figures: prices by what became of them, or symbols by what was decided."""
    counts: Counter[str] = Counter()
    for source in detail.get("sources", {}).values():
        # Runs of earlier releases counted less.
        counts += Counter({key: source.get(key, 0) for key in _TOLD})
    counts.update(s.get("decision") or s.get("action") for s in detail.get("symbols", {}).values())
    return counts


def model_events(source: Source) -> Table | str:
    """The last promotions and roll-backs."""
    events = source.query(EVENTS)
    if not events:
        return "  none: no model has been promoted or rolled back"
    table = Table(box=None, show_header=False, pad_edge=True)
    for e in events:
        versions = [e["from_version"], e["to_version"]] if e["from_version"] else [e["to_version"]]
        change = " → ".join(f"v{version}" if version else "none" for version in versions)
        table.add_row(_ago(e["at"]), e["symbol"], f"{e['event']} {change}", e["actor"], e["reason"])
    return table


def quality(source: Source) -> str:
    """Open alerts on data of the last day, in a line."""
    rows = source.query(QUALITY)
    if not rows:
        return "  [green]no open alert of the last day"
    colours = {"critical": "red", "warning": "yellow"}
    counts = [
        f"[{colours[r['severity']]}]{r['alerts']} {r['severity']}[/] of {r['sources']} sources" for r in rows
    ]
    return f"  {', '.join(counts)}, open of the last day  [dim]python -m tools quality list"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _ago(text: str) -> str:
    """How long ago, or ahead, in its largest unit; the date when that is more than two days."""
    seconds = (datetime.now(UTC) - _time(text)).total_seconds()
    words = "{} ago" if seconds >= 0 else "in {}"
    seconds = abs(seconds)
    if seconds > 48 * 3600:
        return text[:10]
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return words.format(f"{seconds / size:.0f} {unit}")
    return words.format(f"{seconds:.0f} s")
