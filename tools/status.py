"""`make status`: what the person sees. Everything on it is read from the running platform at that moment."""

from __future__ import annotations

import json
from collections.abc import Collection
from urllib.parse import quote

from rich.table import Table

from tools import access, kube, paths, pilots, project, screen, sets
from tools.screen import Row, Source
from workloads.kit.contracts import metrics, ports, tables
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.model_server import MODEL_SERVER
from workloads.kit.contracts.declared.prediction_consumer import PREDICTION_CONSUMER
from workloads.kit.contracts.declared.services import PROMETHEUS
from workloads.kit.contracts.namespaces import MONITORING, PLATFORM
from workloads.kit.contracts.platform import DECLARED

_UNWATCHED = f"  [dim]nothing watches: make up WITH={PROMETHEUS.section} adds what does"


def query(sql: str) -> list[Row]:
    """Rows of a query on the platform's database, run inside the PostgreSQL pod.

    Raises:
        CommandFailed: the pod is away or refuses the query, with its words in `output`.
    """
    command = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", tables.DATABASE, "-c", screen.as_json(sql)]
    return json.loads(kube.kubectl("exec", "-n", PLATFORM, "postgres-0", "--", *command))


def prometheus(expression: str) -> list[tuple[dict[str, str], float]]:
    """An instant query's samples: (labels, value)."""
    path = f"/api/v1/query?query={quote(expression)}"
    answer = kube.http(MONITORING, "prometheus", ports.PROMETHEUS, path)
    return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]


def show() -> None:
    """Print the screen. A part that cannot be read says so in its place, and the rest is shown."""
    source = Source(query, forecast)
    screen.show(
        ("What runs", _pods),
        ("Sets", _sets),
        ("Where", _where),
        ("Last prices and predictions", lambda: screen.prices(source)),
        ("Consumers", _lag),
        ("Jobs", lambda: screen.jobs(source)),
        ("Model changes", lambda: screen.model_events(source)),
        ("Data quality", lambda: screen.quality(source)),
        ("Alerts", _alerts),
        try_next=_try_next(),
    )


def _pods() -> Table:
    table = Table(box=None, pad_edge=True)
    for column in ("workload", "ready", "restarts"):
        table.add_column(column)
    groups: dict[str, list[Row]] = {name: [] for name in shown(_names())}
    for namespace in sorted({DECLARED[name].namespace for name in groups}):
        for pod in kube.get("pods", "-n", namespace)["items"]:
            owners = {owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])}
            if "Job" in owners:
                continue
            name = pod["metadata"]["labels"].get("app.kubernetes.io/name", pod["metadata"]["name"])
            groups.setdefault(name, []).append(pod)
    for name, pods in sorted(groups.items()):
        if not pods:
            table.add_row(name, "[red]none", "")
            continue
        states = [s for pod in pods for s in pod["status"].get("containerStatuses", [])]
        ready, restarts = sum(s["ready"] for s in states), sum(s["restartCount"] for s in states)
        colour = "green" if ready == len(pods) else "yellow"
        table.add_row(name, f"[{colour}]{ready}/{len(pods)}", str(restarts))
    return table


def shown(names: Collection[str]) -> list[str]:
    """Those of the names that run all the time: a line each."""
    return [name for name in sorted(names) if DECLARED[name].kind != "job"]


def _names() -> frozenset[str]:
    return sets.names(project.stack_name(), project.chosen_sets())


def _sets() -> str:
    chosen = project.chosen_sets()
    others = [name for name in sets.known(project.stack_name()) if name not in chosen]
    said = f"  in: {', '.join(chosen) or 'the core alone'}"
    return said + (f'  [dim]not in: {", ".join(others)} (make up WITH="…")' if others else "")


def _where() -> Table:
    table = Table(box=None, show_header=False, pad_edge=True)
    names = _names()
    for endpoint in access.ENDPOINTS:
        if endpoint.of not in names:
            continue
        table.add_row(endpoint.name, access.where(endpoint), f"[dim]{endpoint.about}")
    return table


def forecast(symbol: str) -> Row:
    """What the model server predicts for a symbol now."""
    return kube.http(PLATFORM, MODEL_SERVER.name, ports.MODEL_SERVER, f"/predict?symbol={quote(symbol)}")


def _lag() -> Table | str:
    if PROMETHEUS.name not in _names():
        return _UNWATCHED
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


def _alerts() -> Table | str:
    if PROMETHEUS.name not in _names():
        return _UNWATCHED
    answer = kube.http(MONITORING, "prometheus", ports.PROMETHEUS, "/api/v1/alerts")
    alerts = [alert for alert in answer["data"]["alerts"] if alert["state"] == "firing"]
    if not alerts:
        return "  [green]none firing"
    table = Table(box=None, show_header=False, pad_edge=True)
    for alert in alerts:
        name = alert["labels"]["alertname"]
        table.add_row(f"[red]{name}", alert["annotations"].get("summary", ""), f"[dim]runbooks/{name}.md")
    return table


def _data() -> tuple[tuple[str, str], ...]:
    api = access.where(access.by_name(DATA_API.name))
    if not api.startswith("http") or DATA_API.name not in _names():
        return ()
    return ((pilots.example(paths.state_dir(), api), f"prices as data, with the key of {pilots.TENANT}"),)


def _try_next() -> tuple[tuple[str, str], ...]:
    server = access.where(access.by_name(MODEL_SERVER.name))
    ask = f"curl -s '{server}/predict?symbol=WTI'" if server.startswith("http") else server
    return (
        (ask, "a prediction with its interval and skill"),
        *_data(),
        (f"make logs WORKLOAD={PREDICTION_CONSUMER.name}", "watch predictions being made"),
        ('eval "$(make -s env)" && kubectl -n carbon get pods', "use kubectl, pulumi and psql directly"),
    )
