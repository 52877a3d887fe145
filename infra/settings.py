"""The one model of a stack's configuration.

A stack file has one key a section (`carbon:kafka`, `carbon:postgres`, …); this module says what each may
hold. Environments differ in these values and in which implementation a `kind` picks, in nothing else.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from workloads.kit.contracts import env, tables, topics

NAMESPACE: Final = "carbon"
"""Prefix of the configuration keys: `carbon:<section>`."""

GIVEN_AT_RUN_TIME: Final = frozenset({"cluster", "images", "secrets"})
"""Sections that a committed stack file need not have: each run generates them."""

_QUANTITY: Final = {"m": 1, "": 1000, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
"""Units of CPU in thousandths, of memory in bytes."""


def _quantity(text: str) -> float:
    number = re.match(r"[0-9]+", text)
    assert number is not None, "the pattern asks for digits"
    return int(number[0]) * _QUANTITY[text[number.end() :]]


def _canonical(text: str) -> str:
    amount = _quantity(text)
    unit = text.lstrip("0123456789")
    larger = {"m": "", "Ki": "Mi", "Mi": "Gi"}.get(unit)
    if larger is not None and amount and amount % _QUANTITY[larger] == 0:
        better = f"{round(amount / _QUANTITY[larger])}{larger}"
        raise ValueError(f"write {better}: the API server does, and each refresh would see a change")
    return text


def _pinned(reference: str) -> str:
    name = reference.rsplit("/", 1)[-1]
    if "@sha256:" not in name and (":" not in name or name.endswith(":latest")):
        raise ValueError("an image is named by a tag other than latest, or by its digest")
    return reference


def _no_secret_name(name: str) -> str:
    if re.search(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|API_KEY", name) and not name.endswith("_FILE"):
        raise ValueError("secrets do not go into environment variables: workloads read them from files")
    return name


Cpu = Annotated[str, Field(pattern=r"^[1-9][0-9]*m?$", examples=["100m", "1"]), AfterValidator(_canonical)]
Memory = Annotated[
    str, Field(pattern=r"^[1-9][0-9]*(Ki|Mi|Gi)$", examples=["256Mi"]), AfterValidator(_canonical)
]
DnsLabel = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
LabelValue = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")]
Cron = Annotated[str, Field(pattern=r"^(\S+ ){4}\S+$", examples=["0 2 * * *"])]
Image = Annotated[str, Field(min_length=1), AfterValidator(_pinned)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$"), AfterValidator(_no_secret_name)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A part of a stack's configuration: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Labels(Section):
    """Who runs the stack and who pays for it: labels of every object."""

    environment: LabelValue = Field(description="Environment that the stack is, label `env`.")
    owner: LabelValue = Field(description="Who answers for it, label `owner`.")
    team: LabelValue = Field(description="Team that operates it, label `team`.")
    product: LabelValue = Field(description="Product that it is part of, label `product`.")
    cost_center: LabelValue = Field(description="Where its cost is booked, label `cost-center`.")


class KubeconfigCluster(Section):
    """A cluster that exists and that a kubeconfig reaches."""

    kind: Literal["kubeconfig"] = Field("kubeconfig", description="How the cluster is come by.")
    kubeconfig: str = Field(min_length=1, description="Path of the kubeconfig.")
    context: str | None = Field(None, description="Context in the kubeconfig; its current one by default.")
    identifier: str = Field(
        min_length=1,
        description="Name of the cluster that stays the same when the kubeconfig moves or is rewritten: "
        "a new one replaces every object.",
    )
    domain: str = Field("cluster.local", description="DNS domain of the cluster's services.")
    api_cidrs: list[IPv4Network] = Field(
        default=[IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15")],
        min_length=1,
        description="Networks that the Kubernetes API answers from; the few pods that use it may go there.",
    )


class Images(Section):
    """Reference of each image, by tag (never latest) or digest."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    price_pipeline: Image = Field(description="Image of price-pipeline and price-replay.")
    analytics_consumer: Image = Field(description="Image of analytics-consumer.")
    prediction_consumer: Image = Field(description="Image of prediction-consumer.")
    model_training: Image = Field(description="Image of model-training and model-monitor.")
    model_server: Image = Field(description="Image of model-server.")
    migrations: Image = Field(description="Image of the database migrations and of the topics' declaration.")
    mlflow: Image = Field(description="Image of MLflow's tracking server.")
    kafka: Image = Field(description="Image of Kafka.")
    postgres: Image = Field(description="Image of PostgreSQL.")
    redis: Image = Field(description="Image of Redis.")
    prometheus: Image = Field(description="Image of Prometheus.")
    alertmanager: Image = Field(description="Image of Alertmanager.")
    postgres_exporter: Image = Field(description="Image of postgres-exporter.")
    kube_state_metrics: Image = Field(description="Image of kube-state-metrics.")


