"""Download jobs end to end: a real feature store, a real object store, the worker as a process of its own."""

from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from carbon_client import AsyncClient, CarbonError, Client, JobFailed, Patience
from flask.testing import FlaskClient
from playwright.sync_api import expect
from werkzeug.serving import make_server

from tests import objects
from tests.indicators import START
from tests.services.access import add_key, client, entitle
from tests.services.browser import chromium, inaccessible
from tests.services.clients import MigratedDatabase
from tests.services.servers import Process, free_ports, until
from tests.services.test_data_api import ROLE, add, settings
from tools import charting
from tools.embedded.object_store import ObjectStore
from tools.embedded.redis import Redis
from workloads.data_api.app import create_app
from workloads.data_api.downloads.jobs.place import Place
from workloads.data_api.downloads.jobs.queue import Claim, Queue
from workloads.data_api.downloads.jobs.settings import WorkerSettings
from workloads.data_api.downloads.jobs.worker import Worker
from workloads.data_api.store import Store, StoreSlow
from workloads.kit.contracts import env, lake

pytestmark = pytest.mark.thorough

HOUR = timedelta(hours=1)
JOBS = "/v1/downloads/jobs"
ENTITLED = ("read",)
PICTURES = os.environ.get("HUB_PICTURES")
"""Directory in which the page is to be left as a picture, for people to look at."""


class Rig:
    """data-api over both stores, of a folder of the bucket that is the test's own."""

    def __init__(self, database: MigratedDatabase, files: ObjectStore, **changed: Any) -> None:
        self.database, self.files = database, files
        self.folder = f"{database.name}/"
        self.env = {
            **database.env(ROLE),
            **files.env,
            env.DOWNLOADS_LOCATION: f"{files.env[env.DOWNLOADS_LOCATION]}{self.folder}",
        }
        names = (env.DOWNLOADS_LOCATION, env.OBJECT_STORE_URL, env.AWS_REGION)
        told = {name.lower(): self.env[name] for name in names}
        self.settings = settings(database, access_seconds=0, **told, **changed)
        self.store = Store(self.settings)
        self.app = create_app(self.settings, self.store)

    def tenant(self, name: str = "pilot-one", scopes: tuple[str, ...] = ENTITLED) -> FlaskClient:
        found = client(self.app, add_key(self.database, name, scopes=scopes))  # type: ignore[arg-type]
        until(lambda: found.get("/v1/downloads/columns").status_code != 503, "the store is reached")
        return found

    @contextmanager
    def working(self, **changed: Any) -> Iterator[Worker]:
        """A worker, in a thread."""
        ending = threading.Event()
        given: dict[str, Any] = {
            "job_poll_seconds": 0.05,
            "job_beat_seconds": 0.05,
            "job_rest_seconds": 0.1,
        } | changed
        store = Store(self.settings)
        place = Place(self.env[env.DOWNLOADS_LOCATION], self.settings)
        worker = Worker(store, place, self.settings, WorkerSettings(**given), ending)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield worker
        finally:
            ending.set()
            thread.join()
            store.close()

    def objects(self) -> list[str]:
        """Files below the folder."""
        found = objects.client(self.files.url, self.files.secret).list_objects_v2(
            Bucket=lake.DOWNLOADS, Prefix=self.folder
        )
        names = [one["Key"].removeprefix(self.folder) for one in found.get("Contents", [])]
        # A client of S3 marks folders, too.
        return [name for name in names if name and not name.endswith("/")]


Rigs = Callable[..., Rig]


@pytest.fixture
def rigs(
    database: MigratedDatabase, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rigs]:
    monkeypatch.setenv(env.AWS_CREDENTIALS_FILE, object_store.env[env.AWS_CREDENTIALS_FILE])
    entitle(database, pilot_one={}, pilot_two={})
    made: list[Rig] = []

    def make(**changed: Any) -> Rig:
        made.append(Rig(database, object_store, **changed))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


@pytest.fixture
def rig(rigs: Rigs) -> Rig:
    return rigs()


def ask(api: FlaskClient, **query: Any) -> dict[str, Any]:
    answer = api.post(JOBS, query_string=query)
    assert answer.status_code == 202, answer.text
    return answer.get_json()


def job(api: FlaskClient, given: dict[str, Any]) -> dict[str, Any]:
    answer = api.get(f"{JOBS}/{given['id']}")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def ended(api: FlaskClient, given: dict[str, Any], *, seconds: float = 30.0) -> dict[str, Any]:
    until(lambda: job(api, given)["state"] not in ("queued", "running"), "the job ends", seconds)
    return job(api, given)


