"""The command line: bad arguments and settings exit 2 with a line that says what to do."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workloads.price_pipeline.__main__ import main
from workloads.price_pipeline.arguments import parser

SOURCES = """
sources:
- kind: csv
  name: daily
  path: /data/daily.csv
  market: crude
  columns: {event_time: date, prices: {price: WTI}}
"""


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "sources.yaml").write_text(SOURCES)
    for name, value in {
        "KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_USER": "price_pipeline",
        "SOURCES_FILE": str(tmp_path / "sources.yaml"),
        "PROVENANCE": "market,replay,synthetic",
    }.items():
        monkeypatch.setenv(name, value)
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    for number, handler in handlers:
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--source", "weekly"], ["weekly", "sources.yaml has daily"]),
        (["run", "--backfill", "2026-01-02", "2026-01-01"], ["FROM is after TO"]),
        (["run", "--backfill", "2026", "2027"], ["'2026' is not a date such as 2015-01-31"]),
        (["replay"], ["no source of kind replay with published_by: replay"]),
        (["inject", "--symbol", "WTI", "--price", "1", "--source", "daily"], ["daily", "another name"]),
        (["inject", "--symbol", "W TI", "--price", "1"], ["'W TI' is not a name"]),
        (["load", "--count", "0", "--rate", "1"], ["'0' is not a number of at least 1"]),
        (["load", "--count", "1", "--rate", "nan"], ["'nan' is not a number of at least 0"]),
        (["load", "--count", "1", "--rate", "1", "--symbols", "WTI"], ["WTI: a load is synthetic"]),
        (["load", "--count", "1", "--rate", "1", "--symbols", "SYN-A,SYN-A"], ["twice"]),
        (["walk"], ["invalid choice: 'walk'"]),
    ],
)
def test_bad_arguments_exit_2(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as exited:
        code = exited.code

    assert code == 2
    error = capsys.readouterr().err
    for word in words:
        assert word in error


def test_every_missing_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP")
    monkeypatch.delenv("POSTGRES_HOST")

    with pytest.raises(SystemExit) as exited:
        main(["run"])

    assert exited.value.code == 2
    error = capsys.readouterr().err
    assert "KAFKA_BOOTSTRAP is not set" in error
    assert "POSTGRES_HOST is not set" in error


def test_a_bad_sources_file_exits_2_with_a_line_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sources.yaml").write_text(SOURCES + "  colour: red\n  currency: dollars\n")

    assert main(["run"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["load", "--count", "1", "--rate", "1"], ["load: its prices are synthetic", "PROVENANCE"]),
        (
            ["inject", "--source", "by-hand", "--symbol", "SYN-A", "--price", "1"],
            ["--symbol SYN-A", "PROVENANCE"],
        ),
    ],
)
def test_by_hand_too_no_made_up_price_is_published_where_none_may_be(
    arguments: list[str],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("PROVENANCE")
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words)


@pytest.mark.parametrize(
    "command", [["letters"], ["withdraw", "--source", "s", "--symbol", "WTI", "--since", "2026-01-01"]]
)
def test_a_range_ends_with_the_whole_of_its_last_day(command: list[str]) -> None:
    until = parser().parse_args([*command, "--until", "2026-01-31"]).until
    assert until == datetime(2026, 2, 1, tzinfo=UTC) - timedelta(microseconds=1)
    exact = parser().parse_args([*command, "--until", "2026-01-31T12:00+02:00"]).until
    assert exact == datetime(2026, 1, 31, 10, tzinfo=UTC)
