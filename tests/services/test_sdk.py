"""The Python client against a running data-api: its README, its examples, and its wheel in each Python."""

from __future__ import annotations

import asyncio
import csv
import doctest
import os
import socket
import socketserver
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from carbon_client import AsyncClient, BadInput, Client, NotAllowed, Refused, frames, scenarios
from carbon_client.models import CurvesBody, Listed, Position, Price, Quote
from msgspec.structs import replace

from tests.fixture_models import artifact, echoing
from tests.indicators import indicator
from tests.services.access import add_key, entitle
from tests.services.clients import KafkaClient, MigratedDatabase
from tests.services.consumers import declared_topics, publish
from tests.services.outcomes import add_predictions, add_prices
from tests.services.servers import until
from tests.services.test_data_api import START, add
from tests.services.test_data_api_outlets import add_indicators
from tests.services.test_stream import Server, prices, served
from tools import environments
from tools.paths import ROOT
from tools.sdk import wheel

HOUR = timedelta(hours=1)
SDK = ROOT / "sdk"
GAIN = Position(period="2027-01", megawatts=1, price=81)
"""744 hours in January: as many EUR by a curve that has 82."""
VERSIONS = ("3.11", "3.12", "3.13")


def _fill(database: MigratedDatabase) -> None:
    """A day of Berlin's power, revised once, and a model's predictions."""
    for hour in range(-1, 24):
        at = START + hour * HOUR
        add(database, at, {-1: 45.0, 0: 49.0, 2: -5.0}.get(hour, 50.0 + hour))
    add(database, START, 50.0, published=START - timedelta(hours=6))
    values = echoing(3, 300)
    days = add_prices(database, "SYN-A", values, start=datetime(2020, 1, 1, tzinfo=UTC))
    add_predictions(database, artifact("SYN-A"), 4, days[-19:], values)
    add_indicators(database, indicator(48, 50_000.0))


@pytest.fixture(scope="module")
def api(
    kafka: KafkaClient, migrated: MigratedDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, MigratedDatabase]]:
    """One API for all, as it is deployed."""
    database = migrated.clone()
    try:
        _fill(database)
        directory = tmp_path_factory.mktemp("api")
        with declared_topics(kafka), served(database, kafka, directory, ACCESS_SECONDS="0") as server:
            yield server, database
    finally:
        database.drop()


