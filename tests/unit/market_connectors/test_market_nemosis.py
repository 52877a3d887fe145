"""AEMO's regions by a program of its own: what it is told, what comes of it, and what its failures mean."""

from __future__ import annotations

import itertools
import json
import re
import sys
import urllib.error
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tools import environments
from tools.paths import ROOT
from workloads.kit.contracts.markets import MARKETS
from workloads.market_connectors.feeds import Feed
from workloads.market_connectors.libraries import nemosis, program
from workloads.market_connectors.points import Days
from workloads.market_connectors.transport import Transport

NSW = Feed(MARKETS["NSW1"])
ZONE = NSW.market.time_zone
HOST = NSW.market.hosts[0]
FAKE = """
import json, os, sys
from pathlib import Path
table, first, last, into = sys.argv[1:5]
rows = json.loads(Path({rows!r}).read_text())[table]
Path(into, "prices.csv").write_text("region,end,price\\n" + "".join(
    f"{{region}},{{at}},{{price + more}}\\n"
    for at, price in rows
    for region, more in (("NSW1", 0), ("VIC1", 1), ("SNOWY1", 9))
))
Path(into, "asked.json").write_text(json.dumps([{{"status": 200}}]))
with open({told!r}, "a") as file:
    file.write(json.dumps([table, first, last, sorted(os.environ)]) + "\\n")
"""


def ends(day: date, minutes: int, price: float) -> list[tuple[str, float]]:
    """An interval for each `minutes` of a day of market time, by its end."""
    start = datetime.combine(day, datetime.min.time())
    count = 24 * 60 // minutes
    return [((start + timedelta(minutes=minutes * n)).isoformat(), price) for n in range(1, count + 1)]


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "told"


def standing_in(
    monkeypatch: pytest.MonkeyPatch, directory: Path, told: Path, rows: dict[str, list[tuple[str, float]]]
) -> None:
    (directory / "rows.json").write_text(json.dumps(rows))
    script = directory / "program.py"
    script.write_text(FAKE.format(rows=str(directory / "rows.json"), told=str(told)))
    monkeypatch.setattr(nemosis, "_PROGRAM", script)
    monkeypatch.setattr(nemosis, "_ANSWERS", nemosis._Answers())
    monkeypatch.setenv("NEMOSIS_PYTHON", sys.executable)


def test_the_archive_goes_before_the_daily_reports_which_are_asked_for_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: Path
) -> None:
    first, second = date(2026, 1, 31), date(2026, 2, 1)
    monkeypatch.setenv("A_SECRET", "of another market")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    archive = ends(first, 5, 10.0)
    standing_in(
        *(monkeypatch, tmp_path, told),
        {"TRADINGPRICE": archive, "DAILY_REGION_SUMMARY": [*archive[-1:], *ends(second, 5, 20.0)]},
    )

    points = nemosis.read(NSW, Days(first, second, ZONE), None)

    assert [point.amount for point in points] == [10.0] * 288 + [20.0] * 288
    # Market time is ten hours ahead in January, too, and an interval is named by its end.
    assert points[0].start == datetime(2026, 1, 30, 14, tzinfo=UTC)
    assert points[-1].end == datetime(2026, 2, 1, 14, tzinfo=UTC)
    asked = [json.loads(line) for line in told.read_text().splitlines()]
    assert [one[:3] for one in asked] == [
        ["TRADINGPRICE", "2026-01-31", "2026-02-01"],
        ["DAILY_REGION_SUMMARY", "2026-02-01", "2026-02-01"],
    ]
    assert all("A_SECRET" not in one[3] and "HTTPS_PROXY" in one[3] for one in asked)


def test_one_question_is_asked_for_all_regions_and_again_for_one_that_comes_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: Path
) -> None:
    day = date(2026, 1, 31)
    rows = {"TRADINGPRICE": ends(day, 5, 10.0), "DAILY_REGION_SUMMARY": list[tuple[str, float]]()}
    standing_in(monkeypatch, tmp_path, told, rows)
    days, victoria = Days(day, day, ZONE), Feed(MARKETS["VIC1"])

    assert {point.amount for point in nemosis.read(NSW, days, None)} == {10.0}
    found = nemosis.read(victoria, days, None)
    assert {(point.of, point.amount) for point in found} == {("POWER-VIC1", 11.0)}
    assert nemosis.read(Feed(MARKETS["QLD1"]), Days(day, day, ZONE), None) == []
    assert len(told.read_text().splitlines()) == 2  # the table, and of Queensland the daily report

    (tmp_path / "rows.json").write_text(json.dumps({"TRADINGPRICE": ends(day, 5, 20.0)}))
    assert {point.amount for point in nemosis.read(victoria, days, None)} == {21.0}
    assert {point.amount for point in nemosis.read(NSW, days, None)} == {20.0}
    assert len(told.read_text().splitlines()) == 3