class Secrets(Section):
    """Passwords. The stack file holds them encrypted, pods get them as files."""

    postgres_password: SecretStr = Field(min_length=16, description="Password of PostgreSQL's superuser.")
    redis_password: SecretStr = Field(min_length=16, description="Password of Redis.")
    roles: dict[str, Annotated[SecretStr, Field(min_length=16)]] = Field(
        description="Password of each database role, by its name."
    )

    sources: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], SecretStr] = Field(
        default={}, description="Secrets of price-pipeline's sources: file name → content."
    )

    @model_validator(mode="after")
    def _every_role(self) -> Self:
        if missing := sorted(set(tables.ROLES) - set(self.roles)):
            raise ValueError(f"passwords are missing for the roles {', '.join(missing)}")
        if unknown := sorted(set(self.roles) - set(tables.ROLES)):
            raise ValueError(f"there are no roles {', '.join(unknown)}")
        return self


class Quota(Section):
    """What all pods of a namespace may ask for together."""

    cpu: Cpu = Field(description="Sum of CPU requests.")
    memory: Memory = Field(description="Sum of memory requests.")
    memory_limit: Memory = Field(description="Sum of memory limits.")
    pods: int = Field(ge=1, description="Number of pods.")
    claims: int = Field(ge=0, description="Number of volume claims.")


class Namespaces(Section):
    """The platform's namespaces."""

    platform: Quota = Field(description="Quota of the namespace of data, models and workloads.")
    monitoring: Quota = Field(description="Quota of the namespace of Prometheus and its exporters.")


class Resources(Section):
    """What one container asks for and may use."""

    cpu: Cpu = Field(description="CPU that is kept for it.")
    memory: Memory = Field(description="Memory that is kept for it.")
    cpu_limit: Cpu = Field("2", description="CPU that it may use.")
    memory_limit: Memory = Field(description="Memory above which it is killed.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("cpu", "memory"):
            request, limit = getattr(self, name), getattr(self, f"{name}_limit")
            if _quantity(request) > _quantity(limit):
                raise ValueError(f"{name} {request} is above {name}_limit {limit}")
        return self


class Storage(Section):
    """A volume, one a pod."""

    size: Memory = Field(description="Size of the volume.")
    storage_class: str | None = Field(None, description="Storage class; by default the cluster's own.")
    protect: bool = Field(
        False, description="Whether Pulumi refuses to delete or replace what holds the data."
    )


class _Replicas(Section):
    min_replicas: int = Field(ge=1, description="Pods that always run.")
    max_replicas: int = Field(ge=1, description="Pods that run at most.")
    cpu_percent: int = Field(70, ge=1, le=100, description="CPU use, in percent of the request, to keep to.")
    memory_percent: int = Field(80, ge=1, le=100, description="Memory use, likewise.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas {self.min_replicas} is above max_replicas {self.max_replicas}")
        return self


class Hpa(_Replicas):
    """Scaled by Kubernetes itself, on CPU and memory."""

    kind: Literal["hpa"] = Field("hpa", description="HorizontalPodAutoscaler.")


class Keda(_Replicas):
    """Scaled by KEDA, on CPU, memory and, where the workload consumes a topic, on its lag."""

    kind: Literal["keda"] = Field(description="KEDA ScaledObject; KEDA must be installed.")
    lag: int = Field(1000, ge=1, description="Messages of lag a pod that call for one more.")


Scaler = Annotated[Hpa | Keda, Discriminator("kind")]


class KafkaStatefulSet(Section):
    """Kafka as a StatefulSet of combined brokers and controllers (KRaft)."""

    kind: Literal["statefulset"] = Field("statefulset", description="How Kafka is run.")
    brokers: int = Field(3, ge=3, le=9, description="Brokers; odd, since they vote.")
    replication_factor: int = Field(3, ge=3, description="Copies of each partition.")
    min_in_sync: int = Field(2, ge=2, description="Copies that must have a message that is acknowledged.")
    heap_mib: int = Field(384, ge=256, description="Heap of a broker, in MiB.")
    external_host: str = Field("127.0.0.1", description="Host that clients outside the cluster reach.")
    external_port_base: Port | None = Field(
        None,
        description="Port on external_host that reaches broker 0, the next ones reach the others; "
        "without it brokers are not reached from outside.",
    )
    retention_ms: dict[str, Annotated[int, Field(ge=-1)]] = Field(
        default={},
        description="Retention by topic, in ms, where not the declared one; -1 is for ever.",
    )
    resources: Resources = Field(description="Resources of a broker.")
    storage: Storage = Field(description="Volume of a broker.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.brokers % 2 == 0:
            raise ValueError(f"brokers {self.brokers} is even: half of them could not decide anything")
        if self.replication_factor > self.brokers:
            raise ValueError(f"replication_factor {self.replication_factor} is above brokers {self.brokers}")
        if self.min_in_sync >= self.replication_factor:
            raise ValueError(
                f"min_in_sync {self.min_in_sync} is not below replication_factor {self.replication_factor}: "
                "one broker away would stop every producer"
            )
        declared = {topic.name for topic in topics.DECLARED}
        if unknown := sorted(set(self.retention_ms) - declared):
            raise ValueError(f"retention_ms names topics that are not declared: {', '.join(unknown)}")
        return self


class PostgresStatefulSet(Section):
    """PostgreSQL as a StatefulSet of one."""

    kind: Literal["statefulset"] = Field("statefulset", description="How PostgreSQL is run.")
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z_.]+$")], str | int | float] = Field(
        default={}, description="Server parameters (postgresql.conf)."
    )
    resources: Resources = Field(description="Resources of the server.")
    storage: Storage = Field(description="Volume of the server.")


