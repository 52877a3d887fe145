"""Monitoring by kube-prometheus-stack: who is told of what, what is scraped, who reaches whom."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.manifests import network
from infra.manifests.alerts import ALERTS, recovery_alerts, rule_groups
from infra.manifests.charts import kube_prometheus_stack
from infra.manifests.network import Paths, Peer
from infra.manifests.resources import alert_routes, monitoring_paths, monitors
from infra.names import Names
from infra.paths import NetworkPaths
from infra.settings import Labels
from infra.settings.monitoring import KubePrometheusStackSettings, Receivers
from tools import debian
from workloads.kit.contracts.platform import DECLARED

IDENTITY = Labels(environment="prod", owner="o", team="t", product="carbon", cost_center="c")
RECEIVERS = Receivers(slack_channel="#alerts")
SMALL = {"resources": {"cpu": "100m", "memory": "256Mi", "memory_limit": "1Gi"}}


def settings(**changes: Any) -> KubePrometheusStackSettings:
    given = {
        "kind": "kube-prometheus-stack",
        "operator": SMALL,
        "prometheus": {**SMALL, "storage": {"size": "50Gi"}, "replicas": 2, "retention": "15d"},
        "alertmanager": {**SMALL, "storage": {"size": "1Gi"}, "replicas": 3},
        "postgres_exporter": SMALL,
        "kube_state_metrics": SMALL,
        "node_exporter": SMALL,
    }
    return KubePrometheusStackSettings.model_validate(given | changes)


def routed(directory: Path, receivers: Receivers | None, *labels: str) -> str:
    """Name of the receiver that Alertmanager's own tool finds for an alert."""
    file = directory / "alertmanager.yml"
    file.write_text(yaml.safe_dump(alert_routes.config(receivers)))
    command = [str(debian.path("amtool")), "config", "routes", "test", f"--config.file={file}", *labels]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("receivers", [None, RECEIVERS])
def test_alertmanager_takes_the_configuration(tmp_path: Path, receivers: Receivers | None) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(alert_routes.config(receivers)))
    command = [str(debian.path("amtool")), "check-config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("severity", "told"),
    [
        ("page", "pagerduty"),
        ("critical", "pagerduty"),
        ("ticket", "slack"),
        ("warning", "slack"),
        ("info", "nobody"),
    ],
)
def test_severity_says_who_is_told(tmp_path: Path, severity: str, told: str) -> None:
    assert routed(tmp_path, RECEIVERS, "alertname=X", f"severity={severity}") == told
    assert routed(tmp_path, None, "alertname=X", f"severity={severity}") == "nobody"


def test_every_alert_of_ours_reaches_somebody_or_is_for_those_who_look(tmp_path: Path) -> None:
    for alert in (*ALERTS, *recovery_alerts({"daily": 24})):
        told = routed(tmp_path, RECEIVERS, f"alertname={alert.name}", f"severity={alert.severity}")
        assert told == {"page": "pagerduty", "ticket": "slack", "info": "nobody"}[alert.severity]


def test_the_charts_heartbeat_wakes_nobody(tmp_path: Path) -> None:
    assert routed(tmp_path, RECEIVERS, "alertname=Watchdog", "severity=critical") == "nobody"


def test_keys_of_receivers_are_files_of_the_secret_and_nowhere_else() -> None:
    keys = alert_routes.keys(Names("prod", "111122223333", "eu-central-1"), "15m")
    found = {
        value
        for receiver in alert_routes.config(RECEIVERS)["receivers"]
        for kind in ("pagerduty_configs", "slack_configs")
        for one in receiver.get(kind, ())
        for key, value in one.items()
        if key.endswith("_file")
    }
    mounted = f"/etc/alertmanager/secrets/{alert_routes.SECRET}"
    assert found == {f"{mounted}/{file}" for file in keys}
    values = kube_prometheus_stack.values(
        settings(alertmanager={**SMALL, "storage": {"size": "1Gi"}, "receivers": RECEIVERS}), cluster="c"
    )
    assert values["alertmanager"]["alertmanagerSpec"]["secrets"] == [alert_routes.SECRET]
    assert {remote.key for remote in keys.values()} == {
        "carbon/prod/alertmanager/pagerduty",
        "carbon/prod/alertmanager/slack",
    }


def test_what_waits_for_the_database_is_quiet_while_it_is_away() -> None:
    names = {alert.name for alert in ALERTS}
    (rule,) = [r for r in alert_routes.config(None)["inhibit_rules"] if "equal" not in r]
    (source,), (target,) = rule["source_matchers"], rule["target_matchers"]
    assert source == 'alertname = "PostgresAway"'
    quiet = set(target.split('"')[1].split("|"))
    assert quiet
    assert quiet | {"PostgresAway"} <= names


