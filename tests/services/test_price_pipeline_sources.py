"""Sources that give less than they should, and a run's word on them, against real Kafka and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.services.clients import MigratedDatabase
from tests.services.test_price_pipeline import Platform, platform, platform_topics
from tests.unit.price_pipeline.api import Answer, Api

__all__ = ["platform", "platform_topics"]


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    yield server
    server.close()


def test_a_source_of_which_every_row_was_refused_fails_its_run_each_time_and_holds_no_other_back(
    platform: Platform, database: MigratedDatabase
) -> None:
    platform.sources(
        platform.csv("commas", ["2020-01-02,60;5", "2020-01-03,."]), platform.csv("daily", ["2020-01-02,60"])
    )

    for _ in range(2):
        done = platform.command("run")
        assert done.returncode == 1, done.stdout
        assert "no row gave a price and 1 were refused, the first: '60;5' is not a number" in done.stdout

    assert [price.source for price in platform.prices()] == ["daily"]
    runs = database.query("SELECT status, detail FROM job_runs ORDER BY id")
    assert [status for status, _ in runs] == ["failed", "failed"]
    for _, detail in runs:
        assert list(detail["failed"]) == ["commas"]
        assert detail["sources"]["commas"]["refused"] == 1
    platform.sources(
        platform.csv("commas", ["2020-01-02,60.5", "2020-01-03,x"]), platform.csv("daily", ["2020-01-02,60"])
    )
    platform.run()


def test_what_came_before_pages_went_round_is_on_the_topic_and_the_run_has_failed(
    platform: Platform, api: Api
) -> None:
    def answer(_: str, query: dict[str, str]) -> Answer:
        rows = [{"d": f"2020-01-0{2 if query else 3}", "p": 60}]
        return 200, {}, json.dumps({"rows": rows, "next": "again"})

    api.answer = answer
    source = {
        "kind": "http",
        "name": "api",
        "market": "crude",
        "url": f"{api.url}/prices",
        "rows": "rows",
        "columns": {"event_time": "d", "prices": {"p": "WTI"}},
        "paging": {"kind": "cursor", "field": "next"},
    }
    platform.sources(source, platform.csv("daily", ["2020-01-02,60"]))

    done = platform.command("run")

    assert done.returncode == 1
    assert "page 3 is one that was read before (cursor=again)" in done.stdout
    assert [price.delivery_start.day for price in platform.prices("api")] == [2, 3]
    assert len(platform.prices("daily")) == 1
