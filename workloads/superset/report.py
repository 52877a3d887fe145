"""A report: the large figures of dashboards, as a message to a channel of Slack.

Superset's own reports want a queue, a scheduler and a browser in the image. A message of figures needs the
definitions alone: each is asked of the database by the statement that its chart asks.
"""

# Superset's packages are in an environment of their own.
# pyright: reportMissingImports=false, reportMissingModuleSource=false

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from workloads.kit import scrub
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.egress_proxy import EGRESS_PROXY
from workloads.kit.contracts.declared.superset import SUPERSET_REPORT
from workloads.kit.contracts.egress import through
from workloads.superset import connections
from workloads.superset.dashboards import defined
from workloads.superset.dashboards.kinds import NUMBER
from workloads.superset.dashboards.model import Chart, Dashboard
from workloads.superset.settings import MissingSetting, Settings

_log = logging.getLogger(__name__)

_TRIES: Final = 4
_SECONDS: Final = 20
"""The longest that the channel may take to answer."""


class Refused(Exception):
    """The channel did not take the message."""


class Report(BaseModel):
    """Args:
    dashboards: their slugs, in the order in which they stand.
    host: that the message may go to.
    address: at which people reach the dashboards, for links; empty where there is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dashboards: tuple[str, ...]
    host: str
    address: str = ""


@dataclass(frozen=True)
class Figure:
    """What a chart shows, as people read it."""

    name: str
    shown: str


def report(settings: Settings) -> None:
    """Ask for all figures, and send them in one message.

    Raises:
        MissingSetting: what is to be sent, or where, is not said, or makes no sense.
        Refused: the channel did not take it.
    """
    wanted = _wanted()
    webhook = _webhook(wanted.host)
    known = {one.slug: one for one in defined(settings.tenants)}
    if unknown := [slug for slug in wanted.dashboards if slug not in known]:
        raise MissingSetting(
            f"{env.REPORT}: there is no dashboard {unknown[0]}: there are {', '.join(sorted(known))}"
        )
    now = datetime.now(UTC)
    message = text(
        [(known[slug], list(figures(settings, known[slug]))) for slug in wanted.dashboards],
        wanted.address,
        now,
    )
    _send(webhook, {"text": message})
    _log.info("reported %d dashboards", len(wanted.dashboards))


def figures(settings: Settings, dashboard: Dashboard) -> Iterator[Figure]:
    """The large figures of a dashboard; one that cannot be had says so and holds no other back."""
    for chart in dashboard.charts:
        if chart.kind == NUMBER:
            try:
                yield Figure(chart.name, _shown(chart, _asked(settings, chart)))
            except Exception as error:
                # Whatever it is, the others are worth sending.
                _log.error("%s: %s", chart.name, " ".join(str(error).split()))
                yield Figure(chart.name, "not to be had: the job's log says why")


def text(of: Sequence[tuple[Dashboard, Sequence[Figure]]], address: str, at: datetime) -> str:
    """The message, in Slack's own marks."""
    lines = [f"Dashboards as of {at:%Y-%m-%d %H:%M} UTC"]
    for dashboard, shown in of:
        link = f"{address.rstrip('/')}/superset/dashboard/{dashboard.slug}/"
        title = f"<{link}|{_plain(dashboard.title)}>" if address else _plain(dashboard.title)
        lines += ["", f"*{title}*", *(f"• {_plain(one.name)}: {one.shown}" for one in shown)]
    return "\n".join(lines)


def _asked(settings: Settings, chart: Chart) -> Any:
    metric = chart.dataset.metrics[chart.metrics[0]]
    conditions = chart.query["filters"]
    where = " AND ".join(f'"{one["col"]}" = %s' for one in conditions) or "true"
    rows = chart.dataset.sql.replace("%", "%%")
    statement = f"SELECT {metric.replace('%', '%%')} FROM ({rows}) rows WHERE {where}"
    values = [one["val"] for one in conditions]
    reading = connections.connect(settings, settings.reader, chart.dataset.database, connections.READING)
    with closing(reading) as connection, connection.cursor() as cursor:
        # A per cent sign of the statement is one, and no place of a value.
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def _shown(chart: Chart, value: Any) -> str:
    if value is None:
        return "no data"
    if not isinstance(value, int | float | Decimal):
        return str(value)
    # What d3 and Python make of a format is the same, but for whole numbers.
    wanted = str(chart.parameters["y_axis_format"])
    return format(round(value) if wanted.endswith("d") else float(value), wanted)


def _plain(text: str) -> str:
    """Without the three signs that Slack reads as marks."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _wanted() -> Report:
    given = os.environ.get(env.REPORT)
    if not given:
        raise MissingSetting(f"{env.REPORT} is not set: give `reports` in the stack file")
    try:
        return Report.model_validate_json(given)
    except ValueError as error:
        raise MissingSetting(f"{env.REPORT}: {error}") from None


def _webhook(host: str) -> str:
    file = os.environ.get(env.REPORT_WEBHOOK_FILE, "")
    try:
        webhook = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise MissingSetting(f"{env.REPORT_WEBHOOK_FILE} {file}: {error.strerror}") from None
    # What it is must not be shown, nor in the lines of those who ask it: they write its path alone.
    scrub.hide(webhook, urlsplit(webhook).path)
    if urlsplit(webhook).hostname != host:
        raise MissingSetting(
            f"{env.REPORT_WEBHOOK_FILE} {file}: is no address at {host}: correct `host` or the secret"
        )
    return webhook


def _send(webhook: str, message: Mapping[str, Any]) -> None:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    tries = Retry(
        total=_TRIES, backoff_factor=1, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None
    )
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=tries))
        if proxy := os.environ.get(EGRESS_PROXY.url_variable):
            password = Path(os.environ[env.EGRESS_PASSWORD_FILE]).read_text(encoding="utf-8").strip()
            session.proxies = {"https": through(proxy, SUPERSET_REPORT.name, password)}
        try:
            answer = session.post(webhook, json=message, timeout=_SECONDS)
        except requests.RequestException as error:
            # The error's own words hold the address.
            raise Refused(f"{urlsplit(webhook).hostname} did not answer: {type(error).__name__}") from None
    if not answer.ok:
        raise Refused(f"{urlsplit(webhook).hostname} said {answer.status_code}: {answer.text[:200]}")
