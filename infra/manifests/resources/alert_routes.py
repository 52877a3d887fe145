"""Which alert goes to whom."""

from __future__ import annotations

from typing import Final

from infra.manifests.meta import Manifest
from infra.manifests.resources.external_secrets import Remote
from infra.names import PAGERDUTY, SLACK, VALUE, Names
from infra.settings.monitoring import Receivers

SECRET: Final = "alertmanager-receivers"  # noqa: S105
"""Secret with the keys of the receivers, one a file."""

_FILES: Final = f"/etc/alertmanager/secrets/{SECRET}"
"""Where the operator puts the files of a secret that its Alertmanager names."""

_PAGERDUTY: Final = "pagerduty"
_SLACK: Final = "slack"
_NOBODY: Final = "nobody"

_WAKES: Final = 'severity =~ "page|critical"'
_WAITS: Final = 'severity =~ "ticket|warning"'
"""Severities, as our rules and those of the chart call them."""


def keys(names: Names, refresh: str) -> dict[str, Remote]:
    """File → where its content stands.

    Args:
        refresh: how often it is read.
    """
    entries = {_PAGERDUTY: PAGERDUTY, _SLACK: SLACK}
    return {file: Remote(names.secret(entry), VALUE, refresh) for file, entry in entries.items()}


def config(receivers: Receivers | None) -> Manifest:
    """Alertmanager's configuration; the receivers' keys are files."""
    made = [{"name": _NOBODY}]
    routes: list[Manifest] = [{"receiver": _NOBODY, "matchers": ['alertname =~ "Watchdog|InfoInhibitor"']}]
    if receivers is not None:
        made += [_pagerduty(), _slack(receivers.slack_channel)]
        routes += [
            {"receiver": _PAGERDUTY, "matchers": [_WAKES], "group_wait": "10s", "repeat_interval": "1h"},
            {"receiver": _SLACK, "matchers": [_WAITS], "repeat_interval": "1d"},
        ]
    return {
        "global": {"resolve_timeout": "5m"},
        "route": {
            "receiver": _NOBODY,
            "group_by": ["alertname", "namespace"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": routes,
        },
        "inhibit_rules": _inhibitions(),
        "receivers": made,
    }


def _pagerduty() -> Manifest:
    settings: Manifest = {
        "routing_key_file": f"{_FILES}/{_PAGERDUTY}",
        "send_resolved": True,
        "severity": "critical",
        "description": "{{ .CommonLabels.alertname }}: {{ (index .Alerts 0).Annotations.summary }}",
        "details": {
            "runbook": "{{ .CommonAnnotations.runbook }}{{ .CommonAnnotations.runbook_url }}",
            "cluster": "{{ .CommonLabels.cluster }}",
        },
    }
    return {"name": _PAGERDUTY, "pagerduty_configs": [settings]}


def _slack(channel: str) -> Manifest:
    settings: Manifest = {
        "api_url_file": f"{_FILES}/{_SLACK}",
        "channel": channel,
        "send_resolved": True,
        "title": "{{ .CommonLabels.cluster }}: {{ .CommonLabels.alertname }}",
        "text": "{{ range .Alerts }}{{ .Annotations.summary }}{{ .Annotations.description }}\n{{ end }}",
    }
    return {"name": _SLACK, "slack_configs": [settings]}


def _inhibitions() -> list[Manifest]:
    """What is not told while something greater is."""
    same = ["alertname", "namespace"]
    waits_for_postgres = 'alertname =~ "ConsumerLagHigh|ConsumerPaused|JobFailed|PipelineLate"'
    return [
        {
            "source_matchers": [_WAKES],
            "target_matchers": ['severity =~ "ticket|warning|info"'],
            "equal": same,
        },
        {"source_matchers": [_WAITS], "target_matchers": ['severity = "info"'], "equal": same},
        # Consumers and jobs wait for the database: its own alert says all there is to say.
        {"source_matchers": ['alertname = "PostgresAway"'], "target_matchers": [waits_for_postgres]},
    ]