def usage(database: MigratedDatabase) -> list[tuple[Any, ...]]:
    return database.query(
        "SELECT tenant_id, row_count, bytes FROM features.api_usage WHERE product = 'downloads'"
        " AND row_count > 0"
    )


def some(database: MigratedDatabase, hours: int = 12) -> None:
    for hour in range(hours):
        add(database, START + hour * HOUR, hour - 2.5, symbol=f"P{hour % 3}")


def many(database: MigratedDatabase, rows: int) -> None:
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.commodity_prices_daily (source, symbol, delivery_start, resolution,"
            " published_at, delivery_end, product, market, price, currency, unit, provenance, correction,"
            " topic_partition, topic_offset) SELECT 'many', 'S', at, 'PT15M', at - interval '1 day',"
            " at + interval '15 minutes', 'day-ahead', 'power', n %% 97, 'EUR', 'MWh', 'synthetic', false,"
            " 0, n"
            " FROM (SELECT n, timestamptz '2000-01-01Z' + n * interval '15 minutes' AS at"
            " FROM generate_series(0, %s - 1) AS n) AS made",
            (rows,),
        )


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_job_makes_the_file_that_the_stream_sends_and_counts_its_rows_once(rig: Rig, form: str) -> None:
    some(rig.database)
    api = rig.tenant()
    asked = ask(api, format=form, symbol="P0")
    assert (asked["state"], asked["link"], asked["rows"]) == ("queued", None, 0)
    with rig.working():
        done = ended(api, asked)
    assert done["state"] == "done", done
    assert (done["rows"], done["progress"], done["error"]) == (4, 1.0, None)
    nobody = rig.app.test_client()
    file = nobody.get(done["link"], buffered=True)
    assert file.status_code == 200, file.text
    assert len(file.data) == file.content_length == done["bytes"]
    assert file.get_etag() == (hashlib.sha256(file.data).hexdigest(), False)
    assert file.headers["Content-Disposition"] == f'attachment; filename="prices.{form}"'
    streamed = api.get(
        "/v1/downloads", query_string={"format": form, "symbol": "P0", "as_of": done["as_of"]}, buffered=True
    )
    if form == "csv":
        assert file.data == streamed.data
    else:
        made, sent = (pq.read_table(io.BytesIO(one.data)) for one in (file, streamed))
        assert made.equals(sent)
        assert made.schema.metadata == sent.schema.metadata
    assert usage(rig.database) == [("pilot-one", 4, done["bytes"])]
    assert [one["id"] for one in api.get(JOBS).get_json()["items"]] == [done["id"]]
    events = rig.database.query("SELECT action, tenant_id FROM features.access_events ORDER BY at")
    assert events == [("download.ask", "pilot-one"), ("download.made", "pilot-one")]
    assert rig.objects() == [f"{done['id']}/1"]


def test_any_part_of_a_file_is_the_same_bytes_as_of_the_whole(rig: Rig) -> None:
    many(rig.database, 60_000)
    api = rig.tenant()
    with rig.working():
        link = ended(api, ask(api))["link"]
    nobody = rig.app.test_client()
    whole = nobody.get(link, buffered=True)
    size, tag = len(whole.data), whole.headers["ETag"]
    assert size > 5 << 20, "more than one reading"
    assert whole.headers["Accept-Ranges"] == "bytes"

    def part(asked: str, **more: str) -> Any:
        return nobody.get(link, headers={"Range": asked, **more}, buffered=True)

    cut = (4 << 20) + 17
    for asked, expected in (
        (f"bytes={cut}-", whole.data[cut:]),
        ("bytes=0-99", whole.data[:100]),
        ("bytes=-10", whole.data[-10:]),
        (f"bytes={size - 1}-{size + 50}", whole.data[-1:]),
    ):
        found = part(asked, **{"If-Range": tag})
        assert found.status_code == 206, found.text
        assert found.data == expected
        assert found.headers["Content-Range"].endswith(f"/{size}")
    assert whole.data[:cut] + part(f"bytes={cut}-").data == whole.data
    assert part("bytes=5-", **{"If-Range": '"another"'}).data == whole.data
    beyond = part(f"bytes={size}-")
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    head = nobody.head(link)
    assert (head.status_code, head.content_length, head.data) == (200, size, b"")
    for held in (tag, f"W/{tag}", f'"another", W/{tag}'):  # a proxy that compresses makes it a weak one
        assert nobody.get(link, headers={"If-None-Match": held}).status_code == 304


