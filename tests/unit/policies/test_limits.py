"""Limits: every stack has some, and they cannot be worked around by how a name is spelled."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from policies import limits
from policies.limits import Limits, LimitsError
from tools.paths import ROOT


def test_every_stack_has_limits() -> None:
    stacks = [file.name.split(".")[1] for file in (ROOT / "stacks").glob("Pulumi.*.yaml")]
    assert stacks
    assert all(limits.of(stack) for stack in stacks)


@pytest.mark.parametrize("registry", ["registry.example", "*/", "https://registry.example/"])
def test_a_registry_that_would_let_others_in_is_refused(registry: str) -> None:
    with pytest.raises(ValidationError, match="registries"):
        Limits(regions=(), instances=(), registries=(registry,), digests=True, protect=True)


def test_all_instance_types_are_too_many() -> None:
    with pytest.raises(ValidationError, match="instances"):
        Limits(regions=(), instances=("*.*",), registries=(), digests=True, protect=True)


def test_an_unknown_key_is_refused_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "limits.yaml"
    broken.write_text("dev: {region: eu-central-1}\n")
    monkeypatch.setattr(limits, "FILE", broken)
    with pytest.raises(LimitsError, match=r"limits.yaml"):
        limits.of("dev")


def test_who_is_taken_for_a_market_publishes_what_a_market_made() -> None:
    for stack in ("staging", "prod", "dr", "bootstrap"):
        assert limits.of(stack).provenance == ("market",)
