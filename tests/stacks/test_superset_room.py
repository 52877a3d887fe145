"""Superset's server and the job before it; and a stack without the set."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.settings.bases import SettingsError
from tests.stack import PASSWORDS, PILOTS, Registration, registered, settings, values
from workloads.superset.settings import Settings


def _seen(config: dict[str, Any] | None = None) -> dict[str, Registration]:
    every = registered(config).seen.values()
    return {one.type.rpartition(":")[2] + "/" + one.name: one for one in every if "superset" in one.name}


def _pods(seen: dict[str, Registration]) -> dict[str, dict[str, Any]]:
    return {
        kind: seen[name].inputs["spec"]["template"]["spec"]
        for kind, name in (("serve", "Deployment/superset"), ("prepare", "Job/superset-prepare"))
    }


def test_both_pods_know_where_everything_is_and_get_every_secret_as_a_file() -> None:
    for command, pod in _pods(_seen()).items():
        [container] = pod["containers"]
        assert container["args"] == [command]
        told = {one["name"]: one.get("value") for one in container["env"]}
        read = Settings.read({name: value for name, value in told.items() if value is not None})
        assert (read.own.role, read.reader.role) == ("superset", "dashboards")
        assert read.own.password_file != read.reader.password_file
        assert read.tenants == PILOTS
        assert read.workers == 1
        assert not [value for value in told.values() if value and "secret-0000" in value]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_secrets_are_those_of_the_stack() -> None:
    seen, wanted = _seen(), {"admin-password", "guest-token-key", "secret-key", "reader-password"}
    for name in ("Secret/superset", "Secret/superset-prepare"):
        # A secret on the wire has its content as its value.
        assert wanted <= set(seen[name].inputs["data"]["value"])


def test_the_server_waits_for_the_job() -> None:
    seen = _seen()
    # What depends on a component waits for all that is in it.
    assert seen["Job/superset-prepare"].urn in seen["Deployment/superset"].depends_on | (
        seen["WebServer/superset"].depends_on
    )


def test_people_log_in_at_an_issuer_where_there_is_one() -> None:
    config = values()
    issuer = {"issuer": "https://login.example.org/realms/carbon", "client_id": "dashboards"}
    addresses = [{"cidr": "192.0.2.0/24", "port": 443}]
    oidc = {**issuer, "roles": {"a": ["Analysts"]}, "destinations": addresses}
    config["carbon:superset"] = {"scaler": SCALER, "resources": RESOURCES, "oidc": oidc}
    seen = _seen(config)
    [container] = _pods(seen)["serve"]["containers"]
    [told] = [one["value"] for one in container["env"] if one["name"] == "OIDC"]
    factors = ["mfa", "otp", "hwk"]
    assert json.loads(told) == {**issuer, "roles": {"a": ["Analysts"]}, "second_factors": factors}
    egress = seen["NetworkPolicy/superset"].inputs["spec"]["egress"]
    assert "192.0.2.0/24" in json.dumps(egress)
    assert "192.0.2.0/24" not in json.dumps(seen["NetworkPolicy/superset-prepare"].inputs)


def test_its_secrets_have_to_be_there() -> None:
    config = values()
    config["carbon:secrets"] = {**PASSWORDS, "own": {}}
    with pytest.raises(SettingsError, match=r"superset needs secrets\.own\.superset-secret-key"):
        settings(config)


def test_a_stack_without_the_set_has_none() -> None:
    config = values()
    config["carbon:sets"] = ["customers", "forecasts", "monitoring"]
    assert not _seen(config)


def test_figures_are_reported_where_a_stack_says_so_and_reach_that_host_alone() -> None:
    assert "CronJob/superset-report" not in _seen()
    config = values()
    reports = {"dashboards": ["customers-live"], "webhook": "slack-reports"}
    config["carbon:superset"] = {
        "scaler": SCALER, "resources": RESOURCES, "reports": reports
    }  # fmt: skip
    with pytest.raises(Exception, match=r"reports\.webhook slack-reports is no secret of this stack"):
        _seen(config)
    config["carbon:secrets"]["sources"] = {"slack-reports": "https://hooks.slack.com/services/T0/x"}
    every = {one.name: one for one in registered(config).seen.values()}
    job = every["superset-report"].inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = job["containers"]
    told = {one["name"]: one.get("value") for one in container["env"]}
    assert container["args"] == ["report"]
    read = Settings.read({name: value for name, value in told.items() if value is not None})
    assert read.reader.role == "dashboards"
    assert told["REPORT_WEBHOOK_FILE"].endswith("/slack-reports")


SCALER = {"kind": "hpa", "min_replicas": 1, "max_replicas": 1}
RESOURCES = {"cpu": "10m", "memory": "512Mi", "cpu_limit": "1", "memory_limit": "1Gi"}