def test_a_link_that_was_altered_or_has_ended_is_refused_and_says_so(rigs: Rigs) -> None:
    rig = rigs(job_hours=1.0)
    some(rig.database)
    api = rig.tenant()
    with rig.working():
        one, other = (ended(api, ask(api, symbol=symbol)) for symbol in ("P0", "P1"))
    nobody = rig.app.test_client()
    address, _, rest = one["link"].partition("?expires=")
    end, _, signature = rest.partition("&signature=")
    first = "0" if signature[0] != "0" else "1"
    for altered in (
        f"{address}?expires={int(end) + 1}&signature={signature}",
        f"{address}?expires={end}&signature={first}{signature[1:]}",
        one["link"].replace(one["id"], other["id"]),
        one["link"].replace(one["id"], "00000000-0000-4000-8000-000000000000"),
    ):
        refused = nobody.get(altered)
        assert refused.status_code == 403, altered
        assert "not as it was given out" in refused.get_json()["detail"]
        assert "pilot" not in refused.text
    assert nobody.get(address).status_code == 422
    with rig.database.admin() as connection:
        connection.execute("UPDATE features.download_jobs SET expires_at = now() - interval '1 second'")
    # Signed for that end, as its own link was.
    ending = datetime.fromisoformat(one["expires_at"])
    assert int(end) == int(ending.timestamp())
    listed = {found["id"]: found for found in api.get(JOBS).get_json()["items"]}
    assert {found["state"] for found in listed.values()} == {"expired"}
    assert listed[one["id"]]["link"] is None
    with rig.working(job_clean_seconds=0.05):
        until(lambda: rig.objects() == [], "the files are removed")
        until(lambda: _states(rig) == {"expired"}, "the jobs are told as expired")
        expired = nobody.get(one["link"])
        assert expired.status_code == 403
        assert "expired" in expired.get_json()["detail"]
        with rig.database.admin() as connection:
            connection.execute("UPDATE features.download_jobs SET ended_at = now() - interval '2 hours'")
        until(lambda: _states(rig) == set(), "the jobs are forgotten")


def _states(rig: Rig) -> set[str]:
    return {state for (state,) in rig.database.query("SELECT state FROM features.download_jobs")}


def test_a_job_is_its_tenants_own(rig: Rig) -> None:
    some(rig.database)
    api, other = rig.tenant(), rig.tenant("pilot-two")
    given = ask(api)
    unknown = other.get(f"{JOBS}/00000000-0000-4000-8000-000000000000")
    for answer in (other.get(f"{JOBS}/{given['id']}"), other.delete(f"{JOBS}/{given['id']}")):
        assert answer.status_code == unknown.status_code == 404
        assert answer.get_json()["detail"] == unknown.get_json()["detail"]
    assert other.get(JOBS).get_json()["items"] == []
    assert job(api, given)["state"] == "queued"


def test_a_tenant_without_the_product_is_refused_and_one_that_lost_it_gets_no_file(rig: Rig) -> None:
    some(rig.database)
    api = rig.tenant()
    given = ask(api)
    entitle(rig.database, pilot_one={"products": ("hub", "api")}, pilot_two={})
    refused = api.post(JOBS)
    assert refused.status_code == 403
    assert "downloads" in refused.get_json()["detail"]
    with rig.working():
        until(lambda: _states(rig) == {"failed"}, "the job is refused")
    assert rig.objects() == []
    assert usage(rig.database) == []
    entitle(rig.database, pilot_one={}, pilot_two={})
    assert "no product downloads" in job(api, given)["error"]


def test_what_a_tenant_may_see_when_the_file_is_made_is_all_that_is_in_it(rig: Rig) -> None:
    some(rig.database)
    add(rig.database, START, 7.0, symbol="COAL", market="coal")
    api = rig.tenant()
    given = ask(api)
    entitle(rig.database, pilot_one={"markets": ("coal",)}, pilot_two={})
    with rig.working():
        done = ended(api, given)
    lines = rig.app.test_client().get(done["link"], buffered=True).text.splitlines()
    assert (done["rows"], len(lines)) == (1, 2)
    assert "COAL" in lines[1]


