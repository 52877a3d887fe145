from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.bench import runner
from tests.bench.measure import Failure, Sample, in_turn, percentile
from tests.bench.report import Figure, Other, at_least, at_most, times_at_least, times_at_most
from tests.bench.rig import Rig
from tools import bench_cli
from tools.console import Step

pytestmark = pytest.mark.thorough


def bench(output: Path, *arguments: str) -> tuple[str, dict[str, Any], int]:
    """The table, the JSON and the exit code of a run."""
    done = CliRunner().invoke(bench_cli.app, [*arguments, "--quick", "--output", str(output)])
    return done.stdout, json.loads(output.read_text()), 1 if done.exception else 0


def test_a_part_is_measured_beside_its_peer_and_limit_and_stands_in_table_and_json(tmp_path: Path) -> None:
    table, found, code = bench(tmp_path / "bench.json", "upsert")
    assert code == 0
    assert {"cores", "memory_gib", "cpu", "kernel", "load_before", "versions"} <= found["machine"].keys()
    assert {"python", "confluent-kafka", "librdkafka", "Kafka", "PostgreSQL"} <= found["machine"][
        "versions"
    ].keys()
    [part] = found["parts"]
    assert (part["name"], part["status"]) == ("upsert", "done")
    for figure in part["figures"]:
        assert figure["unit"] == "rows/s"
        assert [other["role"] for other in figure["others"]] == ["peer", "limit"]
        measured = [figure["ours"], *(other["measured"] for other in figure["others"])]
        assert all(one["median"] > 0 and len(one["values"]) == 1 for one in measured)
        [aim] = figure["aims"]
        assert aim["text"] == "≥ 60,000"
        assert aim["reached"] is (figure["ours"]["median"] >= 60_000)
        assert figure["name"].split(",")[1].strip() in table
    assert "psycopg executemany" in table
    assert "≥ 60,000" in table


def test_what_fails_and_what_is_not_run_is_said_and_the_other_parts_are_still_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fine(rig: Rig, step: Step) -> list[Figure]:
        limit = Other("the limit", "limit", Failure("no such program"))
        ours = Sample.of([2.0, 1.0, 4.0])
        return [
            Figure(name="speed", unit="m/s", ours=ours, others=[limit], aims=[times_at_least(ours, limit, 2)])
        ]

    def broken(rig: Rig, step: Step) -> list[Figure]:
        raise ValueError("the server was in pieces")

    monkeypatch.setattr(runner, "PARTS", {"broken": broken, "fine": fine, "up": broken})
    table, found, code = bench(tmp_path / "bench.json")
    assert code == 1
    assert [(part["name"], part["status"]) for part in found["parts"]] == [
        ("broken", "failed"),
        ("fine", "done"),
        ("up", "not run"),
    ]
    assert found["parts"][0]["reason"] == "ValueError: the server was in pieces"
    [figure] = found["parts"][1]["figures"]
    assert figure["ours"] == {"median": 2.0, "low": 1.0, "high": 4.0, "values": [2.0, 1.0, 4.0]}
    assert figure["aims"][0]["reached"] is None
    for words in ("the server was in pieces", "no such program", "not measured", "--with-up", "1 to 4"):
        assert words in table


def test_contenders_take_turns_and_one_that_fails_stops_alone() -> None:
    order: list[str] = []

    def call(name: str) -> float:
        order.append(name)
        if name == "b" and order.count("b") == 2:
            raise OSError("gone")
        return float(len(order))

    found = in_turn({"a": lambda: call("a"), "b": lambda: call("b")}, 3, Step("test"), warm_ups=1)
    assert order == ["a", "b", "a", "b", "a", "a"]
    assert found == {"a": [3.0, 5.0, 6.0], "b": Failure("OSError: gone")}


def test_aims_are_met_on_their_own_side_of_the_bound() -> None:
    ours, other = Sample.of([10.0, 20.0, 40.0]), Other("peer", "peer", Sample.of([5.0, 10.0, 20.0]))
    assert [at_least(ours, 20).reached, at_least(ours, 21).reached] == [True, False]
    assert [at_most(ours, 20).reached, at_most(ours, 19).reached] == [True, False]
    assert [times_at_least(ours, other, 2).reached, times_at_least(ours, other, 2.1).reached] == [True, False]
    assert [times_at_most(ours, other, 2).reached, times_at_most(ours, other, 1.9).reached] == [True, False]
    assert [percentile(list(range(1, 101)), share) for share in (0.5, 0.95, 0.99, 1)] == [50, 95, 99, 100]
