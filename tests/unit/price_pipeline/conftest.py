"""Sources made by hand for the pipeline's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stamina

from tests.unit.price_pipeline.api import Api
from workloads.kit.contracts.sources.kinds import CsvSource

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: NOW


@pytest.fixture
def api() -> Iterator[Api]:
    """A server to be asked, twice at most; nobody waits between."""
    server = Api()
    with stamina.set_testing(True, attempts=2, cap=True):
        yield server
    server.close()


@pytest.fixture
def csv_source(tmp_path: Path) -> Callable[..., CsvSource]:
    """A configured CSV file with the given content; by default one of `date,price` for symbol WTI."""

    def make(content: bytes | str, **changed: Any) -> CsvSource:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        values: dict[str, Any] = {
            "kind": "csv",
            "name": "daily",
            "path": path,
            "market": "crude",
            "columns": {"event_time": "date", "prices": {"price": "WTI"}},
        }
        return CsvSource.model_validate(values | changed)

    return make