def test_rows_of_the_month_are_looked_at_again_when_the_file_is_made(rig: Rig) -> None:
    some(rig.database)
    api = rig.tenant()
    first, second = ask(api), ask(api)
    entitle(rig.database, pilot_one={"rows_per_month": 12}, pilot_two={})
    with rig.working():
        until(lambda: _states(rig) == {"done", "failed"}, "one file is made, and the other is not")
    assert [rows for _, rows, _ in usage(rig.database)] == [12]
    entitle(rig.database, pilot_one={}, pilot_two={})
    assert (job(api, first)["state"], job(api, first)["rows"]) == ("done", 12)
    assert "12 rows of this month" in job(api, second)["error"]


def test_rows_of_a_job_count_for_all_pods(rigs: Rigs, redis: Redis) -> None:
    rig = rigs(redis_url=redis.env["REDIS_URL"], redis_password_file=redis.password_file)
    some(rig.database)
    # Of this test's own: what is counted there is kept by the tenant's name.
    name = rig.database.name.replace("_", "-")
    entitle(rig.database, **{name: {}})
    api = rig.tenant(name)
    entitle(rig.database, **{name: {"rows_per_month": 12}})
    ask(api)
    assert api.get(JOBS).status_code == 200
    with rig.working():
        until(lambda: api.get(JOBS).status_code == 429, "the rows of the job count")
    refused = api.get(JOBS)
    assert refused.get_json()["errors"][0]["field"] == "rows_per_month"


def test_a_question_in_the_body_is_refused_and_not_taken_for_all_rows(rig: Rig) -> None:
    api = rig.tenant()
    answer = api.post(JOBS, json={"dataset": "prices", "symbol": "DE-LU"})
    assert answer.status_code == 422
    assert answer.get_json()["detail"] == "body: it takes no body"
    assert api.get(JOBS).get_json()["items"] == []


def test_no_more_jobs_wait_than_may_and_a_removed_one_makes_room(rigs: Rigs) -> None:
    rig = rigs(jobs_open=2)
    some(rig.database)
    api = rig.tenant()
    first, _ = ask(api), ask(api)
    refused = api.post(JOBS)
    assert refused.status_code == 409
    assert "2 jobs" in refused.get_json()["detail"]
    ask(rig.tenant("pilot-two"))
    assert api.delete(f"{JOBS}/{first['id']}").status_code == 204
    assert api.get(f"{JOBS}/{first['id']}").status_code == 404
    ask(api)
    with rig.working(job_clean_seconds=0.05):
        until(lambda: _states(rig) == {"done"}, "the others are done, and the removed one is forgotten")
    assert len(rig.objects()) == 3


def test_a_file_of_a_done_job_goes_with_it(rig: Rig) -> None:
    some(rig.database)
    api = rig.tenant()
    with rig.working(job_clean_seconds=0.05):
        done = ended(api, ask(api))
        assert api.delete(f"{JOBS}/{done['id']}").status_code == 204
        assert rig.app.test_client().get(done["link"]).status_code == 403
        until(lambda: (rig.objects(), _states(rig)) == ([], set()), "file and job are gone")


def test_a_spreadsheet_with_too_many_rows_fails_and_says_what_to_do(rigs: Rigs) -> None:
    rig = rigs(xlsx_rows=5)
    some(rig.database)
    api = rig.tenant()
    with rig.working():
        failed = ended(api, ask(api, format="xlsx"))
    assert (failed["state"], failed["link"], failed["rows"]) == ("failed", None, 0)
    assert "format=parquet" in failed["error"]
    assert usage(rig.database) == []


