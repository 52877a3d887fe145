"""Kafka and PostgreSQL as processes of their own on free ports, below a temporary directory."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.services.tls import Authority
from tools import debian, toolchain
from workloads.kit.contracts.env import TLS_CA, TLS_CERTIFICATE, TLS_KEY

START_SECONDS = 90.0
_UNPRIVILEGED = 65534
_QUICK_START = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_QUICK_WRITES = {"shared_buffers": "256MB", "fsync": "off"}


class Process:
    """A child process; its output goes to a file that is shown when it fails."""

    def __init__(self, command: Sequence[str | Path], log: Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as sink:
            self._child = subprocess.Popen(
                [os.fspath(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def running(self) -> bool:
        return self._child.poll() is None

    def send(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def wait(self, seconds: float = 30.0) -> int:
        """The exit code, once it ends."""
        return self._child.wait(seconds)

    def kill(self) -> None:
        """SIGKILL, as a lost machine does it."""
        self._child.kill()
        self._child.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 20.0) -> None:
        if self.running():
            self.send(number)
            try:
                self.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0, every: float = 0.05) -> None:
    """Wait for a condition; AssertionError after the limit."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(every)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def ssl_client(directory: Path) -> dict[str, str]:
    """What a client of librdkafka needs to show a certificate."""
    return {
        "security.protocol": "SSL",
        "ssl.ca.location": str(directory / TLS_CA),
        "ssl.certificate.location": str(directory / TLS_CERTIFICATE),
        "ssl.key.location": str(directory / TLS_KEY),
    }


class Kafka:
    """A KRaft cluster whose nodes are brokers and controllers; `jvm` are a broker's options.

    With an authority, clients need a certificate of its, and rights that `admin` gives them.
    """

    def __init__(
        self,
        directory: Path,
        brokers: int = 1,
        jvm: Sequence[str] = _QUICK_START,
        authority: Authority | None = None,
    ) -> None:
        self._directory = directory
        self._certificates: Path | None = None
        self.client: dict[str, str] = {}
        if authority is not None:
            self._certificates = authority.issue("broker", "127.0.0.1")
            self.client = ssl_client(authority.issue("admin"))
        self._jvm = jvm
        self._classpath = f"{toolchain.kafka_libs()}/*"
        ports = free_ports(2 * brokers)
        self._ports, self._controllers = ports[:brokers], ports[brokers:]
        self.bootstrap = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        cluster = secrets.token_urlsafe(16)[:22]
        for node in range(brokers):
            self._configure(node)
            self._format(node, cluster)
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
        count = len(self._ports)
        listener = "SSL" if self._certificates else "PLAINTEXT"
        settings = {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": ",".join(
                f"{n}@127.0.0.1:{port}" for n, port in enumerate(self._controllers)
            ),
            "listeners": f"{listener}://127.0.0.1:{self._ports[node]},"
            f"CONTROLLER://127.0.0.1:{self._controllers[node]}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": listener,
            "log.dirs": home / "data",
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
            **(self._security(home, self._certificates) if self._certificates else {}),
        }
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        (home / "server.properties").write_text(text)
        (home / "log4j2.properties").write_text(
            "rootLogger.level=warn\nrootLogger.appenderRef.stdout.ref=stdout\n"
            "appender.stdout.type=Console\nappender.stdout.name=stdout\n"
            "appender.stdout.layout.type=PatternLayout\nappender.stdout.layout.pattern=%d %p %m%n\n"
        )

    def _security(self, home: Path, certificates: Path) -> dict[str, object]:
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
            # The controllers' own listener, which no client of these tests speaks to, knows nobody's name.
            "super.users": "User:CN=admin;User:CN=broker;User:ANONYMOUS",
        }

    def _java(self, node: int, main: str, *arguments: str) -> list[str | Path]:
        home = self._home(node)
        return [
            "java", *self._jvm, "-cp", self._classpath,
            f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}", main, *arguments,
        ]  # fmt: skip

    def _format(self, node: int, cluster: str) -> None:
        config = str(self._home(node) / "server.properties")
        process = Process(
            self._java(node, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", config),
            self._home(node) / "format.log",
        )
        assert process.wait(START_SECONDS) == 0, process.tail()

    def _start(self, node: int) -> Process:
        home = self._home(node)
        return Process(self._java(node, "kafka.Kafka", str(home / "server.properties")), home / "kafka.log")

    def _wait(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, **self.client})

        def up() -> bool:
            dead = [broker for broker in self.brokers if not broker.running()]
            assert not dead, dead[0].tail()
            try:
                return len(admin.list_topics(timeout=2.0).brokers) == len(self.brokers)
            except KafkaException:
                return False

        until(up, "Kafka answers", START_SECONDS, every=0.2)


class Redis:
    """A Redis server that keeps nothing; it may be stopped and started again on the same port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_ports(1)[0]
        self.password_file = directory / "redis-password"
        self.password_file.write_text(secrets.token_urlsafe(16))
        self._config = directory / "redis.conf"
        self._config.write_text(
            f'bind 127.0.0.1\nport {self.port}\nsave ""\nrequirepass {self.password_file.read_text()}\n'
        )
        self._log = directory / "redis.log"
        self.start()

    @property
    def env(self) -> dict[str, str]:
        """What a workload needs to reach it."""
        return {
            "REDIS_URL": f"redis://127.0.0.1:{self.port}",
            "REDIS_PASSWORD_FILE": str(self.password_file),
        }

    def start(self) -> None:
        self.process = Process([debian.path("redis-server"), self._config], self._log)

        def up() -> bool:
            assert self.process.running(), self.process.tail()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        until(up, "Redis answers", START_SECONDS)

    def stop(self) -> None:
        self.process.stop()


class Postgres:
    """A PostgreSQL server; the administrator is `postgres`. As root it runs as another user."""

    def __init__(self, directory: Path, parameters: Mapping[str, object] = _QUICK_WRITES) -> None:
        self._parameters = parameters
        self.port = free_ports(1)[0]
        self.password_file = directory / "postgres-password"
        self.password_file.write_text(secrets.token_urlsafe(16))
        self.password_file.chmod(0o644)
        self._data = directory / "data"
        self._log = directory / "postgres.log"
        self._data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self._data, _UNPRIVILEGED, _UNPRIVILEGED)
        initialise = Process(
            self._as_user(
                debian.path("initdb"), "--pgdata", self._data, "--username=postgres", "--encoding=UTF8",
                "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={self.password_file}", "--no-sync",
            ),
            directory / "initdb.log",
        )  # fmt: skip
        assert initialise.wait(START_SECONDS) == 0, initialise.tail()
        self.start()

    def start(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "50",
            **self._parameters,
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.process = Process(self._as_user(debian.path("postgres"), "-D", self._data, *settings), self._log)

        def up() -> bool:
            assert self.process.running(), self.process.tail()
            try:
                self.connect().close()
            except psycopg.OperationalError:
                return False
            return True

        try:
            until(up, "PostgreSQL answers", START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop; SIGINT ends every session at once (the fast shutdown), SIGQUIT is a crash."""
        self.process.stop(number)

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """An administrator's connection in autocommit."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self.password_file.read_text(),
            dbname=database,
            autocommit=True,
        )

    def _as_user(self, program: Path, *arguments: str | Path) -> list[str | Path]:
        if os.geteuid() != 0:
            return [program, *arguments]
        # The capability lets it read the binaries and reach its data where they are below root's home.
        return [
            "setpriv", f"--reuid={_UNPRIVILEGED}", f"--regid={_UNPRIVILEGED}", "--clear-groups",
            "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", program, *arguments,
        ]  # fmt: skip