@pytest.fixture
def env(
    api: tuple[Server, MigratedDatabase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """What a program finds in its environment."""
    server, database = api
    key = tmp_path / "key"
    key.write_text(add_key(database, "pilot-one", scopes=("read", "write")))
    given = {"CARBON_URL": f"http://127.0.0.1:{server.port}", "CARBON_KEY_FILE": str(key)}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


def _example(name: str, *args: str | Path) -> str:
    command = [sys.executable, SDK / "examples" / f"{name}.py", *args]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(SDK)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("env")
def test_the_readme_is_true() -> None:
    done = doctest.testfile(
        str(SDK / "README.md"), module_relative=False, optionflags=doctest.ELLIPSIS, encoding="utf-8"
    )
    assert done.attempted > 20
    assert done.failed == 0


@pytest.mark.usefixtures("env")
def test_each_route_gives_rows() -> None:
    with Client() as client:
        assert {row.symbol for row in client.instruments()} == {"DE-LU", "SYN-A"}
        assert {row.symbol for row in client.latest(page_size=1)} == {"DE-LU", "SYN-A"}
        assert "Europe/Berlin" in {row.time_zone for row in client.markets()}
        assert "MWh" in {row.unit for row in client.units()}
        assert [row.value for row in client.indicators("DE-LU", "load")] == [50_000.0]
        assert len(client.predictions("SYN-A", page_size=3).all()) == 19
        (record,) = client.skill("SYN-A")
        assert record.outcomes == 18
        by_page = client.prices("DE-LU", page_size=7, as_of=datetime.now(UTC)).all()
        assert by_page == client.prices("DE-LU", as_of=datetime.now(UTC)).all()
        assert len(by_page) == 25

    async def same() -> list[Price]:
        async with AsyncClient() as client:
            return await client.prices("DE-LU", page_size=4).all()

    assert asyncio.run(same()) == by_page


@pytest.mark.usefixtures("env")
def test_a_scenario_is_saved_changed_and_deleted_by_either_client() -> None:
    body = CurvesBody(resolution="P1D", quotes=[Quote(period="2027-01", price=82)])

    async def saved() -> Listed:
        async with AsyncClient() as client:
            first = await client.save_scenario("sommer 2027", body)
            assert await client.save_scenario("sommer 2027", body) == first  # as after a lost answer
            changed = replace(scenarios.body(await client.scenario("sommer 2027")), positions=[GAIN])
            second = await client.save_scenario("sommer 2027", changed, replaces=first.saved_at)
            with pytest.raises(Refused, match=r"409: replaces: .* saved one of this name"):
                await client.save_scenario("sommer 2027", body, replaces=first.saved_at)
            with pytest.raises(Refused, match="409: saved_at: "):
                await client.delete_scenario("sommer 2027", saved_at=first.saved_at)
            curves = await client.scenario_curves("sommer 2027")
            assert [round(one.profit) for one in curves.positions] == [744]
            return second

    listed = asyncio.run(saved())
    with Client() as client:
        assert client.scenarios().items == [listed]
        assert len(client.scenario_curves("sommer 2027").items) == 31
        client.delete_scenario("sommer 2027", saved_at=listed.saved_at)
        assert client.scenarios().items == []
        with pytest.raises(Refused, match="404: name: there is no saved scenario of this name"):
            client.scenario("sommer 2027")
        with pytest.raises(BadInput, match="is no name"):
            client.scenario("..")


def test_a_key_that_only_reads_saves_no_scenario(
    env: dict[str, str], api: tuple[Server, MigratedDatabase]
) -> None:
    with (
        Client(env["CARBON_URL"], key=api[0].key) as client,
        pytest.raises(NotAllowed, match="scope: the credential has no scope write"),
    ):
        client.save_scenario("mine", CurvesBody(quotes=[Quote(period="2027-01", price=82)]))


@pytest.mark.usefixtures("env")
def test_a_table_has_the_columns_of_csv_and_a_download_is_whole(tmp_path: Path) -> None:
    with Client() as client:
        rows = client.predictions("SYN-A").all()
        table = frames.of(rows, type(rows[0])).to_pandas()
        assert len(table["outcome_price"].dropna()) == 18
        file = client.download(tmp_path / "prices.csv", symbol="DE-LU")
        told = list(csv.DictReader(file.read_text().splitlines()))
        shown = client.prices("DE-LU").to_pandas()
    assert list(shown.columns) == list(told[0])
    assert shown["price"].tolist() == [float(row["price"]) for row in told]


def test_a_tenant_without_the_product_is_told_which(api: tuple[Server, MigratedDatabase]) -> None:
    server, database = api
    entitle(database, pilot_one={}, pilot_two={"products": ("hub",)})
    key = add_key(database, "pilot-two")
    with Client(f"http://127.0.0.1:{server.port}", key=key) as client:

        def refused() -> str:
            try:
                client.prices("DE-LU").all()
            except NotAllowed as error:
                return str(error)
            return ""

        # The pods learn of a new tenant after some seconds.
        until(lambda: refused().startswith("403"), "the tenant is known")
        assert "api" in refused()
        assert "[request " in refused()
        assert key not in refused()
    with pytest.raises(NotAllowed, match=r"^401"):
        Client(f"http://127.0.0.1:{server.port}", key="ck_000000000000_x").markets().all()


@pytest.mark.usefixtures("env")
def test_the_example_of_negative_hours() -> None:
    table = _example("negative_hours", "DE-LU", "2024-03-01", "2024-03-02").splitlines()
    assert table[-1].split()[0] == "2024-03-01"
    assert table[-1].split()[2:] == ["24.0", "1"] or table[-1].split()[2:] == ["24.0", "1.0"]


@pytest.mark.usefixtures("env")
def test_the_example_of_revisions() -> None:
    told = _example("revisions", "DE-LU").splitlines()
    assert told[0] == "DE-LU: 25 periods, 1 of them revised"
    assert "49.0 -> 50.0 (+1.00)" in told[1]
    assert _example("revisions", "DE-LU", "--as-of", "2024-02-29T12:00:00Z").endswith("0 of them revised\n")


@pytest.mark.usefixtures("env")
def test_the_example_of_a_models_record_counts_what_the_api_counts() -> None:
    told = _example("model_record", "SYN-A")
    assert "SYN-A: 18 outcomes" in told
    assert "18 outcomes\n" in told
    assert "no prediction has an outcome" in _example("model_record", "DE-LU")


@pytest.mark.usefixtures("env")
def test_the_example_of_a_forward_curve() -> None:
    told = _example("forward_curve")
    assert "quotes: 90 days" in told
    assert "outage: 90 days" in told
    assert "10 MW of 2027-02 by outage" in told


@contextmanager
def _trickle(kafka: KafkaClient) -> Iterator[None]:
    """A price now and then: until a stream is connected, nothing that comes is for it."""
    ended = threading.Event()

    def go_on() -> None:
        number = 0
        while not ended.wait(0.2):
            publish(kafka, prices(number, 1))
            number += 1

    publisher = threading.Thread(target=go_on)
    publisher.start()
    try:
        yield
    finally:
        ended.set()
        publisher.join()


@pytest.mark.usefixtures("env")
def test_the_example_that_follows_goes_on_where_it_ended(kafka: KafkaClient, tmp_path: Path) -> None:
    target = tmp_path / "followed.csv"
    with _trickle(kafka):
        assert _example("follow", target, "--count", "3") == "3 prices written\n"
    publish(kafka, prices(1_000, 5))
    # All that has come since, as another program sees it.
    numbers: list[float] = []
    with (
        Client() as client,
        closing(client.stream(last_event_id=target.with_suffix(".place").read_text())) as all_,
    ):
        while not {1_000.0, 1_001.0, 1_002.0, 1_003.0, 1_004.0} <= set(numbers):
            numbers.append(next(all_).data.price)
    told = _example("follow", target, "--count", str(len(numbers)))
    assert told == f"{len(numbers)} prices written\n"
    written = [float(row[2]) for row in csv.reader(target.read_text().splitlines())]
    assert len(written) == len(set(written)) == 3 + len(numbers)
    assert set(written[3:]) == set(numbers)


class _Cutting(socketserver.ThreadingTCPServer):
    """Passes connections on to a port, and cuts each after so many bytes of its answer."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, after: int) -> None:
        self.port, self.after, self.cuts = port, after, 0
        super().__init__(("127.0.0.1", 0), _Cut)


class _Cut(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Cutting)
        with socket.create_connection(("127.0.0.1", server.port)) as other:
            other.sendall(self.request.recv(65_536))
            left = server.after
            while left > 0 and (block := other.recv(min(left, 4_096))):
                self.request.sendall(block)
                left -= len(block)
            server.cuts += left == 0


def test_a_stream_loses_and_doubles_nothing_while_its_connections_are_cut(
    api: tuple[Server, MigratedDatabase],
    env: dict[str, str],
    kafka: KafkaClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("carbon_client.client.sleep", lambda _: None)
    with Client() as client, _trickle(kafka), closing(client.stream()) as stream:
        place = next(stream).id
    publish(kafka, prices(2_000, 300))
    with _Cutting(api[0].port, 7_001) as cutting:
        threading.Thread(target=cutting.serve_forever, daemon=True).start()
        try:
            with (
                Client(f"http://127.0.0.1:{cutting.server_address[1]}") as client,
                closing(client.stream(last_event_id=place)) as stream,
            ):
                found: list[float] = []
                while len([one for one in found if one >= 2_000]) < 300:
                    found.append(next(stream).data.price)
        finally:
            cutting.shutdown()
    assert len(found) == len(set(found))
    assert {one for one in found if one >= 2_000} == set(map(float, range(2_000, 2_300)))
    assert cutting.cuts > 5


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel installs."""
    target = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(wheel.build(target)) as made:
        made.extractall(target / "site")
    return target / "site"


def test_the_wheel_says_what_it_needs_and_that_it_is_typed(installed: Path) -> None:
    (metadata,) = installed.glob("*.dist-info/METADATA")
    needs = [line for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist")]
    assert [one.split()[1] for one in needs if "extra" not in one] == ["httpx", "msgspec"]
    assert (installed / "carbon_client" / "py.typed").exists()
    assert list(installed.glob("*.dist-info/licenses/LICENSE"))
    assert {path.name for path in installed.iterdir()} == {"carbon_client", metadata.parent.name}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.thorough
def test_the_wheel_passes_its_tests_in_each_python(version: str, installed: Path, tmp_path: Path) -> None:
    interpreter = environments.interpreter(version)
    if interpreter is None:
        pytest.skip(f"there is no Python {version} on this machine")
    pinned = (SDK / "requirements-test.txt").read_bytes()
    python = environments.made("sdk", pinned, interpreter)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-rs", "-c", tmp_path / "pytest.ini", ROOT / "tests" / "unit" / "sdk"],
        env=os.environ | {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    # With the extras there, nothing is left out.
    assert "skipped" not in done.stdout, done.stdout[-2_000:]
