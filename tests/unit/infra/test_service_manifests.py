"""Kafka's brokers, the exporter's queries and the other services are configured as their contracts say."""

from __future__ import annotations

import json
import re

import pytest

from infra.manifests import exporters, kafka, postgres, prometheus
from infra.manifests.kafka import Brokers
from infra.manifests.prometheus import Target
from infra.settings import Labels, Resources, Storage
from workloads.kit.contracts import metrics

LABELS = Labels(environment="test", owner="o", team="t", product="p", cost_center="c")
RESOURCES = Resources(cpu="10m", memory="32Mi", cpu_limit="1", memory_limit="64Mi")
STORAGE = Storage(size="1Gi", storage_class="fast", protect=False)


def brokers(count: int = 3, *, external: bool = True) -> Brokers:
    return Brokers(
        namespace="carbon",
        domain="cluster.local",
        count=count,
        replication_factor=3,
        min_in_sync=2,
        heap_mib=384,
        external=[("127.0.0.1", 31000 + i) for i in range(count)] if external else [],
    )


def properties(given: Brokers, ordinal: int) -> dict[str, str]:
    lines = kafka.server_properties(given, ordinal).splitlines()
    read = dict(line.split("=", 1) for line in lines)
    assert len(read) == len(lines), "a property is set twice"
    return read


@pytest.mark.parametrize("count", [3, 5])
def test_brokers_agree_on_who_votes_and_each_advertises_itself(count: int) -> None:
    given = brokers(count)
    all_properties = [properties(given, i) for i in range(count)]
    assert len({p["controller.quorum.voters"] for p in all_properties}) == 1
    assert all_properties[0]["controller.quorum.voters"].count("@") == count
    for i, p in enumerate(all_properties):
        name = f"kafka-{i}.kafka.carbon.svc.cluster.local"
        assert p["advertised.listeners"] == f"INTERNAL://{name}:9092,EXTERNAL://127.0.0.1:{31000 + i}"
        assert f"{i}@{name}:9093" in p["controller.quorum.voters"]
        assert p["listeners"] == "INTERNAL://:9092,CONTROLLER://:9093,EXTERNAL://:9094"


def test_an_acknowledged_message_survives_a_broker() -> None:
    p = properties(brokers(), 0)
    assert p["default.replication.factor"] == "3"
    assert p["min.insync.replicas"] == "2"
    assert p["offsets.topic.replication.factor"] == p["transaction.state.log.replication.factor"] == "3"
    assert p["transaction.state.log.min.isr"] == "2"
    assert p["unclean.leader.election.enable"] == "false"
    assert p["auto.create.topics.enable"] == "false"
    assert (p["broker.session.timeout.ms"], p["broker.heartbeat.interval.ms"]) == ("3000", "500")


def test_brokers_closed_to_the_outside_listen_to_nobody_there() -> None:
    given = brokers(external=False)
    p = properties(given, 0)
    assert "EXTERNAL" not in p["listeners"] + p["advertised.listeners"]
    w = kafka.workload(given, LABELS, "kafka:1", RESOURCES, STORAGE)
    assert [s["metadata"]["name"] for s in kafka.services(w, given)] == ["kafka", "kafka-bootstrap"]


def test_a_broker_reads_the_file_of_its_ordinal() -> None:
    w = kafka.workload(brokers(), LABELS, "kafka:1", RESOURCES, STORAGE)
    assert "ORDINAL" in w.fields
    for i in range(3):
        path = w.env["KAFKA_CONFIG"].replace("$(ORDINAL)", str(i))
        assert path.removeprefix(f"{w.files_at}/") in w.files


def test_brokers_find_each_other_before_they_are_ready() -> None:
    given = brokers()
    w = kafka.workload(given, LABELS, "kafka:1", RESOURCES, STORAGE)
    made = {s["metadata"]["name"]: s["spec"] for s in kafka.services(w, given)}
    assert made["kafka"]["clusterIP"] == "None"
    assert made["kafka"]["publishNotReadyAddresses"] is True
    assert "publishNotReadyAddresses" not in made["kafka-bootstrap"]
    for i in range(3):
        assert made[f"kafka-{i}"]["selector"] == {"statefulset.kubernetes.io/pod-name": f"kafka-{i}"}
    assert kafka.bootstrap(given) == "kafka-bootstrap.carbon.svc.cluster.local:9092"


def test_a_cluster_id_is_a_uuid() -> None:
    w = kafka.workload(brokers(), LABELS, "kafka:1", RESOURCES, STORAGE)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", w.env["CLUSTER_ID"])


def test_exporter_gives_the_metrics_of_the_contract() -> None:
    given: set[str] = set()
    for name, query in exporters.queries().items():
        for column in query["metrics"]:
            ((field, what),) = column.items()
            assert what["description"]
            if what["usage"] != "LABEL":
                given.add(f"{name}_{field}")
    assert given == {
        metrics.JOB_LAST_SUCCESS,
        metrics.JOB_LAST_RUN_FAILED,
        metrics.WAREHOUSE_LEFT_OUT,
        metrics.WAREHOUSE_ROWS,
        metrics.WAREHOUSE_REFUSED,
        metrics.STORE_MONTHS_AHEAD,
        metrics.MODEL_TRAINED,
        metrics.MODEL_LIVE_SKILL,
        metrics.MODEL_LIVE_COVERAGE,
    }


def test_postgres_takes_the_stacks_parameters() -> None:
    w = postgres.workload(
        LABELS, "postgres:15", RESOURCES, STORAGE, password="p" * 16, parameters={"max_connections": 7}
    )
    assert list(w.args).count("-c") * 2 == len(w.args)
    assert "max_connections=7" in w.args
    assert "p" * 16 not in " ".join(w.args) + json.dumps(dict(w.env))


def test_prometheus_scrapes_each_pod_but_an_exporter_once() -> None:
    w = prometheus.prometheus(
        LABELS,
        "prometheus:1",
        RESOURCES,
        None,
        interval_seconds=10,
        retention="2d",
        retention_size="1GB",
        rule_groups=[{"name": "g", "rules": []}],
        targets=[
            Target(job="pods", namespace="carbon", host="pods-metrics.carbon", port=1, each_pod=True),
            Target(job="exporter", namespace="m", host="exporter.m", port=2, each_pod=False),
        ],
    )
    jobs = {j["job_name"]: j for j in json.loads(w.files["prometheus.yml"])["scrape_configs"]}
    (found,) = jobs["pods"]["dns_sd_configs"]
    assert (found["names"], found["type"], found["port"]) == (["pods-metrics.carbon"], "A", 1)
    assert jobs["exporter"]["honor_labels"] is True
    assert jobs["exporter"]["static_configs"] == [{"targets": ["exporter.m:2"]}]
    assert json.loads(w.files["rules.yml"]) == {"groups": [{"name": "g", "rules": []}]}
    assert not w.exceptions.keys() & {"service-account-token"}