def test_a_failure_is_no_answer_for_the_other_regions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: Path
) -> None:
    day = date(2026, 1, 31)
    standing_in(monkeypatch, tmp_path, told, {})
    with pytest.raises(program.ProgramFailed, match="KeyError: 'TRADINGPRICE'"):
        nemosis.read(NSW, Days(day, day, ZONE), None)
    (tmp_path / "rows.json").write_text(json.dumps({"TRADINGPRICE": ends(day, 5, 20.0)}))
    assert len(nemosis.read(Feed(MARKETS["VIC1"]), Days(day, day, ZONE), None)) == 288


def test_intervals_were_half_hours_until_october_2021(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: Path
) -> None:
    last_halves, fives = date(2021, 9, 30), date(2021, 10, 1)
    standing_in(
        *(monkeypatch, tmp_path, told),
        {"TRADINGPRICE": [*ends(last_halves, 30, 1.0), *ends(fives, 5, 2.0)]},
    )

    points = nemosis.read(NSW, Days(last_halves, fives, ZONE), None)

    lengths = [(point.end - point.start) // timedelta(minutes=1) for point in points]
    assert lengths == [30] * 48 + [5] * 288
    assert all(one.end == other.start for one, other in itertools.pairwise(points))


def test_a_day_is_known_the_morning_after_it() -> None:
    at = datetime(2026, 6, 10, 18, 9, 59, tzinfo=UTC)  # 04:09:59 of the 11th in Brisbane
    assert NSW.last_day(at) == date(2026, 6, 9)
    assert NSW.last_day(at + timedelta(seconds=1)) == date(2026, 6, 10)


def failing(directory: Path, code: int, asked: list[dict[str, Any]]) -> list[str | Path]:
    (directory / "asked.json").write_text(json.dumps(asked))
    return [sys.executable, "-c", f"import sys; print('no such column', file=sys.stderr); sys.exit({code})"]


def test_what_the_server_said_is_tried_again_as_other_markets_are(tmp_path: Path) -> None:
    waits: list[float] = []
    way = Transport(attempts=3, sleep=waits.append, per_second=1e6)
    said = [{"url": "https://host/", "status": 503, "retry_after": "7", "fault": ""}]
    with way.installed(), pytest.raises(urllib.error.HTTPError):
        program.ask(HOST, failing(tmp_path, program.STOPPED, said), tmp_path, 60)
    assert [wait for wait in waits if wait >= 1] == [7, 7]
    assert (way.last, way.retry_after, way.asked) == (503, "7", {HOST: 3})
    assert "installed" not in program.ask.__qualname__


def test_failures_that_are_not_the_servers_are_told_in_the_programs_words(tmp_path: Path) -> None:
    with pytest.raises(program.ProgramFailed, match="exit code 1: no such column"):
        program.ask(HOST, failing(tmp_path, 1, []), tmp_path, 60)
    half = [
        {"url": "https://host/a.zip", "status": 200, "retry_after": None, "fault": "7 bytes that are none"}
    ]
    with pytest.raises(program.BrokenAnswer, match="gave 7 bytes that are none"):
        program.ask(HOST, failing(tmp_path, program.STOPPED, half), tmp_path, 60)
    with pytest.raises(program.ProgramFailed, match="/no/python: No such file"):
        program.ask(HOST, ["/no/python"], tmp_path, 60)
    with pytest.raises(urllib.error.URLError, match="nothing came within 1 s"):
        program.ask(HOST, [sys.executable, "-c", "import threading; threading.Event().wait()"], tmp_path, 1)


def test_nothing_of_the_platform_imports_the_library_and_its_program_nothing_of_the_platform() -> None:
    imported = re.compile(
        r'^(import|from) nemosis|(load|import_module)\("nemosis|market_connectors\.nemosis', re.M
    )
    own = environments.NEMOSIS.with_name("table.py")
    files = [file for file in (ROOT / "workloads").rglob("*.py") if imported.search(file.read_text())]
    assert files == [own]
    assert "workloads" not in own.read_text(encoding="utf-8")
    assert "nemosis" not in environments.MARKETS.read_text(encoding="utf-8")