class RedisDeployment(Section):
    """Redis as one pod without a volume: what it holds can be made again."""

    kind: Literal["deployment"] = Field("deployment", description="How Redis is run.")
    max_memory_mib: int = Field(64, ge=16, description="Memory for data, in MiB; the least used goes first.")
    resources: Resources = Field(description="Resources of the server.")


class MLflow(Section):
    """MLflow's tracking server and registry."""

    workers: int = Field(1, ge=1, description="Worker processes.")
    resources: Resources = Field(description="Resources of the server.")
    storage: Storage = Field(description="Volume of the artifacts.")


class Prometheus(Section):
    """Prometheus."""

    scrape_interval_seconds: int = Field(
        15, ge=5, description="Seconds between scrapes, and between evaluations."
    )
    retention: Annotated[str, Field(pattern=r"^[0-9]+[hd]$")] = Field(
        "2d", description="Age of kept samples."
    )
    retention_size: Annotated[str, Field(pattern=r"^[0-9]+(MB|GB)$")] = Field(
        "1GB", description="Size of samples kept."
    )
    resources: Resources = Field(description="Resources of the server.")
    storage: Storage | None = Field(None, description="Volume of the samples; lost with the pod if not set.")


class Alertmanager(Section):
    """Alertmanager, which shows alerts and sends them nowhere yet."""

    resources: Resources = Field(description="Resources of the server.")


class Exporter(Section):
    """An exporter of metrics."""

    resources: Resources = Field(description="Resources of the exporter.")


class _Workload(Section):
    environment: dict[EnvironmentName, str] = Field(
        default={}, description="Environment variables of the workload's own settings (its settings.py)."
    )
    resources: Resources = Field(description="Resources of a pod.")


class Destination(Section):
    """Addresses outside the cluster that a workload may reach."""

    cidr: IPv4Network = Field(description="Network.")
    port: Port = Field(description="TCP port.")


class Replay(_Workload):
    """price-replay, which publishes the withheld prices as if they happened now."""

    interval_seconds: int = Field(30, ge=1, description="Seconds between two replayed sessions.")


class PricePipeline(_Workload):
    """price-pipeline."""

    schedule: Cron = Field("0 2 * * *", description="When it runs, in UTC.")
    sources: list[dict[str, JsonValue]] | None = Field(
        None,
        description="Its sources, as workloads/price_pipeline/config.py describes them; by default those "
        f"within its image. A secret of `secrets.sources` is the file {env.SECRETS_DIR}/<name>.",
    )
    destinations: list[Destination] = Field(
        default=[], description="Where its sources are, besides those within its image."
    )
    replay: Replay = Field(description="The replay of withheld prices.")


class Consumer(_Workload):
    """A consumer of a topic."""

    scaler: Scaler = Field(description="How many pods run.")


