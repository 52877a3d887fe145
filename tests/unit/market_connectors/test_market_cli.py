"""What is asked for on the command line, and refused before any market is asked."""

from __future__ import annotations

import pytest

from workloads.kit.contracts import env
from workloads.market_connectors.__main__ import main


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(env.MARKETS, "DE-LU,FR,NYISO-NYC")
    monkeypatch.setenv(env.KAFKA_BOOTSTRAP, "127.0.0.1:9")
    monkeypatch.setenv(env.POSTGRES_HOST, "127.0.0.1")
    monkeypatch.setenv(env.POSTGRES_USER, "nobody")
    monkeypatch.setenv(env.POSTGRES_PASSWORD_FILE, __file__)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_a_market_of_another_group_is_refused_with_the_group_to_give(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = refused(capsys, "run", "--market", "NYISO-NYC")
    assert "--market NYISO-NYC is of group america, and this is europe: give --group america" in said
    assert "FR is of group europe" in refused(capsys, "run", "--group", "live", "--market", "FR")
    # It is so wherever the market is configured.
    assert "AESO-POOL is of group live" in refused(capsys, "run", "--market", "AESO-POOL")


@pytest.mark.parametrize("command", ["run", "look"])
@pytest.mark.parametrize(
    ("first", "last", "key"),
    [
        ("2026-03-01", "9999-12-31", "--to 9999-12-31"),
        ("0001-01-01", "2026-03-01", "--from 0001-01-01"),
        ("9999-12-31", "9999-12-31", "--to 9999-12-31"),
        ("2026-03-02", "2026-03-01", "the first is after the last"),
    ],
)
def test_days_that_no_market_has_are_refused(
    capsys: pytest.CaptureFixture[str], command: str, first: str, last: str, key: str
) -> None:
    assert key in refused(capsys, command, "--market", "FR", "--from", first, "--to", last)


def test_to_ask_again_days_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--from and --to" in refused(capsys, "run", "--market", "FR", "--again")
