"""`skip` refuses a wrong argument before it starts anything, and runs as the deployment's own pods do."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tools import skip_cli
from tools.errors import UsageError

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app.kubernetes.io/name": "analytics-consumer"}},
    "spec": {
        "serviceAccountName": "analytics-consumer",
        "containers": [
            {
                "name": "analytics-consumer",
                "image": "registry/analytics-consumer:abc",
                "env": [{"name": "KAFKA_BOOTSTRAP", "value": "kafka:9092"}],
                "livenessProbe": {},
                "readinessProbe": {},
                "ports": [{"containerPort": 9100}],
                "securityContext": {"readOnlyRootFilesystem": True},
            }
        ],
    },
}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"group": "nobody"}, "--group nobody"),
        # A program of others: its image has no command of ours.
        ({"group": "warehouse-connect"}, "--group warehouse-connect"),
        ({"group": "analytics-consumer", "topic": "ml-predictions"}, "--topic"),
        ({"group": "analytics-consumer", "offset": 3}, "--partition"),
        ({"group": "analytics-consumer", "offset": 3, "partition": 1}, "--reason"),
        ({"group": "analytics-consumer", "offset": 3, "partition": 1, "reason": " "}, "--reason"),
    ],
)
def test_a_wrong_argument_starts_nothing(
    options: dict[str, Any], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skip_cli, "_run", lambda *_: pytest.fail("it was started"))
    with pytest.raises(UsageError, match=named):
        skip_cli.skip(**({"topic": "", "partition": None, "offset": None, "reason": ""} | options))


def test_it_names_who_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(skip_cli, "_run", lambda *given: ran.append(given) or "skipped")
    skip_cli.skip(group="analytics-consumer", topic="", partition=2, offset=17, reason="it stops all")
    [(deployment, args)] = ran
    assert deployment == "analytics-consumer"
    assert args[:8] == [
        *("--group", "analytics-consumer", "--topic", "commodity-prices"),
        *("--partition", "2", "--offset", "17"),
    ]
    assert args[args.index("--reason") + 1] == "it stops all"
    assert args[args.index("--by") + 1]


def test_the_pod_is_the_deployments_but_that_it_ends_and_is_not_probed() -> None:
    template = copy.deepcopy(TEMPLATE)
    made = skip_cli.job("skip-1", template, ["--group", "g"])
    assert template == TEMPLATE
    pod = made["spec"]["template"]
    [container] = pod["spec"]["containers"]
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["serviceAccountName"] == "analytics-consumer"
    assert pod["metadata"]["labels"] == TEMPLATE["metadata"]["labels"]
    assert container["command"] == ["python", "-m", "workloads.kit.skip"]
    assert not {"livenessProbe", "readinessProbe", "ports"} & set(container)
    assert container["env"] == TEMPLATE["spec"]["containers"][0]["env"]
    assert made["spec"]["backoffLimit"] == 0