class ModelServer(_Workload):
    """model-server."""

    workers: int = Field(2, ge=1, description="Worker processes a pod.")
    scaler: Scaler = Field(description="How many pods run.")


class Features(Section):
    """The feature set, the same for training, serving and prediction."""

    windows: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=2)] = Field(
        default=[7, 30, 90], description="Windows in sessions: short, main, and any longer ones."
    )


class ModelMonitor(_Workload):
    """model-monitor, which rolls a champion back whose live skill falls below the gate."""

    schedule: Cron = Field("*/5 * * * *", description="When it runs, in UTC.")


class ModelTraining(_Workload):
    """model-training."""

    schedule: Cron = Field("0 1 * * *", description="When it runs, in UTC.")
    monitor: ModelMonitor = Field(description="The watch over champions.")


class Jobs(Section):
    """The jobs that prepare the platform for its workloads."""

    resources: Resources = Field(description="Resources of each.")


class StackSettings(Section):
    """Everything that a stack may set."""

    labels: Labels = Field(description="Labels of every object.")
    cluster: KubeconfigCluster = Field(description="The cluster.")
    images: Images = Field(description="Images.")
    secrets: Secrets = Field(description="Passwords.")
    namespaces: Namespaces = Field(description="Quotas of the namespaces.")
    kafka: KafkaStatefulSet = Field(description="Kafka.")
    postgres: PostgresStatefulSet = Field(description="PostgreSQL.")
    redis: RedisDeployment = Field(description="Redis.")
    mlflow: MLflow = Field(description="MLflow.")
    prometheus: Prometheus = Field(description="Prometheus.")
    alertmanager: Alertmanager = Field(description="Alertmanager.")
    postgres_exporter: Exporter = Field(description="postgres-exporter.")
    kube_state_metrics: Exporter = Field(description="kube-state-metrics.")
    price_pipeline: PricePipeline = Field(description="price-pipeline and price-replay.")
    analytics_consumer: Consumer = Field(description="analytics-consumer.")
    prediction_consumer: Consumer = Field(description="prediction-consumer.")
    model_training: ModelTraining = Field(description="model-training and model-monitor.")
    model_server: ModelServer = Field(description="model-server.")
    features: Features = Field(default=Features(), description="The feature set.")
    jobs: Jobs = Field(description="Migrations and topics.")


class SettingsError(Exception):
    """A stack's configuration is refused; the message has a line a problem: file, key, value, remedy."""


def parse(config: Mapping[str, str], *, file: str) -> StackSettings:
    """Settings from a stack's configuration.

    Args:
        config: full key → value as the engine hands it over: text, or JSON for what has a structure.
        file: the stack file, for messages.

    Raises:
        SettingsError: a key is unknown or missing, or a value is refused.
    """
    prefix = f"{NAMESPACE}:"
    sections = {key.removeprefix(prefix): _value(v) for key, v in config.items() if key.startswith(prefix)}
    try:
        return StackSettings.model_validate(sections)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise SettingsError("\n".join(_problem(p, file) for p in problems)) from None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _problem(error: ErrorDetails, file: str) -> str:
    path = [str(part) for part in error["loc"]]
    key = NAMESPACE + ":" + ".".join(path)
    section = path[0] if path else ""
    match error["type"]:
        case "missing" if section in GIVEN_AT_RUN_TIME:
            said, remedy = (
                "is missing",
                "`make up` makes it; a plain `pulumi` needs what `make env` prints",
            )
        case "missing":
            said, remedy = "is missing", "set it; stacks/schema.json says what it may hold"
        case "extra_forbidden":
            near = difflib.get_close_matches(path[-1], _known(path[:-1]), n=1)
            said = "is not a setting"
            remedy = (
                f"write {near[0]} if that was meant"
                if near
                else f"remove it, or use one of {_known(path[:-1])}"
            )
        case _:
            shown = "" if section == "secrets" else f" = {json.dumps(error['input'], default=str)}"
            said, remedy = f"{shown}: {error['msg']}".lstrip(), "correct the value as stacks/schema.json says"
    return f"{file}: {key} {said}. Remedy: {remedy}."


def _known(path: list[str]) -> list[str]:
    """Names of the settings under a path; of unions and lists, none."""
    model: Any = StackSettings
    for part in path:
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        model = field.annotation if field else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
    return sorted(f.alias or n for n, f in model.model_fields.items())
