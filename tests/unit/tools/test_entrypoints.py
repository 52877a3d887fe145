"""What runs first in the third-party images, with stand-ins for the programs that it becomes."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.paths import ROOT

PASSWORD = 'a:b\\c"d$e'


@dataclass
class Container:
    """Directories of one test: `bin` is PATH's first, `tmp` the container's /tmp."""

    root: Path
    bin: Path
    tmp: Path

    def program(self, name: str, script: str) -> None:
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def environment(self, **variables: str | Path) -> dict[str, str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "TMPDIR": str(self.tmp), **{k: str(v) for k, v in variables.items()}}

    def run(
        self, image: str, *args: str, script: str = "entrypoint.sh", **variables: str | Path
    ) -> subprocess.CompletedProcess[str]:
        file = ROOT / "tools" / "images" / image / script
        return subprocess.run(
            ["sh", file, *args],
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def container(tmp_path: Path) -> Container:
    made = Container(tmp_path, tmp_path / "bin", tmp_path / "tmp")
    made.bin.mkdir()
    made.tmp.mkdir()
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    return made


@pytest.fixture
def kafka(container: Container) -> Container:
    # Formatting leaves the file that a broker looks for.
    container.program(
        "java",
        f'echo "$*" >> {container.root}/calls\n'
        f"log={container.root}/log\n"
        'case "$*" in *StorageTool*) mkdir -p $log; touch $log/meta.properties;; esac',
    )
    (container.root / "server.properties").write_text(f"log.dirs={container.root}/log\n# no end of line")
    return container


def start_kafka(kafka: Container, **variables: str) -> list[str]:
    (kafka.root / "calls").unlink(missing_ok=True)
    given = {
        "CLUSTER_ID": "id",
        "POD_NAME": "kafka-2",
        "KAFKA_HEAP_OPTS": "-Xms5m -Xmx5m",
        "KAFKA_JVM_OPTS": "",
    }
    done = kafka.run("kafka", KAFKA_CONFIG=kafka.root / "server.properties", **{**given, **variables})
    assert done.returncode == 0, done.stderr
    return (kafka.root / "calls").read_text().splitlines()


def test_a_broker_formats_its_empty_volume_once(kafka: Container) -> None:
    formatting, serving = start_kafka(kafka)
    assert "kafka.tools.StorageTool format" in formatting
    assert "--cluster-id=id" in formatting
    assert "kafka.Kafka" in serving
    assert len(start_kafka(kafka)) == 1


def test_a_brokers_id_is_its_pods_number_and_its_heap_what_is_asked(kafka: Container) -> None:
    serving = start_kafka(kafka)[-1]
    properties = (kafka.tmp / "server.properties").read_text().splitlines()
    assert properties[-1] == "node.id=2"
    assert serving.endswith(f"kafka.Kafka {kafka.tmp}/server.properties")
    assert "-Xms5m -Xmx5m" in serving


def test_a_broker_that_cannot_be_formatted_does_not_start(kafka: Container) -> None:
    kafka.program("java", f'echo "$*" >> {kafka.root}/calls; exit 1')
    done = kafka.run(
        "kafka",
        KAFKA_CONFIG=kafka.root / "server.properties",
        CLUSTER_ID="id",
        POD_NAME="kafka-0",
        KAFKA_HEAP_OPTS="",
        KAFKA_JVM_OPTS="",
    )
    assert done.returncode == 1
    assert "kafka.Kafka" not in (kafka.root / "calls").read_text()


def test_a_broker_without_a_name_says_so(kafka: Container) -> None:
    done = kafka.run("kafka", CLUSTER_ID="id", KAFKA_CONFIG=kafka.root / "server.properties")
    assert done.returncode != 0
    assert "POD_NAME: is not set" in done.stderr


@pytest.fixture
def postgres(container: Container) -> Container:
    # Making a database takes several files; the stand-in can be cut short after the first.
    container.program(
        "initdb",
        'for word; do case "$word" in --pgdata=*) data=${word#--pgdata=};; esac; done\n'
        '[ ! -e "$data" ] || exit 9\nmkdir -p "$data"\ntouch "$data/PG_VERSION"\n'
        f'echo "$*" > {container.root}/initdb\n'
        f"[ ! -e {container.root}/cut ] || exit 1\n"
        'touch "$data/pg_hba.conf"',
    )
    container.program("postgres", 'echo "$*"')
    return container


def start_postgres(postgres: Container, *args: str) -> subprocess.CompletedProcess[str]:
    return postgres.run(
        "postgres", *args, PGDATA=postgres.root / "data", POSTGRES_PASSWORD_FILE=postgres.root / "password"
    )


def test_a_database_is_made_once_and_served_with_the_given_settings(postgres: Container) -> None:
    done = start_postgres(postgres, "-c", "max_connections=7")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("-c max_connections=7")
    assert "--auth-host=scram-sha-256" in (postgres.root / "initdb").read_text()
    assert "host all all all scram-sha-256" in (postgres.root / "data" / "pg_hba.conf").read_text()
    (postgres.root / "initdb").unlink()
    assert start_postgres(postgres).returncode == 0
    assert not (postgres.root / "initdb").exists()


def test_a_database_that_was_half_made_is_made_anew(postgres: Container) -> None:
    (postgres.root / "cut").touch()
    assert start_postgres(postgres).returncode != 0
    assert not (postgres.root / "data").exists()
    (postgres.root / "cut").unlink()
    assert start_postgres(postgres).returncode == 0
    assert (postgres.root / "data" / "pg_hba.conf").exists()


def test_redis_gets_its_password_from_a_file_that_only_it_can_read(container: Container) -> None:
    container.program("redis-server", 'echo "$*"')
    done = container.run("redis", "--port", "1", REDIS_PASSWORD_FILE=container.root / "password")
    config = container.tmp / "redis.conf"
    assert done.stdout.strip() == f"{config} --port 1"
    assert 'requirepass "a:b\\\\c\\"d$e"' in config.read_text().splitlines()
    assert stat.S_IMODE(config.stat().st_mode) == 0o600


@pytest.mark.parametrize(("answer", "code"), [("PONG", 0), ("LOADING", 1)])
def test_redis_is_ready_when_it_answers_to_its_password(container: Container, answer: str, code: int) -> None:
    container.program("redis-cli", f"[ \"$REDISCLI_AUTH\" = '{PASSWORD}' ] && echo {answer}")
    done = container.run("redis", script="ping.sh", REDIS_PASSWORD_FILE=container.root / "password")
    assert done.returncode == code


@pytest.fixture
def mlflow(container: Container) -> Iterator[Container]:
    # Writes what it was started with, then waits to be told to stop.
    (container.root / "lib" / "mlflow").mkdir(parents=True)
    (container.root / "lib" / "mlflow" / "__init__.py").touch()
    (container.root / "lib" / "mlflow" / "__main__.py").write_text(
        "import os, signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print(sys.argv, dict(os.environ), flush=True)\n"
        "signal.pause()\n"
    )
    yield container
    shutil.rmtree(container.root / "lib")


def start_mlflow(mlflow: Container, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, ROOT / "workloads" / "mlflow" / "entrypoint.py", "--workers=3"],
        env=mlflow.environment(PYTHONPATH=mlflow.root / "lib", **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_mlflow_finds_its_password_in_no_argument_and_no_variable_and_stops_when_told(
    mlflow: Container,
) -> None:
    server = start_mlflow(
        mlflow,
        POSTGRES_HOST="db",
        POSTGRES_PORT="5433",
        POSTGRES_DATABASE="mlflow",
        POSTGRES_USER="m@e",
        POSTGRES_PASSWORD_FILE=str(mlflow.root / "password"),
    )
    guard = threading.Timer(30, server.kill)
    guard.start()
    assert server.stdout
    shown = server.stdout.readline()
    assert "postgresql+psycopg2://m%40e@db:5433/mlflow" in shown
    assert "--workers=3" in shown
    assert "a:b" not in shown
    passfile = mlflow.tmp / "pgpass"
    assert str(passfile) in shown
    assert passfile.read_text() == 'db:5433:mlflow:m@e:a\\:b\\\\c"d$e\n'
    assert stat.S_IMODE(passfile.stat().st_mode) == 0o600
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=30)
    guard.cancel()
    assert server.returncode == 7


def test_mlflow_names_what_it_lacks(mlflow: Container) -> None:
    server = start_mlflow(
        mlflow, POSTGRES_HOST="db", POSTGRES_PORT="5433", POSTGRES_DATABASE="d", POSTGRES_USER="u"
    )
    _, errors = server.communicate(timeout=30)
    assert server.returncode == 2
    assert errors == "POSTGRES_PASSWORD_FILE is not set\n"
