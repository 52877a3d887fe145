"""What a person has after `make up`."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.cluster import kafka
from tests.indicators import indicator
from tools import access, jobs, keys_cli, kube, paths, pilots, project, status
from tools.errors import CommandFailed
from tools.paths import ROOT
from tools.wait import until
from workloads.kit.codec import decoder, encode
from workloads.kit.contracts import messages, topics
from workloads.kit.contracts.quality import QualityAlert

REPLAYED = "replay"


def _prices() -> list[messages.Price]:
    decode = decoder(messages.Price)
    found: list[messages.Price] = []
    for message in kafka.committed(topics.COMMODITY_PRICES):
        try:
            found.append(decode(message.value))
        except msgspec.MsgspecError:
            continue  # the poison of another test
    return found


def _secret_values() -> set[str]:
    return {
        base64.b64decode(value).decode()
        for namespace in (jobs.PLATFORM, status.MONITORING)
        for secret in kube.get("secrets", "-n", namespace)["items"]
        for value in secret.get("data", {}).values()
    }


def _tool(*arguments: str) -> str:
    """What a command of the tools prints, in one line."""
    done = subprocess.run(
        [sys.executable, "-m", "tools", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


def test_every_pod_is_ready(platform: str) -> None:
    waiting = [
        pod["metadata"]["name"]
        for pod in kube.get("pods", "-n", platform)["items"]
        # A job's pods end; whether they ended well, the status of their runs tells.
        if "Job" not in {owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])}
        and not all(s["ready"] for s in pod["status"].get("containerStatuses", [{"ready": False}]))
    ]
    assert waiting == []


def test_a_file_given_by_hand_is_looked_at_in_the_cluster_and_nothing_is_published(
    platform: str, tmp_path: Path
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("date,price\n1950-01-02,x\n1950-01-03,-2.5\n")
    shown = _tool("ingest", str(file), "--as", "crude-daily")
    assert "1 new 1 refused" in shown
    assert "line 2: 'x' is not a number" in shown
    assert "-2.5 USD/bbl" in shown
    assert "--confirm" in shown
    assert not [p for p in _prices() if p.delivery_start.year == 1950]
    left = kube.get("configmaps", "-n", platform)["items"]
    assert not [one for one in left if one["metadata"]["name"].startswith("price-pipeline-")]


def test_a_preview_right_after_up_finds_no_change(platform: str) -> None:
    preview = project.pulumi(
        "preview", "--refresh", "--expect-no-changes", "--non-interactive", "-s", project.stack_name()
    )
    assert "unchanged" in preview


def test_secrets_stand_nowhere_in_clear(platform: str) -> None:
    values = _secret_values()
    assert len(values) >= 3
    state = project.pulumi("stack", "export", "-s", project.stack_name())
    listings = [json.dumps(kube.get("pods,deployments,statefulsets,cronjobs,configmaps", "-n", platform))]
    made_env = subprocess.run(["make", "-s", "env"], capture_output=True, text=True, check=True).stdout
    for text in (state, *listings, made_env):
        assert [value for value in values if value in text] == []


def test_real_prices_are_predicted_and_say_what_they_are_worth(platform: str) -> None:
    newest = (
        "select * from features.ml_predictions where symbol = 'WTI' and source = 'crude-daily-replay'"
        " and model_alias <> 'naive' order by event_time desc limit 1"
    )
    (made,) = until(lambda: status.query(newest), "a prediction of a replayed WTI price", limit=120)
    assert made["provenance"] == REPLAYED
    assert made["replayed_from"] is not None
    assert made["lower"] < made["prediction"] < made["upper"]
    # Only a champion has passed the gate.
    assert (made["skill"] == "proven") == (made["model_alias"] == "champion")
    # What a training run measured on a window that it had not seen stands beside it.
    assert made["skill_score"] is not None


def test_the_withheld_years_are_in_no_history(platform: str) -> None:
    wti = [p for p in _prices() if p.symbol == "WTI"]
    history = {p.delivery_start.date() for p in wti if p.provenance == "market" and p.source == "crude-daily"}
    replayed = {p.replayed_from.date() for p in wti if p.replayed_from}
    assert history
    assert replayed
    assert max(history) < min(replayed)


def test_an_injected_price_is_predicted_end_to_end(platform: str) -> None:
    jobs.run("price-pipeline", "inject", "--symbol", "SYN-POWER-DE", "--price", "87.5", "--source", "by-hand")
    made = until(
        lambda: status.query(
            "select * from features.ml_predictions where source = 'by-hand' and symbol = 'SYN-POWER-DE'"
        ),
        "the prediction of the injected price",
        limit=60,
    )
    assert made[0]["price"] == 87.5
    sent = [m for m in kafka.predictions() if m.source == "by-hand"]
    assert len(sent) == len(made)
    assert sent[-1].prediction == pytest.approx(made[-1]["prediction"])


def test_a_price_is_taken_back_by_hand_and_published_again(platform: str) -> None:
    at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    source = f"slip-{at:%d%H}"
    given = ("--symbol", "SYN-SLIP", "--source", source)
    terms = ("--market", "power", "--currency", "EUR", "--unit", "MWh", "--resolution", "PT1H")
    jobs.run("price-pipeline", "inject", *given, *terms, "--price", "999", "--event-time", at.isoformat())
    there = ("withdraw", *given, "--since", at.isoformat(), "--until", at.isoformat())
    assert "1 price holds there" in _tool(*there)
    assert "1 price withdrawn" in _tool(*there, "--send", "--reason", "a test")
    table = "features.commodity_prices_daily"
    rows = f"select withdrawn from {table} where source = '{source}' order by published_at"
    holds = f"select price from features.commodity_prices_current where source = '{source}'"

    def written() -> list[str | None]:
        return [row["withdrawn"] for row in status.query(rows)]

    until(lambda: written() == [None, "platform"], "the withdrawal is in the table", limit=120)
    assert status.query(holds) == []
    assert "1 price published again" in _tool(*there, "--undo", "--send", "--reason", "it was right")
    until(lambda: written() == [None, "platform", None], "the price again", limit=120)
    assert [row["price"] for row in status.query(holds)] == [999]
    events = [json.loads(message.value) for message in kafka.committed(topics.PLATFORM_AUDIT)]
    actions = [event["action"] for event in events if source in event["subject"]]
    assert actions == ["withdraw", "withdraw-undo"]


def test_running_the_pipeline_again_adds_nothing(platform: str) -> None:
    def published() -> Counter[str]:
        return Counter(p.source for p in _prices() if p.provenance != REPLAYED)

    before = published()
    refused = sum(1 for _ in kafka.committed(topics.dead_letter(topics.COMMODITY_PRICES)))
    jobs.run("price-pipeline", "run")
    assert before
    assert published() == before
    assert sum(1 for _ in kafka.committed(topics.dead_letter(topics.COMMODITY_PRICES))) == refused


def test_poison_is_set_aside_with_its_reason_and_the_rest_goes_on(platform: str) -> None:
    poison = f"not a price {datetime.now(UTC).isoformat()}".encode()
    kafka.produce(topics.COMMODITY_PRICES, b"WTI", poison)

    def set_aside() -> list[kafka.Message]:
        return [m for m in kafka.committed(topics.dead_letter(topics.COMMODITY_PRICES)) if m.value == poison]

    # All consumers of the topic meet it, and each sets it aside under its own name.
    groups = {"analytics-consumer", "data-quality", "prediction-consumer"}
    letters = until(
        lambda: found if len(found := set_aside()) >= len(groups) else [], "their dead letters", limit=60
    )
    assert sorted(m.headers["group"].decode() for m in letters) == sorted(groups)
    assert all(m.headers["reason"] for m in letters)
    place = "@".join(str(int(letters[0].headers[name])) for name in ("partition", "offset"))
    shown = _tool("letters", "--at", place)
    assert f"{place} WTI" in shown
    assert "not a price" in shown
    source = f"after-poison-{len(poison)}"
    jobs.run("price-pipeline", "inject", "--symbol", "WTI", "--price", "61.5", "--source", source)
    sql = f"select 1 from features.ml_predictions where source = '{source}'"
    until(lambda: status.query(sql), "a prediction after the poison", limit=60)


def test_an_indicator_is_kept_with_its_revisions_as_of_any_instant(platform: str) -> None:
    zone = f"SYN-{datetime.now(UTC):%Y%m%d%H%M%S}"
    first, second = indicator(30, 52.5, zone=zone), indicator(30, 48.0, zone=zone, known=20)
    for one in (first, msgspec.structs.replace(second, correction=True)):
        kafka.produce(one.topic, one.message_key.encode(), encode(one))
    rows = f"select * from features.market_indicators where zone = '{zone}'"
    until(lambda: len(status.query(rows)) == 2, "both revisions of the indicator", limit=120)
    for known, value in ((first.published_at, 52.5), (second.published_at, 48.0)):
        as_of = f"features.market_indicators_as_of('{known.isoformat()}') where zone = '{zone}'"
        assert [row["value"] for row in status.query(f"select value from {as_of}")] == [value]


def test_a_spike_is_in_the_table_and_the_topic_of_alerts_and_a_person_may_release_it(platform: str) -> None:
    zone = f"SYN-{datetime.now(UTC):%Y%m%d%H%M%S}"
    hours = range(24, 24 * 30)
    usual = {hour: 50.0 + 5 * (hour % 24 > 12) + hour % 3 for hour in hours}
    spiked = usual | {hours[-20]: 900.0}
    for hour, value in spiked.items():
        one = indicator(hour, value, zone=zone)
        kafka.produce(one.topic, one.message_key.encode(), encode(one))
    where = f"series like '{zone}/%' and rule = 'spike'"
    alerts = f"select id, rule, state from features.quality_alerts where {where}"
    [row] = until(lambda: status.query(alerts), "the alert of the spike", limit=120)
    decode = decoder(QualityAlert)
    assert row["id"] in {decode(message.value).id for message in kafka.committed(topics.QUALITY_ALERTS)}
    assert row["id"] in _tool("quality", "list", "--rule", "spike")
    _tool("quality", "release", row["id"], "--reason", "a test")
    assert [one["state"] for one in status.query(alerts)] == ["released"]


def test_the_model_server_answers_people(platform: str) -> None:
    server = access.where(access.by_name("model-server"))
    answer = httpx.get(f"{server}/predict", params={"symbol": "WTI"}, timeout=10)
    assert answer.status_code == 200
    forecast = answer.json()
    assert forecast["lower"] < forecast["prediction"] < forecast["upper"]
    assert httpx.get(f"{server}/predict", params={"symbol": ""}, timeout=10).status_code in (400, 422)
    assert "/predict" in httpx.get(f"{server}/openapi.json", timeout=10).json()["paths"]


def test_prices_and_predictions_come_out_of_the_data_api(platform: str) -> None:
    api = access.where(access.by_name("data-api"))
    name, _, value = pilots.file(paths.state_dir()).read_text().strip().partition(": ")
    client = httpx.Client(headers={name: value}, timeout=10)
    listed = client.get(f"{api}/v1/instruments").json()["items"]
    assert {"WTI", "SYN-POWER-DE"} <= {one["symbol"] for one in listed}

    [stored] = status.query(
        "select count(*) as n from features.commodity_prices_daily"
        " where symbol = 'BRENT-M' and delivery_start < '1990-01-01'"
    )
    question: dict[str, Any] = {"symbol": "BRENT-M", "end": "1990-01-01T00:00:00Z", "limit": 10}
    pages = [client.get(f"{api}/v1/prices", params=question).json()]
    while cursor := pages[-1]["next"]:
        pages.append(client.get(f"{api}/v1/prices", params=question | {"cursor": cursor}).json())
    got = [price["delivery_start"] for page in pages for price in page["items"]]
    assert got == sorted(set(got))
    assert len(got) == stored["n"] > 10

    [newest] = [price for price in _prices() if price.source == "crude-daily"][-1:]
    before = {"symbol": "WTI", "source": "crude-daily", "start": newest.delivery_start.isoformat()}
    known = newest.published_at - timedelta(seconds=1)
    assert client.get(f"{api}/v1/prices", params=before).json()["items"][-1]["price"] == newest.price
    early = client.get(f"{api}/v1/prices", params=before | {"as_of": known.isoformat()}).json()
    assert newest.delivery_start not in {
        datetime.fromisoformat(price["delivery_start"]) for price in early["items"]
    }

    page = (ROOT / "docs/data-api.md").read_text()
    with_key = r'^curl -s -H "@\$API_AUTH" "\$API(/[^"]+)"'
    examples = re.findall(with_key + "$", page, re.MULTILINE)
    sent = re.findall(with_key + r' -H "Content-Type: application/json" -d \'([^\']+)\'$', page, re.MULTILINE)
    assert len(examples) + len(sent) == page.count("curl ") > 5
    for path, body in sent:
        answer = client.post(f"{api}{path}", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.text[:20], answer.text
    for example in examples:
        answer = client.get(f"{api}{example}")
        assert answer.status_code == 200, answer.text
        assert example.endswith("format=csv") or answer.json()["items"], example

    refused = client.get(f"{api}/v1/prices", params={"symbl": "WTI"})
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert "symbl" in refused.text
    assert "/v1/prices" in client.get(f"{api}/api/openapi.json").json()["paths"]

    assert httpx.get(f"{api}/v1/prices", params={"symbol": "WTI"}, timeout=10).status_code == 401
    made = keys_cli.in_pod(
        "create", "--tenant=pilot-two", "--name=live test", *keys_cli.who("a live test of the pilots")
    )
    asked = {"Authorization": f"Bearer {made['key']}"}

    def pilot_two() -> httpx.Response:
        return httpx.get(f"{api}/v1/prices", params={"symbol": "WTI"}, headers=asked, timeout=10)

    # A pod reads keys anew every few seconds.
    until(lambda: "no product api" in pilot_two().text, "the other pilot's key to be known", limit=60)
    keys_cli.in_pod(
        "revoke", "--tenant=pilot-two", f"--id={made['id']}", *keys_cli.who("the live test is over")
    )
    until(lambda: pilot_two().status_code == 401, "the revoked key to be refused", limit=60)


def test_a_pod_reaches_what_it_needs_and_nothing_else(platform: str) -> None:
    """price-replay publishes to Kafka; neither the database nor the registry is its business."""

    def connects(host: str, port: int) -> bool:
        code = f"import socket; socket.create_connection(('{host}', {port}), 5).close()"
        try:
            kube.kubectl("exec", "-n", platform, "deploy/price-replay", "--", "python3", "-c", code)
        except CommandFailed:
            return False
        return True

    assert connects("kafka-bootstrap", 9092)
    assert not connects("mlflow", 5000)
    assert not connects("model-server", 8080)


def test_the_cluster_refuses_a_pod_that_is_not_restricted(platform: str) -> None:
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "greedy", "namespace": platform},
        "spec": {
            "containers": [{"name": "c", "image": "carbon/none:0", "securityContext": {"privileged": True}}]
        },
    }
    with pytest.raises(CommandFailed) as refused:
        kube.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    assert "PodSecurity" in refused.value.output


def test_prometheus_scrapes_every_workload(platform: str) -> None:
    def down() -> list[str]:
        return [str(labels) for labels, value in status.prometheus("up") if value != 1]

    until(lambda: not down(), "every target to be up", limit=60)
    scraped = {labels.get("app", labels.get("job", "")) for labels, _ in status.prometheus("up")}
    assert {"analytics-consumer", "prediction-consumer", "model-server", "price-replay"} <= scraped
