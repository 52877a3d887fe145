from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from workloads.kit import health


class _State:
    def __init__(self) -> None:
        self.ready: tuple[bool, str] = (False, "waiting for partitions")
        self.alive: tuple[bool, str] = (True, "ok")


@pytest.fixture
def state() -> _State:
    return _State()


@pytest.fixture
def address(state: _State) -> Iterator[str]:
    registry = CollectorRegistry()
    Counter("seen", "Things seen", registry=registry).inc(3)
    with health.serve(0, lambda: state.ready, lambda: state.alive, registry) as server:
        yield f"http://127.0.0.1:{server.port}"


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_ready_and_alive_answer_for_themselves_and_say_why(address: str, state: _State) -> None:
    assert _get(f"{address}/readyz") == (503, "waiting for partitions\n")
    assert _get(f"{address}/healthz") == (200, "ok\n")
    state.ready, state.alive = (True, "assigned [0]"), (False, "last poll 301 s ago")
    assert _get(f"{address}/readyz?verbose") == (200, "assigned [0]\n")
    assert _get(f"{address}/healthz") == (503, "last poll 301 s ago\n")


def test_metrics_are_those_of_the_registry(address: str) -> None:
    status, text = _get(f"{address}/metrics")
    assert status == 200
    assert "seen_total 3.0" in text.splitlines()


def test_another_path_is_not_found(address: str) -> None:
    assert _get(f"{address}/")[0] == 404
