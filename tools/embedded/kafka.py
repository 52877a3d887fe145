"""Kafka in KRaft mode from its jars: each node is a broker and a controller."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tools import cached, console, kafka, proc
from tools.embedded.process import START_SECONDS, Argument, Launch, Process, free_ports
from workloads.kit.contracts.env import TLS_CA, TLS_CERTIFICATE, TLS_KEY

QUICK_START = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

_CLUSTER = "Y2FyYm9uLXBsYXRmb3JtMQ"
"""The id of every cluster made here; they never meet."""
LOGGING = (
    "rootLogger.level=warn\nrootLogger.appenderRef.stdout.ref=stdout\n"
    "appender.stdout.type=Console\nappender.stdout.name=stdout\n"
    "appender.stdout.layout.type=PatternLayout\nappender.stdout.layout.pattern=%d %p %m%n\n"
)


@dataclass(frozen=True)
class Tls:
    """Brokers that ask for certificates.

    Args:
        broker: directory of a broker's `contracts.env.TLS_…` files.
        client: librdkafka's settings of the administrator, who is `CN=admin`.
    """

    broker: Path
    client: Mapping[str, str]


class Kafka:
    """Running brokers.

    Args:
        directory: for their data and logs; made.
        jvm: a broker's options.
        ports: two a broker, first those for clients, then the controllers'; free ones by default.
        tls: clients need a certificate, and rights that the administrator gives them.

    Raises:
        ToolError: they did not come up; carries the log.
    """

    def __init__(
        self,
        directory: Path,
        brokers: int = 1,
        jvm: Sequence[str] = QUICK_START,
        *,
        ports: Sequence[int] | None = None,
        tls: Tls | None = None,
        launch: Launch = Process,
    ) -> None:
        self._directory = directory
        self._tls = tls
        self._jvm = jvm
        self._launch = launch
        self.client: dict[str, str] = dict(tls.client) if tls else {}
        ports = ports or free_ports(2 * brokers)
        self._ports, self._controllers = ports[:brokers], ports[brokers:]
        self.bootstrap = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        for node in range(brokers):
            self._configure(node)
        self.brokers = [self._start(node) for node in range(brokers)]
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def restart(self, node: int) -> None:
        """Start a broker that was stopped or killed."""
        self.brokers[node] = self._start(node)

    def stop(self) -> None:
        for broker in self.brokers:
            # Data is thrown away, so nothing is won by a controlled shutdown.
            if broker.running():
                broker.kill()

    def _home(self, node: int) -> Path:
        return self._directory / f"broker-{node}"

    def _configure(self, node: int) -> None:
        home = self._home(node)
        home.mkdir(parents=True)
        shutil.copytree(_formatted(node), home / "data")
        count = len(self._ports)
        listener = "SSL" if self._tls else "PLAINTEXT"
        settings = {
            **_node(node, home / "data"),
            "controller.quorum.voters": ",".join(
                f"{n}@127.0.0.1:{port}" for n, port in enumerate(self._controllers)
            ),
            "listeners": f"{listener}://127.0.0.1:{self._ports[node]},"
            f"CONTROLLER://127.0.0.1:{self._controllers[node]}",
            "inter.broker.listener.name": listener,
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": min(3, count),
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": min(3, count),
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.min.isr": min(2, count),
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "log.cleaner.enable": "false",
            **(_security(home, self._tls.broker) if self._tls else {}),
        }
        _write(home / "server.properties", settings)
        (home / "log4j2.properties").write_text(LOGGING, encoding="utf-8")

    def _start(self, node: int) -> Process:
        home = self._home(node)
        logging = f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}"
        command = [*_java(self._jvm), logging, "kafka.Kafka", home / "server.properties"]
        return self._launch(command, home / "kafka.log")

    def _wait(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, **self.client})

        def up() -> bool:
            try:
                return len(admin.list_topics(timeout=2.0).brokers) == len(self.brokers)
            except KafkaException:
                return False

        # Any broker that ends early keeps the others from answering for all.
        first, *others = self.brokers
        first.until(lambda: up() or not all(o.running() for o in others), "Kafka answers", START_SECONDS)
        for other in others:
            other.until(up, "Kafka answers", START_SECONDS)


def _java(jvm: Sequence[str]) -> list[Argument]:
    return ["java", *jvm, "-cp", f"{kafka.libs()}/*"]


def _node(node: int, data: Path) -> dict[str, object]:
    return {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
    }


def _formatted(node: int) -> Path:
    """A node's data directory as `kafka-storage format` leaves it, made once: that saves a JVM's start."""

    def fill(out: Path, _: console.Step) -> None:
        config, data = out / "format.properties", out / "data"
        alone = {"controller.quorum.voters": f"{node}@127.0.0.1:1", "listeners": "CONTROLLER://127.0.0.1:1"}
        _write(config, {**_node(node, data), "process.roles": "controller", **alone})
        main = ["kafka.tools.StorageTool", "format", f"--cluster-id={_CLUSTER}", "--config", config]
        proc.run([*_java(QUICK_START), *main], log=cached.new_log(f"kafka-format-{node}"))

    made = cached.directory(
        kafka.libs().with_name(f"formatted-{node}"),
        lock=f"kafka-format-{node}",
        title="Formatting Kafka's storage",
        fill=fill,
    )
    return made / "data"


def _security(home: Path, certificates: Path) -> dict[str, object]:
    keys = home / "keys.pem"
    keys.write_bytes(b"".join((certificates / n).read_bytes() for n in (TLS_KEY, TLS_CERTIFICATE)))
    return {
        "listener.security.protocol.map": "SSL:SSL,CONTROLLER:PLAINTEXT",
        "ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keys,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certificates / TLS_CA,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The controllers' own listener, which no client speaks to here, knows nobody's name.
        "super.users": "User:CN=admin;User:CN=broker;User:ANONYMOUS",
    }


def _write(file: Path, settings: Mapping[str, object]) -> None:
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