def test_a_job_that_is_removed_while_it_fails_ends_no_worker(
    rigs: Rigs, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = rigs(xlsx_rows=5)
    some(rig.database)
    api, fails = rig.tenant(), Queue.failed

    def failed(queue: Queue, claim: Claim, why: str) -> None:
        assert api.delete(f"{JOBS}/{claim.id}").status_code == 204
        fails(queue, claim, why)

    monkeypatch.setattr(Queue, "failed", failed)
    with rig.working():
        gone = ask(api, format="xlsx")
        until(lambda: api.get(f"{JOBS}/{gone['id']}").status_code == 404, "the job is removed")
        assert ended(api, ask(api, format="csv"))["state"] == "done"


def test_what_does_not_end_in_its_time_is_not_begun_for_ever(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    some(rig.database)
    begun: list[str] = []

    def slow(*_: Any) -> Iterator[bytes]:
        begun.append("once")
        raise StoreSlow("canceling statement due to statement timeout")

    monkeypatch.setattr(Store, "copied", slow)
    api = rig.tenant()
    with rig.working():
        failed = ended(api, ask(api))
    assert (failed["state"], len(begun)) == ("failed", 2)
    assert "did not finish in its time" in failed["error"]


def test_a_job_outlives_restarts_and_not_makers_that_it_ends(rig: Rig) -> None:
    some(rig.database)
    api, kept = rig.tenant(), Queue(rig.store, timedelta(hours=1))
    given = ask(api)
    for _ in range(20):
        claim = kept.claim()
        assert claim is not None
        kept.enter(claim.tenant)
        kept.again(claim, None, timedelta(0))
    with rig.working(job_attempts=3):
        assert ended(api, given)["state"] == "done"

    given, unheard = ask(api), Queue(rig.store, timedelta(0))
    for _ in range(4):  # and of the fourth's end nobody has heard yet
        assert unheard.claim() is not None
    with rig.working(job_attempts=3):
        failed = ended(api, given)
    assert failed["state"] == "failed"
    assert "makers ended" in failed["error"]


def test_a_tenant_that_takes_files_slowly_leaves_links_to_others(rigs: Rigs) -> None:
    rig = rigs(links=3, links_each=2)
    some(rig.database)
    links: dict[str, str] = {}
    with rig.working():
        for name in ("pilot-one", "pilot-two"):
            api = rig.tenant(name)
            links[name] = ended(api, ask(api))["link"]
    held = [rig.app.test_client().get(links["pilot-one"]) for _ in range(2)]
    assert [one.status_code for one in held] == [200, 200]
    refused = rig.app.test_client().get(links["pilot-one"])
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert rig.app.test_client().get(links["pilot-two"]).status_code == 200
    held[0].close()
    assert rig.app.test_client().get(links["pilot-one"]).status_code == 200
    held[1].close()


def test_a_place_of_files_that_is_away_holds_a_job_up_and_it_says_so(
    database: MigratedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ObjectStore(tmp_path)
    monkeypatch.setenv(env.AWS_CREDENTIALS_FILE, own.env[env.AWS_CREDENTIALS_FILE])
    entitle(database, pilot_one={})
    some(database)
    rig = Rig(database, own)
    try:
        api = rig.tenant()
        with rig.working(job_attempts=1000, job_rest_seconds=0.0):
            ended(api, ask(api))
            own.stop()
            given = ask(api)
            until(lambda: job(api, given)["error"] is not None, "the job says what holds it up")
            assert "place of files" in job(api, given)["error"]
            assert job(api, given)["state"] in ("queued", "running")
            own.start()
            done = ended(api, given, seconds=60)
        assert (done["state"], done["error"], done["rows"]) == ("done", None, 12)
        assert len(rig.objects()) == 2
        assert sum(rows for _, rows, _ in usage(database)) == 24
        own.stop()
        away = rig.app.test_client().get(done["link"])
        assert away.status_code == 503
        assert "place of files" in away.get_json()["detail"]
    finally:
        rig.store.close()
        own.stop()


def test_a_stack_without_a_place_for_files_says_that_streams_go_on(database: MigratedDatabase) -> None:
    entitle(database, pilot_one={})
    store = Store(settings(database))
    try:
        api = client(create_app(settings(database), store), add_key(database, "pilot-one"))
        until(lambda: api.get("/v1/downloads/columns").status_code == 200, "the store is reached")
        for answer in (api.post(JOBS), api.get(JOBS)):
            assert answer.status_code == 503
            assert "/v1/downloads" in answer.get_json()["remedy"]
        assert api.get("/v1/downloads", buffered=True).status_code == 200
    finally:
        store.close()


@contextmanager
def answering(rig: Rig, app: Any = None) -> Iterator[str]:
    """Address of data-api, which anybody may ask."""
    server = make_server("127.0.0.1", 0, app or rig.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_client_waits_for_a_file_and_goes_on_where_an_answer_broke_off(rig: Rig, tmp_path: Path) -> None:
    many(rig.database, 60_000)
    key = add_key(rig.database, "pilot-one")
    sent: list[str | None] = []

    def cutting(environ: Any, start: Any) -> Any:
        """Ends the first answers of a file after a part of what was promised."""
        answer = rig.app(environ, start)
        if "/files/" not in environ["PATH_INFO"]:
            return answer
        sent.append(environ.get("HTTP_RANGE"))
        return itertools.islice(answer, 1) if len(sent) <= 2 else answer

    patience = Patience(attempts=3, longest=0.01)
    with rig.working(), answering(rig, cutting) as url:
        with Client(url, key=key, patience=patience) as api:
            until(lambda: _answers(api), "the store is reached")
            file = api.download_job(tmp_path / "one.csv", symbol="S")
            (told,) = api.download_jobs().items
            again = api.fetch_download_job(told.id, tmp_path / "two.csv")
            with pytest.raises(JobFailed, match="format=parquet"):
                api.download_job(tmp_path / "never.xlsx", format="xlsx")
            assert not (tmp_path / "never.xlsx").exists()
            api.delete_download_job(told.id)
            assert [one.format for one in api.download_jobs().items] == ["xlsx"]

        async def same() -> Path:
            async with AsyncClient(url, key=key, patience=patience) as other:
                return await other.download_job(tmp_path / "three.csv", as_of=told.as_of)

        third = asyncio.run(same())
    assert file.stat().st_size == told.bytes
    assert file.read_bytes() == again.read_bytes() == third.read_bytes()
    first, second, third_range, *_ = sent
    assert (first, second) == (None, f"bytes={4 << 20}-")
    assert third_range is None, "the two of the first file were enough"
    assert file.read_bytes().count(b"\n") == 60_001


def _answers(api: Client) -> bool:
    try:
        api.download_jobs()
    except CarbonError:
        return False
    return True


def test_the_hub_shows_how_far_a_file_is_without_a_reload_and_saves_it(rigs: Rigs, tmp_path: Path) -> None:
    rig = rigs(charting=charting.directory())
    some(rig.database)
    key = add_key(rig.database, "pilot-one")
    with answering(rig) as url, chromium() as browser:
        until(lambda: rig.tenant().get(JOBS).status_code == 200, "the store is reached")
        page = browser.new_context(base_url=f"{url}/hub/", accept_downloads=True).new_page()
        page.goto("login")
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Log in").click()
        page.goto("downloads")
        expect(page.locator("body[data-ready]")).to_be_visible()
        expect(page.get_by_text("None yet")).to_be_visible()
        page.get_by_role("button", name="Preview").click()
        page.get_by_role("button", name="As a job").click()
        state = page.locator("#jobs tbody td").nth(1)
        expect(state).to_have_text("waits")
        assert inaccessible(page) == []
        with rig.working():
            expect(state).to_have_text("is there", timeout=20_000)
        with page.expect_download() as download:
            page.get_by_role("link", name="Save prices").click()
        download.value.save_as(tmp_path / "saved.csv")
        assert len((tmp_path / "saved.csv").read_text().splitlines()) == 5
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / "download-jobs.png", full_page=True)
        page.get_by_role("button", name="Remove prices").click()
        expect(page.get_by_text("None yet")).to_be_visible()


class TestAsAProcess:
    """The worker as its image starts it."""

    ROWS = 600_000

    def _started(self, rig: Rig, log: Path) -> Process:
        (port,) = free_ports(1)
        given = {"JOB_LEASE_SECONDS": "2", "JOB_BEAT_SECONDS": "0.05", "METRICS_PORT": str(port)}
        return Process([sys.executable, "-m", "workloads.data_api", "jobs"], log, {**rig.env, **given})

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_what_a_worker_that_ended_had_in_hand_is_made_anew_once(
        self, rig: Rig, tmp_path: Path, number: signal.Signals
    ) -> None:
        many(rig.database, self.ROWS)
        api = rig.tenant()
        given = ask(api)

        def part_there() -> bool:
            found = job(api, given)
            assert found["state"] in ("queued", "running"), "it ended before it could be killed"
            return found["rows"] > 0

        first = self._started(rig, tmp_path / "first.log")
        try:
            until(part_there, "a part of the file is made", every=0.01)
            first.send(number)
            until(lambda: not first.running(), "the worker has ended")
        finally:
            first.stop()
        assert job(api, given)["state"] == ("running" if number is signal.SIGKILL else "queued")
        second = self._started(rig, tmp_path / "second.log")
        try:
            done = ended(api, given, seconds=120)
        finally:
            second.stop()
        assert (done["state"], done["rows"]) == ("done", self.ROWS)
        assert rig.objects() == [f"{done['id']}/2"]
        assert usage(rig.database) == [("pilot-one", self.ROWS, done["bytes"])]
        file = rig.app.test_client().get(done["link"], buffered=True).data
        assert file.count(b"\n") == self.ROWS + 1
