"""What a declaration of a workload says: the facts that more than one part of the platform has to know.

Paths through the network, rights on Kafka, database roles and grants, scraped targets, images, local ports
and the status screen are made from it (`kit.contracts.platform`); how the workload does its work is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from workloads.kit.contracts import ports
from workloads.kit.contracts.namespaces import PLATFORM
from workloads.kit.contracts.tables import Layer, LayerUse, Right

Kind = Literal["server", "consumer", "producer", "job"]
"""What runs: `server` answers others, `consumer` is a member of a group, `producer` writes by itself, all for
as long as they are left to; `job` ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a client may use of each broker.

    Args:
        produce_bytes, consume_bytes: a second.
        request_percent: of the time of one request thread.
    """

    produce_bytes: int
    consume_bytes: int
    request_percent: int


REBUILDS: Final = Quota(produce_bytes=20_000_000, consume_bytes=100_000_000, request_percent=200)
"""Of a client that rebuilds its state: it reads a topic from its start, as fast as it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaUse:
    """What a workload does on Kafka. Where rights are checked, a right that is not here does not exist.

    Args:
        reads, writes: topics.
        group: its consumer group, where it is a member of one.
        more_groups: what the ids of further groups start with that it is a member of.
        transactional_ids: of its producers, each the start of an id or all of it.
        quota: where the cluster's default does not do.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    group: str | None = None
    more_groups: tuple[str, ...] = ()
    transactional_ids: tuple[str, ...] = ()
    quota: Quota | None = None


NO_GROUP: Final = "unused"
"""Consumer group of who reads a topic as a record and commits nothing: a client has to name one, and asks
where it is. Every reader may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How a person reaches it.

    Args:
        scheme: how its address is written.
        about: what is found there.
        slot: of its port on 127.0.0.1 in a local instance's block; nobody else's, and never changed.
        replicas: a service and a slot each, named `<name>-<n>`; 0 is one service of its own name.
        port: where it is not the one that the platform itself calls.
    """

    scheme: Literal["http", "postgresql", "kafka"]
    about: str
    slot: int
    replicas: int = 0
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One workload, or one service that the platform runs on.

    Args:
        name: of its pods, its service, its account and its certificate.
        about: what it does, in a line.
        kind: what runs.
        image: that it runs from; by default one of its own name.
        third_party: whether it is another project's program. An operator or a chart may run it instead, so a
            stack need not have its image.
        part_of: section of a stack file that brings it, after a dot one within it; by default one of its own
            name.
        kafka: what it does on Kafka, and so that it reaches the brokers.
        role: database role that it logs in as, and so that it reaches PostgreSQL.
        tables: its role's rights: table → rights; `tables.OF_METRICS` says which are of the second database.
        layers: of the warehouse, with what its role may do there.
        secrets: names of contents that are made up for it and that nobody else knows: a file each.
        calls: names of what it reaches besides.
        port: at which others call it.
        metrics: port of its /metrics, which Prometheus then scrapes: `ports.METRICS`, or `port` itself.
        kubernetes_api: whether it reaches the cluster's API.
        internet: whether it reaches public addresses, over HTTPS.
        public: whether a load balancer may stand before it; it then answers the paths of `public`.
        reach: how a person reaches it, where one does.
    """

    name: str
    about: str
    kind: Kind
    namespace: str = PLATFORM
    image: str = ""
    third_party: bool = False
    part_of: str = ""
    kafka: KafkaUse | None = None
    role: str | None = None
    tables: Mapping[str, tuple[Right, ...]] = field(default_factory=dict[str, tuple[Right, ...]])
    layers: Mapping[Layer, LayerUse] = field(default_factory=dict[Layer, LayerUse])
    secrets: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    port: int | None = None
    metrics: int | None = None
    kubernetes_api: bool = False
    internet: bool = False
    public: bool = False
    reach: Reach | None = None

    def __post_init__(self) -> None:
        if (rights := [*self.tables, *self.layers]) and self.role is None:
            raise ValueError(f"{self.name}: rights on {', '.join(rights)} need a role that has them")
        if self.metrics not in (None, self.port, ports.METRICS):
            raise ValueError(
                f"{self.name}: metrics={self.metrics} is neither its port nor ports.METRICS ({ports.METRICS})"
            )

    @property
    def section(self) -> str:
        """The section of a stack file that brings it: where that is absent, so is the workload."""
        return self.part_of or self.name.replace("-", "_")

    @property
    def own_secrets(self) -> dict[str, str]:
        """File → name among all of the platform's. Workloads of a section share what is made up for them."""
        return {name: f"{self.section}-{name}" for name in self.secrets}

    @property
    def of_image(self) -> str:
        """Name of its image."""
        return self.image or self.name

    @property
    def group(self) -> str:
        """Its consumer group.

        Raises:
            ValueError: it is a member of none.
        """
        if self.kafka is None or self.kafka.group is None:
            raise ValueError(f"{self.name} declares no consumer group")
        return self.kafka.group

    @property
    def url_variable(self) -> str:
        """Environment variable that tells a workload that calls it where it answers."""
        return f"{self.name.replace('-', '_').upper()}_URL"
