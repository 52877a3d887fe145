"""A role's password is rotated while callers ask data-api all the time: none gets an error.

What Secrets Manager, the operator and External Secrets do on AWS is done by hand here, in both orders: the
server learns of a password before the pods do, and after them. Pods that start meanwhile log in by another
one of the three than the first.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx

from tools import access, kube, paths, pilots
from tools.wait import until
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.data_api import DATA_API

CALLERS = 4


class Callers:
    """Programs that ask for what no cache holds."""

    def __init__(self) -> None:
        self._api = access.where(access.by_name(DATA_API.name))
        name, _, value = pilots.file(paths.state_dir()).read_text().strip().partition(": ")
        self._known = {name: value}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CALLERS)]
        self.answered: Counter[str] = Counter()

    @contextmanager
    def asking(self) -> Generator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(60)

    def _ask(self) -> None:
        while not self._over.wait(0.05):
            # Another instant each time, so that the database is asked.
            as_of = (datetime.now(UTC) - timedelta(days=2)).isoformat().replace("+00:00", "Z")
            asked = {"symbol": "WTI", "source": "crude-daily", "limit": "5", "as_of": as_of}
            try:
                answer = httpx.get(f"{self._api}/v1/prices", params=asked, headers=self._known, timeout=30)
                self.answered[str(answer.status_code)] += 1
            except httpx.HTTPError as error:
                self.answered[type(error).__name__] += 1


def _pods_learn(platform: str, *passwords: str | None) -> None:
    """The secret has these: of now, to come, before; None has none."""
    names = (f"{env.POSTGRES_PASSWORD}{suffix}" for suffix in env.PASSWORDS)
    data = {
        name: None if one is None else base64.b64encode(one.encode()).decode()
        for name, one in zip(names, passwords, strict=True)
    }
    # From a file, since a list of processes shows arguments.
    kube.kubectl(
        *("patch", "secret", DATA_API.name, "-n", platform, "--type=merge", "--patch-file=/dev/stdin"),
        stdin=json.dumps({"data": data}),
    )


def _server_learns(platform: str, password: str) -> None:
    statement = f"ALTER ROLE {DATA_API.role} PASSWORD '{password}'"
    psql = ("psql", "-qX", "-v", "ON_ERROR_STOP=1")
    kube.kubectl("exec", "-i", "-n", platform, "postgres-0", "--", *psql, stdin=statement)


def _pods_are_replaced(platform: str) -> None:
    """Each new one logs in with what it finds."""
    deployment = f"deployment/{DATA_API.name}"
    kube.kubectl("rollout", "restart", deployment, "-n", platform)
    kube.kubectl("rollout", "status", deployment, "-n", platform, "--timeout=300s", timeout=320)


def test_no_caller_sees_that_a_password_is_rotated(platform: str) -> None:
    held = kube.get("secret", DATA_API.name, "-n", platform)["data"]
    first = base64.b64decode(held[env.POSTGRES_PASSWORD]).decode()
    second = secrets.token_urlsafe(24)
    callers = Callers()
    try:
        with callers.asking():
            until(lambda: callers.answered["200"] >= CALLERS, "the first answers", limit=60)
            # The server is first: who starts now has to try the one to come.
            _pods_learn(platform, first, second, None)
            _server_learns(platform, second)
            _pods_are_replaced(platform)
            _pods_learn(platform, second, first, first)
            # The pods are first: who starts now has to try the one before.
            _pods_learn(platform, first, second, second)
            _pods_are_replaced(platform)
            _server_learns(platform, first)
            enough = callers.answered["200"] + CALLERS
            until(lambda: callers.answered["200"] >= enough, "the last answers", limit=60)
    finally:
        _server_learns(platform, first)
        _pods_learn(platform, first, None, None)
    assert callers.answered.keys() == {"200"}, callers.answered
    print(f"{callers.answered['200']} answers during two rotations and two roll-outs, no error")
