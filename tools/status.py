"""`make status`: what the person sees. Everything on it is read from the running platform at that moment."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from tools import access, kube
from tools.console import duration
from tools.errors import CommandFailed, ToolError
from workloads.kit.contracts import metrics, ports, tables
from workloads.kit.contracts.namespaces import MONITORING, PLATFORM

Row = dict[str, Any]

WIDTH = 170

LATEST = f"""
select p.symbol, c.price, c.currency, c.unit, c.event_time, c.provenance, c.replayed_from, m.available_time
from (select distinct symbol from {tables.SCHEMA}.{tables.COMMODITY_PRICES_DAILY}) p
cross join lateral (
  select * from {tables.SCHEMA}.{tables.COMMODITY_PRICES_DAILY} c where c.symbol = p.symbol
  order by event_time desc, available_time desc limit 1) c
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


def query(sql: str) -> list[Row]:
    """Rows of a query on the platform's database, run inside the PostgreSQL pod.

    Raises:
        CommandFailed: the pod is away or refuses the query, with its words in `output`.
    """
    wrapped = f"select coalesce(json_agg(r), '[]') from ({sql.strip().rstrip(';')}) r"
    command = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", tables.DATABASE, "-c", wrapped]
    return json.loads(kube.kubectl("exec", "-n", PLATFORM, "postgres-0", "--", *command))


def prometheus(expression: str) -> list[tuple[dict[str, str], float]]:
    """An instant query's samples: (labels, value)."""
    path = f"/api/v1/query?query={quote(expression)}"
    answer = kube.http(MONITORING, "prometheus", ports.PROMETHEUS, path)
    return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]


def show() -> None:
    """Print the screen. A part that cannot be read says so in its place, and the rest is shown."""
    # Written to a file or a log there is no width to keep to.
    out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    for title, part in (
        ("What runs", _pods),
        ("Where", _where),
        ("Last prices and predictions", _prices),
        ("Consumers", _lag),
        ("Jobs", _jobs),
        ("Model changes", _model_events),
        ("Alerts", _alerts),
    ):
        try:
            body = part()
        except (ToolError, LookupError, ValueError) as error:
            reason = error.output.strip() if isinstance(error, CommandFailed) else str(error)
            body = f"[yellow]cannot be read now:[/] {reason[-300:]}"
        out.print(f"\n[bold]{title}[/]")
        out.print(body)
    out.print("\n[bold]Try next[/]")
    for command, about in _try_next():
        out.print(f"  {command}  [dim]# {about}", soft_wrap=True)


def _pods() -> Table:
    table = Table(box=None, pad_edge=True)
    for column in ("workload", "ready", "restarts"):
        table.add_column(column)
    groups: dict[str, list[Row]] = {}
    for namespace in (PLATFORM, MONITORING):
        for pod in kube.get("pods", "-n", namespace)["items"]:
            owners = {owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])}
            if "Job" in owners:
                continue
            name = pod["metadata"]["labels"].get("app.kubernetes.io/name", pod["metadata"]["name"])
            groups.setdefault(name, []).append(pod)
    for name, pods in sorted(groups.items()):
        states = [s for pod in pods for s in pod["status"].get("containerStatuses", [])]
        ready, restarts = sum(s["ready"] for s in states), sum(s["restartCount"] for s in states)
        colour = "green" if ready == len(pods) else "yellow"
        table.add_row(name, f"[{colour}]{ready}/{len(pods)}", str(restarts))
    return table


def _where() -> Table:
    table = Table(box=None, show_header=False, pad_edge=True)
    for endpoint in access.ENDPOINTS:
        table.add_row(endpoint.name, access.where(endpoint), f"[dim]{endpoint.about}")
    return table


def forecast(symbol: str) -> Row:
    """What the model server predicts for a symbol now."""
    return kube.http(PLATFORM, "model-server", ports.MODEL_SERVER, f"/predict?symbol={quote(symbol)}")