def test_prometheus_takes_every_monitor_and_rule_of_every_namespace() -> None:
    spec = kube_prometheus_stack.values(settings(), cluster="carbon-prod")["prometheus"]["prometheusSpec"]
    nil = {key: value for key, value in spec.items() if key.endswith("SelectorNilUsesHelmValues")}
    assert len(nil) == 5
    assert not any(nil.values())
    assert spec["replicas"] == 2
    assert spec["retention"] == "15d"
    assert spec["externalLabels"] == {"cluster": "carbon-prod"}
    claim = spec["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert claim["resources"]["requests"]["storage"] == "50Gi"


def test_several_servers_have_a_budget_and_a_lone_one_has_none() -> None:
    values = kube_prometheus_stack.values(settings(), cluster="c")
    assert values["prometheus"]["podDisruptionBudget"]["enabled"]
    alone = settings(prometheus={**SMALL, "storage": {"size": "1Gi"}})
    values = kube_prometheus_stack.values(alone, cluster="c")
    assert not values["prometheus"]["podDisruptionBudget"]["enabled"]


def test_grafana_is_off_unless_wanted_and_its_password_stands_elsewhere() -> None:
    assert kube_prometheus_stack.values(settings(), cluster="c")["grafana"] == {"enabled": False}
    grafana = kube_prometheus_stack.values(settings(grafana=SMALL), cluster="c")["grafana"]
    assert grafana["enabled"]
    assert grafana["admin"]["existingSecret"] == "grafana-admin"
    assert "adminPassword" not in grafana


def test_one_alert_of_a_name() -> None:
    """The chart's own of the same name would send it twice."""
    disabled = kube_prometheus_stack.values(settings(), cluster="c")["defaultRules"]["disabled"]
    assert disabled == {"TargetDown": True}
    assert disabled.keys() <= {alert.name for alert in ALERTS}


def test_monitors_scrape_what_the_own_prometheus_scrapes() -> None:
    found = NetworkPaths(running=DECLARED, api_cidrs=[], domain="cluster.local").targets()
    assert len(found) > 4
    for target in found:
        monitor = monitors.of_target(IDENTITY, target)
        assert monitor["metadata"]["namespace"] == target.namespace
        spec = monitor["spec"]
        assert spec["selector"] == {"matchLabels": {"app.kubernetes.io/name": target.job}}
        # Label `job` is then the workload's name, as in the own Prometheus: the rules are the same.
        assert spec["jobLabel"] == "app.kubernetes.io/name"
        (endpoint,) = spec["podMetricsEndpoints"]
        assert endpoint["portNumber"] == target.port
        assert endpoint.get("honorLabels", False) is not target.each_pod


def test_rules_are_those_of_the_own_prometheus_verbatim() -> None:
    for group in rule_groups({"daily": 24}):
        made = monitors.rule(IDENTITY, group)
        assert made["spec"]["groups"] == [group]
        assert made["metadata"]["namespace"] == "carbon-monitoring"


def policies(*, grafana: bool) -> dict[str, dict[str, Any]]:
    made = monitoring_paths.policies(
        IDENTITY,
        api_cidrs=["10.0.0.0/16"],
        network_cidrs=["10.1.0.0/16"],
        paths=Paths(egress=((Peer("carbon", "model-server"), 8080),)),
        alerting=Paths(ingress=((Peer("carbon-monitoring", "prometheus"), 9093),)),
        grafana=grafana,
    )
    return {policy["metadata"]["name"]: policy["spec"] for policy in made}


def test_only_prometheus_and_grafana_reach_prometheus() -> None:
    def sources(spec: dict[str, Any]) -> set[str]:
        return {
            source["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
            for rule in spec["ingress"]
            for source in rule["from"]
            if "podSelector" in source
        }

    assert sources(policies(grafana=False)["prometheus"]) == {"prometheus"}
    assert sources(policies(grafana=True)["prometheus"]) == {"prometheus", "grafana"}
    assert sources(policies(grafana=False)["alertmanager"]) == {"prometheus", "alertmanager"}
    assert "grafana" not in policies(grafana=False)


def test_prometheus_reaches_nodes_and_alertmanager_the_internet() -> None:
    found = policies(grafana=True)

    def out(name: str) -> set[tuple[str, int]]:
        return {
            (end["ipBlock"]["cidr"], port["port"])
            for rule in found[name]["egress"]
            for end in rule["to"]
            if "ipBlock" in end
            for port in rule["ports"]
        }

    assert {("10.1.0.0/16", 10250), ("10.1.0.0/16", 9100)} <= out("prometheus")
    assert ("0.0.0.0/0", 443) in out("alertmanager")
    assert ("0.0.0.0/0", 443) not in out("prometheus") | out("grafana") | out("prometheus-operator")
    assert all(spec["podSelector"]["matchLabels"] for spec in found.values()), "of one workload, not of all"


def test_the_names_of_services_do_not_depend_on_how_they_are_run() -> None:
    service = monitoring_paths.service(IDENTITY, "prometheus", 9090)
    assert service["metadata"]["name"] == "prometheus"
    assert (
        service["spec"]["selector"]
        == network.policy("prometheus", "x", {}, Paths())["spec"]["podSelector"]["matchLabels"]
    )
