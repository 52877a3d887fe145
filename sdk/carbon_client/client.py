"""The client. Made from `async_client.py` by `python -m tools sdk generate`."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from carbon_client import access, core, files, jobs, models, scenarios
from carbon_client.base import When
from carbon_client.downloads import Download
from carbon_client.errors import CarbonError, Unavailable, of_answer, of_fault
from carbon_client.events import Event, Place, event
from carbon_client.jobs import Resumed
from carbon_client.pages import P, Pages, R
from carbon_client.patience import Patience
from carbon_client.routes import Routes
from carbon_client.sse import Parser

T = TypeVar("T")

sleep = time.sleep


class Client(Routes):
    """Asks a data-api; threads may share one. Close it, or use it in a `with`.

    Args:
        url: its address; by default that of the variable CARBON_URL.
        key: API key or access token.
        key_file: a file with it, read for each request; by default that which CARBON_KEY_FILE names.
        insecure: whether an address without TLS is asked that is neither this machine nor within a cluster.
        patience: how often and how long to ask again.
        transport: httpx's, such as one through a proxy.

    Raises:
        BadInput: the address or the key is missing or none.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        key_file: Path | str | None = None,
        insecure: bool = False,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = access.address(url, insecure=insecure)
        self._patience = patience or Patience()
        auth = access.Bearer(key, key_file)
        try:
            self._http = httpx.Client(
                base_url=self._url,
                auth=auth,
                headers=core.HEADERS,
                timeout=core.TIMEOUT,
                transport=transport,
                trust_env=access.through_proxies(self._url),
            )
        except (ValueError, OSError, httpx.InvalidURL):
            raise access.bad_environment() from None

    def __repr__(self) -> str:
        return f"Client({self._url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def _pages(self, path: str, page: type[P], row: type[R], given: Mapping[str, Any]) -> Pages[P, R]:
        asked = core.parameters(given)

        def ask(cursor: str | None) -> P:
            params = asked if cursor is None else asked | {"cursor": cursor}
            request = core.request(self._http, "GET", path, params=params)
            return core.decoded(self._answer(request), page)

        return Pages(ask, row)

    def _given(self, path: str, body: msgspec.Struct, kind: type[T]) -> T:
        return self._named("POST", path, {}, kind, body=core.body(body))

    def _said(self, path: str, names: Mapping[str, str], body: msgspec.Struct, kind: type[T]) -> T:
        return self._named("PUT", path, names, kind, body=core.body(body))

    def _named(
        self,
        method: str,
        path: str,
        names: Mapping[str, str],
        kind: type[T],
        given: Mapping[str, Any] | None = None,
        body: bytes | None = None,
    ) -> T:
        request = core.request(
            self._http,
            method,
            core.named(path, names),
            params=core.parameters(given or {}),
            content=body,
            headers=None if body is None else {"Content-Type": "application/json"},
        )
        return core.decoded(self._answer(request), kind)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        attempt = 0
        while True:
            attempt += 1
            try:
                with self._opened(request) as answer:
                    answer.read()
                    return answer
            except CarbonError as error:
                sleep(self._wait(attempt, error))

    def _file(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path:
        attempt, lines, asked = 0, 0, core.parameters(given)
        with files.whole(Path(target)) as file:
            got = Download(file, asked)
            while True:
                attempt += 1
                request = core.request(
                    self._http, "GET", path, params=got.question(), headers={"Accept-Encoding": "identity"}
                )
                try:
                    with self._opened(request) as answer:
                        got.begins(answer)
                        for block in answer.iter_bytes():
                            got.add(block)
                    got.ends()
                    break
                except CarbonError as error:
                    # One that brought more lines is the first of the next few.
                    attempt, lines = 1 if got.lines > lines else attempt, got.lines
                    sleep(self._wait(attempt, got.broke(error)))
        return Path(target)

    def scenarios(self) -> models.ScenariosPage:
        """Questions to `curves` that the tenant saved, by name: `/v1/scenarios`."""
        return self._named("GET", scenarios.PATH, {}, models.ScenariosPage)

    def scenario(self, name: str) -> models.Saved:
        """A saved one: `/v1/scenarios/{name}`. `scenarios.body` makes a `CurvesBody` of it."""
        return self._named("GET", scenarios.ONE, {"name": name}, models.Saved)

    def save_scenario(
        self, name: str, body: models.CurvesBody, *, replaces: When | None = None
    ) -> models.Listed:
        """Save what `curves` takes, for everybody of the tenant: `/v1/scenarios/{name}`.

        Args:
            replaces: `saved_at` of the one of this name that is saved over; without it there must be none.
        """
        return self._named(
            "PUT", scenarios.ONE, {"name": name}, models.Listed, {"replaces": replaces}, core.body(body)
        )

    def delete_scenario(self, name: str, *, saved_at: When | None = None) -> None:
        """Delete a saved one: `/v1/scenarios/{name}`.

        Args:
            saved_at: of the one that was seen: what another saved over it since then stays.
        """
        path, given = core.named(scenarios.ONE, {"name": name}), core.parameters({"saved_at": saved_at})
        self._answer(core.request(self._http, "DELETE", path, params=given))

    def scenario_curves(self, name: str) -> models.CurvesPage:
        """What a saved one gives now: its curves side by side, and what its positions gain by each."""
        saved = self.scenario(name)
        asked = msgspec.json.encode(saved.curves)  # as it is, whatever of it this release does not know
        return self._named("POST", "/v1/curves", {}, models.CurvesPage, body=asked)

    def download_jobs(self) -> models.JobsPage:
        """Files that were asked for as jobs, the newest first: `/v1/downloads/jobs`."""
        return core.decoded(self._answer(core.request(self._http, "GET", jobs.PATH)), models.JobsPage)

    def delete_download_job(self, job: str) -> None:
        """Cancel a job, or remove its file: `/v1/downloads/jobs/{id}`."""
        self._answer(core.request(self._http, "DELETE", jobs.path(job)))

    def fetch_download_job(self, job: str, path: Path | str) -> Path:
        """Wait until a job has ended, and fetch its file; what breaks off goes on where it did.

        Args:
            job: its `id`, of whichever process asked for it.
            path: The file to write: it is there whole or not at all.

        Raises:
            JobFailed: there is no file, and why.
        """
        waits = jobs.waits()
        while True:
            answer = self._answer(core.request(self._http, "GET", jobs.path(job)))
            if (link := jobs.link(core.decoded(answer, models.Job))) is not None:
                return self._fetched(link, Path(path))
            sleep(next(waits))

    def _job(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path:
        attempt, asked = 0, core.parameters(given)
        while True:
            attempt += 1
            try:
                with self._opened(core.request(self._http, "POST", path, params=asked)) as answer:
                    answer.read()
                    job = core.decoded(answer, models.Job)
                break
            except CarbonError as error:
                # Without an answer nobody knows whether it was taken down: asked again, there may be two.
                if error.request_id is None:
                    raise
                sleep(self._wait(attempt, error))
        return self.fetch_download_job(job.id, target)

    def _fetched(self, link: str, target: Path) -> Path:
        attempt, size = 0, 0
        with files.whole(target) as file:
            got = Resumed(file)
            while not got.whole:
                attempt += 1
                request = core.request(self._http, "GET", link, headers=got.headers())
                try:
                    with self._opened(request) as answer:
                        got.begins(answer)
                        for block in answer.iter_bytes():
                            got.add(block)
                except CarbonError as error:
                    # One that brought more is the first of the next few.
                    attempt, size = 1 if got.size > size else attempt, got.size
                    sleep(self._wait(attempt, error))
            got.check()
        return target

    def _wait(self, attempt: int, error: CarbonError) -> float:
        wait = self._patience.wait(attempt, error)
        if wait is None:
            raise error
        return wait

    def _events(self, path: str, given: Mapping[str, Any]) -> Generator[Event, None]:
        asked = dict(given)
        place = Place(asked.pop("last_event_id"), self._patience)
        params = core.parameters(asked)
        while True:
            headers = {"Accept": "text/event-stream", **place.headers()}
            request = core.request(
                self._http, "GET", path, params=params, headers=headers, timeout=core.QUIET
            )
            try:
                with self._opened(request) as answer:
                    parser = Parser()
                    for chunk in answer.iter_bytes():
                        for block in parser.feed(chunk):
                            place.seen(block)
                            if (made := event(block)) is not None:
                                yield made
                raise Unavailable(f"the stream of {self._url} ended")
            except CarbonError as error:
                sleep(place.wait(error))

    @contextmanager
    def _opened(self, request: httpx.Request) -> Generator[httpx.Response, None, None]:
        try:
            answer = self._http.send(request, stream=True)
            try:
                if not answer.is_success:
                    answer.read()
                    raise of_answer(answer)
                yield answer
            finally:
                answer.close()
        except httpx.HTTPError as error:
            raise of_fault(error, self._url) from None
