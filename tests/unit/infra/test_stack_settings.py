"""A stack's configuration is read, or refused with what to do."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from infra.manifests import pods
from infra.schema import FILE, schema, text
from infra.settings import Section
from infra.settings.base import Cpu, Memory
from infra.settings.bases import SettingsError
from infra.settings.data import KafkaStatefulSet
from infra.settings.parsing import parse
from infra.settings.secrets import GeneratedSecrets
from infra.settings.workloads import HpaScaler, KedaScaler
from tests import stack

Change = Callable[[dict[str, Any]], None]


def refused(change: Change) -> str:
    config = stack.values()
    change(config)
    with pytest.raises(SettingsError) as error:
        parse(stack.as_engine(config), file="stacks/Pulumi.local.yaml")
    return str(error.value)


def put(section: str, *path: str, value: Any) -> Change:
    def change(config: dict[str, Any]) -> None:
        at = config[f"carbon:{section}"]
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


def test_the_committed_stack_is_accepted() -> None:
    assert stack.settings().labels.environment == "local"
    read = stack.platform()
    assert isinstance(read.kafka, KafkaStatefulSet)
    assert read.kafka.external_port_base == 31000
    assert read.images.of("price-pipeline").startswith("localhost/carbon/price-pipeline:")
    assert isinstance(read.secrets, GeneratedSecrets)
    assert read.secrets.roles["mlflow"].get_secret_value() == stack.PASSWORDS["roles"]["mlflow"]


def test_the_committed_stack_holds_nothing_of_a_run() -> None:
    """No secret, salt, provider path, image or cluster: each run brings its own."""
    committed = yaml.safe_load(stack.FILE.read_text())
    assert committed.keys() == {"config"}
    assert not {"carbon:secrets", "carbon:images", "carbon:cluster"} & committed["config"].keys()
    assert "/root" not in stack.FILE.read_text()
    assert "plugins" not in yaml.safe_load((stack.ROOT / "Pulumi.yaml").read_text())


def test_the_default_provider_is_off() -> None:
    assert yaml.safe_load(stack.FILE.read_text())["config"]["pulumi:disable-default-providers"] == ["*"]


def test_the_schema_is_the_models() -> None:
    assert FILE.read_text() == text(), "run `python -m infra.schema`"
    assert stack.FILE.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


def test_the_schema_refuses_unknown_keys_and_clear_secrets() -> None:
    made = schema()
    assert made["properties"]["config"]["additionalProperties"] is False
    objects = [d for d in made["$defs"].values() if d.get("type") == "object"]
    assert len(objects) >= 20
    assert all(d["additionalProperties"] is False for d in objects)
    encrypted, external = made["properties"]["config"]["properties"]["carbon:secrets"]["anyOf"]
    assert encrypted["properties"].keys() == {"secure"}
    assert external == {"$ref": "#/$defs/ExternalSecretsSettings"}
    assert "GeneratedSecrets" not in made["$defs"]


def test_every_setting_is_described() -> None:
    models = [*_below(Section)]
    assert len(models) > 30
    undescribed = [
        f"{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert not undescribed
    assert all(m.model_config.get("extra") == "forbid" for m in models)


def _below(model: type[Section]) -> Iterator[type[Section]]:
    for inner in model.__subclasses__():
        yield inner
        yield from _below(inner)


def test_an_unknown_key_is_named_with_the_one_that_was_meant() -> None:
    assert refused(put("kafka", "broker", value=3)) == (
        "stacks/Pulumi.local.yaml: carbon:kafka.broker is not a setting. "
        "Remedy: write brokers if that was meant."
    )


def test_an_unknown_section_is_refused() -> None:
    def change(config: dict[str, Any]) -> None:
        config["carbon:kafkas"] = {}

    assert "carbon:kafkas is not a setting. Remedy: write kafka if that was meant" in refused(change)


def test_a_wrong_value_is_shown() -> None:
    message = refused(put("kafka", "resources", "cpu", value="half"))
    assert 'carbon:kafka.resources.cpu = "half"' in message
    assert message.startswith("stacks/Pulumi.local.yaml: ")


def test_a_missing_section_of_the_run_says_who_makes_it() -> None:
    def change(config: dict[str, Any]) -> None:
        del config["carbon:images"]

    assert "carbon:images is missing. Remedy: `make up` makes it" in refused(change)


def test_every_problem_is_told_at_once() -> None:
    def change(config: dict[str, Any]) -> None:
        put("kafka", "brokers", value=2)(config)
        put("redis", "resources", "memory", value="lots")(config)

    assert len(refused(change).splitlines()) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"url": "HTTPS://svc:424242@prices.example"},
        {"url": "svc:424242@prices.example"},
        {"url": 424242},
        {"headers": {"X-Caller": 424242}},
        {"headers": {"X-Caller": "Bearer 424242"}},
        {"parameters": {"wskey": "424242"}},
        {"secret": 424242},
    ],
)
def test_a_key_in_a_sources_setting_is_refused_and_not_shown(more: dict[str, Any]) -> None:
    source = {
        "kind": "http",
        "name": "api",
        "url": "https://prices.example",
        "market": "crude",
        "columns": {"event_time": "date", "symbol": "id", "price": "value"},
    }
    message = refused(put("price_pipeline", "sources", value=[source | more]))
    assert "carbon:price_pipeline.sources.0" in message
    assert "424242" not in message


@pytest.mark.parametrize(
    "path", [("postgres_password",), ("redis_password",), ("roles", "mlflow"), ("roles", "nobody")]
)
def test_a_refused_secret_is_not_shown(path: tuple[str, ...]) -> None:
    message = refused(put("secrets", *path, value="hunter2"))
    assert "carbon:secrets" in message
    assert "hunter2" not in message
    assert "secret" not in message.replace("carbon:secrets", "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("kafka", "brokers", value=4), "brokers 4 is even"),
        (put("kafka", "replication_factor", value=5), "replication_factor 5 is above brokers 3"),
        (put("kafka", "min_in_sync", value=3), "min_in_sync 3 is not below replication_factor 3"),
        (put("kafka", "retention_ms", value={"prices": 1}), "not declared: prices"),
        (put("postgres", "keep_months", value={"job_runs": 3}), "keep_months names job_runs"),
        (put("postgres", "keep_months", value={"price_trends": 0}), "greater than or equal to 1"),
        (put("kafka", "kind", value="rabbitmq"), "carbon:kafka"),
        (put("images", "kafka", value="localhost/carbon/kafka"), "tag other than latest"),
        (put("images", "kafka", value="localhost/carbon/kafka:latest"), "tag other than latest"),
        (put("images", "kafka", value="registry:5000/kafka"), "tag other than latest"),
        (put("redis", "resources", "memory", value="1024Mi"), "write 1Gi"),
        (put("redis", "resources", "memory_limit", value="1024Gi"), "write 1Ti"),
        (put("redis", "resources", "memory_limit", value="1073741824Ki"), "write 1Ti"),
        (put("redis", "resources", "cpu", value="2000m"), "write 2:"),
        (put("redis", "resources", "cpu_limit", value="1000"), "write 1k"),
        (put("redis", "resources", "cpu_limit", value="1000000m"), "write 1k"),
        (put("redis", "resources", "memory", value="1Gi"), "memory 1Gi is above memory_limit 128Mi"),
        (put("model_server", "scaler", "kind", value="vpa"), "carbon:model_server.scaler"),
        (put("model_server", "scaler", "max_replicas", value=1), "min_replicas 3 is above max_replicas 1"),
        (put("model_server", "environment", value={"DB_PASSWORD": "x"}), "read them from files"),
        (put("secrets", "roles", value={}), "passwords are missing for the roles"),
        (put("price_pipeline", "schedule", value="daily"), "carbon:price_pipeline.schedule"),
    ],
)
def test_what_cannot_work_is_refused(change: Change, words: str) -> None:
    assert words in refused(change)


def test_a_scaler_is_what_its_kind_says() -> None:
    config = stack.values()
    config["carbon:model_server"]["scaler"] = {"kind": "keda", "min_replicas": 1, "max_replicas": 2}
    config["carbon:services"] = {"keda": {}}
    read = stack.platform(config)
    scaler = read.workload("model_server").scaler
    assert isinstance(scaler, KedaScaler)
    assert isinstance(read.workload("analytics_consumer").scaler, HpaScaler)
    assert (scaler.cpu_percent, scaler.memory_percent) == (70, 80)


def test_other_namespaces_of_configuration_are_not_ours() -> None:
    config = {**stack.as_engine(stack.values()), "aws:region": "eu-central-1"}
    assert parse(config, file="f") == stack.settings()


def test_reading_changes_nothing() -> None:
    config = stack.values()
    before = copy.deepcopy(config)
    stack.settings(config)
    assert config == before
    assert json.loads(text()) == schema()


@given(st.integers(1, 10**6), st.sampled_from(["m", "", "Ki", "Mi", "Gi"]))
def test_quantities_are_accepted_only_as_the_api_server_writes_them(number: int, unit: str) -> None:
    kind: TypeAdapter[str] = TypeAdapter(Cpu if unit in ("m", "") else Memory)
    carries = {"m": 1000, "": 1000, "Ki": 1024, "Mi": 1024, "Gi": 1024}.get(unit)
    written = f"{number}{unit}"
    if carries and number % carries == 0:
        with pytest.raises(ValidationError):
            kind.validate_python(written)
    else:
        assert kind.validate_python(written) == written


def test_a_tebibyte_can_be_said() -> None:
    config = stack.values()
    config["carbon:redis"]["resources"]["memory_limit"] = "1Ti"
    stack.settings(config)


@pytest.mark.parametrize(("number", "written"), [(0, "0"), (999, "999"), (1000, "1k"), (1500, "1500")])
def test_a_number_of_objects_is_written_as_the_api_server_does(number: int, written: str) -> None:
    assert pods.count(number) == written