def _prices() -> Table:
    table = Table(box=None, pad_edge=True)
    table.add_column("symbol")
    for column in ("last price", "of", "next session", "interval", "covered"):
        table.add_column(column, justify="right")
    table.add_column("model and skill")
    table.add_column("streamed", justify="right")
    for row in query(LATEST):
        when = _ago(row["event_time"])
        if row["replayed_from"]:
            when += f" [dim](replay of {row['replayed_from'][:10]})[/]"
        elif row["provenance"] == "synthetic":
            when += " [dim](synthetic)[/]"
        price = f"{row['price']:.2f} {row['currency']}/{row['unit']}"
        streamed = _ago(row["available_time"]) if row["available_time"] else "[dim]not yet"
        table.add_row(row["symbol"], price, when, *_prediction(row["symbol"]), streamed)
    return table


def _prediction(symbol: str) -> tuple[str, str, str, str]:
    try:
        made = forecast(symbol)
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


def _lag() -> Table:
    table = Table(box=None, pad_edge=True)
    for column in ("group", "lag", "dead letters"):
        table.add_column(column)
    dead = {
        labels.get("group", ""): value
        for labels, value in prometheus(f"sum by (group) ({metrics.CONSUMER_DEAD_LETTERS})")
    }
    for labels, lag in sorted(
        prometheus(f"sum by (group) ({metrics.CONSUMER_LAG})"), key=lambda s: str(s[0])
    ):
        group = labels.get("group", "?")
        table.add_row(group, f"{lag:.0f}", f"{dead.get(group, 0):.0f}")
    return table


def _jobs() -> Table:
    table = Table(box=None, pad_edge=True)
    for column in ("job", "last run", "started", "took", "counts"):
        table.add_column(column)
    for row in query(RUNS):
        took = ""
        if row["finished_at"]:
            took = duration((_time(row["finished_at"]) - _time(row["started_at"])).total_seconds())
        colour = {"succeeded": "green", "failed": "red"}.get(row["status"], "yellow")
        counts = " ".join(f"{key}={value}" for key, value in _counts(row["detail"] or {}).items())
        table.add_row(row["job"], f"[{colour}]{row['status']}", _ago(row["started_at"]), took, counts)
    return table


def _counts(detail: Row) -> Counter[str]:
    """A run's detail in a few figures: prices by what became of them, or symbols by what was decided."""
    counts: Counter[str] = Counter()
    for source in detail.get("sources", {}).values():
        counts += Counter({key: source[key] for key in ("published", "corrections", "refused")})
    counts.update(s.get("decision") or s.get("action") for s in detail.get("symbols", {}).values())
    return counts


def _model_events() -> Table | str:
    events = query(EVENTS)
    if not events:
        return "  none: no model has been promoted or rolled back"
    table = Table(box=None, show_header=False, pad_edge=True)
    for e in events:
        versions = [e["from_version"], e["to_version"]] if e["from_version"] else [e["to_version"]]
        change = " → ".join(f"v{version}" if version else "none" for version in versions)
        table.add_row(_ago(e["at"]), e["symbol"], f"{e['event']} {change}", e["actor"], e["reason"])
    return table


def _alerts() -> Table | str:
    answer = kube.http(MONITORING, "prometheus", ports.PROMETHEUS, "/api/v1/alerts")
    alerts = [alert for alert in answer["data"]["alerts"] if alert["state"] == "firing"]
    if not alerts:
        return "  [green]none firing"
    table = Table(box=None, show_header=False, pad_edge=True)
    for alert in alerts:
        name = alert["labels"]["alertname"]
        table.add_row(f"[red]{name}", alert["annotations"].get("summary", ""), f"[dim]runbooks/{name}.md")
    return table


def _try_next() -> tuple[tuple[str, str], ...]:
    server = access.where(access.by_name("model-server"))
    ask = f"curl -s '{server}/predict?symbol=WTI'" if server.startswith("http") else server
    return (
        (ask, "a prediction with its interval and skill"),
        ("make logs WORKLOAD=prediction-consumer", "watch predictions being made"),
        ('eval "$(make -s env)" && kubectl -n carbon get pods', "use kubectl, pulumi and psql directly"),
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _ago(text: str) -> str:
    """How long ago, in its largest unit; the date when that is more than two days."""
    seconds = max((datetime.now(UTC) - _time(text)).total_seconds(), 0)
    if seconds > 48 * 3600:
        return text[:10]
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
