"""An instant as an argument: what is none is named, with what to give instead."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

import pytest

from workloads.kit.instants import instant


def test_an_instant_is_in_utc() -> None:
    assert instant("2026-03-01T01:00+01:00") == datetime(2026, 3, 1, tzinfo=UTC)
    assert instant("2026-03-01T01:00+01:00").tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday", "'yesterday' is no time"),
        ("2026-03-01T00:00", "'2026-03-01T00:00' names no zone"),
        ("0001-01-01T00:00+05:00", "is of no year from 1970 to 9998"),
        ("9999-12-31T23:59-05:00", "is of no year from 1970 to 9998"),
    ],
)
def test_what_is_no_instant_is_refused_and_says_why(
    text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", type=instant)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--at", text])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
