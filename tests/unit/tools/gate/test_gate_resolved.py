"""A stack's settings in full: what the program has, where it is from, and no secret."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tools.gate import cli, resolved, settings

STAND_INS = ("stand-in-for-postgres", "stand-in-for-redis", "stand-in-for-mlflow")


def said(stack: str, key: str) -> set[str]:
    """What is said of where a key is from, wherever it stands."""
    lines = [line.strip() for line in resolved.text(stack).splitlines()]
    return {line.rpartition("# ")[2] for line in lines if line.startswith(f"{key}: ")}


@pytest.mark.parametrize("stack", settings.stacks())
def test_it_is_all_that_the_files_say(stack: str) -> None:
    shown = yaml.safe_load(resolved.text(stack))["config"]
    for name, value in settings.layers(stack).merged().items():
        _holds(shown[f"carbon:{name}"], value)


def _holds(shown: Any, said: Any) -> None:
    if isinstance(said, dict):
        for key, inner in said.items():
            _holds(shown[key], inner)
    elif isinstance(said, list):
        assert len(shown) == len(said)
        for one, inner in zip(shown, said, strict=True):
            _holds(one, inner)
    else:  # a time of day is shown with its seconds
        assert shown == said or shown == f"{said}:00"


def test_each_value_says_where_it_is_from() -> None:
    assert said("prod", "nat") == {"stacks/Pulumi.prod.yaml"}
    assert said("dev", "nat") == {"stacks/base/eks.yaml"}
    assert said("dev", "account_id") == {"stacks/base/account.yaml"}
    assert said("dev", "key_deletion_days") == {"default"}
    assert said("local", "identifier") == {"the run"}


def test_what_a_stack_takes_away_is_not_said_to_be_its_bases() -> None:
    """dev gives tenants no topics: what is shown in their place is the default."""
    assert said("prod", "producer_bytes_per_second") == {"stacks/base/eks.yaml", "default"}
    assert said("dev", "producer_bytes_per_second") == {"default"}


def test_no_secret_is_shown() -> None:
    text = resolved.text("local")
    assert not [secret for secret in STAND_INS if secret in text]
    assert yaml.safe_load(text)["config"]["carbon:secrets"]["redis_password"] == "*" * 10


def test_the_command_prints_it_and_runs_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK", "dr")
    ran = CliRunner().invoke(cli.app, ["preview", "--settings"])
    assert ran.exit_code == 0
    assert ran.stdout == resolved.text("dr")
