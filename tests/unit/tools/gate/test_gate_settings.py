"""A stack file is refused before the engine starts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import paths
from tools.errors import UsageError
from tools.gate import settings


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the committed stack files, to be changed."""
    shutil.copytree(paths.ROOT / "stacks", tmp_path / "stacks")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    return tmp_path


def _change(checkout: Path, stack: str, **sections: Any) -> None:
    file = checkout / settings.file(stack)
    content = yaml.safe_load(file.read_text())
    for name, value in sections.items():
        key = f"carbon:{name}"
        content["config"] = {k: v for k, v in content["config"].items() if k != key}
        if value is not None:
            content["config"][key] = value
    file.write_text(yaml.safe_dump(content))


def _said(stack: str) -> list[str]:
    return [f.message for f in settings.problems(stack)]


@pytest.mark.parametrize("stack", settings.stacks())
def test_every_committed_file_is_taken(stack: str) -> None:
    assert settings.problems(stack) == []


def test_an_unknown_section_is_refused_with_file_key_and_remedy(checkout: Path) -> None:
    _change(checkout, "local", kafak={})
    (problem,) = settings.problems("local")
    assert problem.subject == "stacks/Pulumi.local.yaml"
    assert "carbon:kafak is not a setting" in problem.message
    assert problem.remedy == "write kafka if that was meant."


def test_a_key_of_nobody_is_refused(checkout: Path) -> None:
    file = checkout / settings.file("local")
    file.write_text(file.read_text().replace("pulumi:disable-default-providers", "pulumi:disable-default"))
    (problem,) = settings.problems("local")
    assert "pulumi:disable-default is not a setting" in problem.message
    assert problem.remedy == "write pulumi:disable-default-providers if that was meant"


@pytest.mark.parametrize("text", ["config: [", "- config", "config: text"])
def test_a_file_that_is_no_stack_file_is_refused(checkout: Path, text: str) -> None:
    (checkout / settings.file("local")).write_text(text)
    (problem,) = settings.problems("local")
    assert "stacks/Pulumi.local.yaml: is no stack file" in problem.message


def test_a_cluster_that_the_stack_makes_needs_its_secrets_named(checkout: Path) -> None:
    base = checkout / "stacks" / "base" / "eks.yaml"
    kept = [line for line in base.read_text().splitlines() if "carbon:secrets:" not in line]
    base.write_text("\n".join(kept))
    assert any("carbon:secrets is missing" in message for message in _said("prod"))


def test_a_key_that_a_base_has_is_looked_for_in_the_base(checkout: Path) -> None:
    base = checkout / "stacks" / "base" / "eks.yaml"
    base.write_text(base.read_text().replace("node_pool: data", "node_pol: data", 1))
    (problem,) = settings.problems("prod")
    assert problem.subject == "stacks/base/eks.yaml"
    assert "carbon:kafka.node_pol is not a setting" in problem.message


def test_an_unknown_base_is_refused(checkout: Path) -> None:
    _change(checkout, "prod", base="esk")
    (problem,) = settings.problems("prod")
    assert problem.subject == "stacks/Pulumi.prod.yaml"
    assert "carbon:base = 'esk' has no file stacks/base/esk.yaml" in problem.message
    assert problem.remedy == "write eks if that was meant."


def test_the_engine_gets_the_stacks_own_file_and_the_program_the_whole(checkout: Path) -> None:
    given = settings.configuration("prod")
    assert given["carbon:base"] == "eks"
    assert "carbon:admission" not in given
    assert "base" not in settings.layers("prod").merged()
    assert settings.layers("prod").merged()["admission"] == {"kind": "kyverno"}
    registry = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/"
    assert json.loads(given["carbon:images"])["kafka"].startswith(registry)


def test_a_stack_for_any_cluster_gets_stand_ins(checkout: Path) -> None:
    given = settings.configuration("local")
    assert json.loads(given["carbon:cluster"])["kind"] == "kubeconfig"
    assert json.loads(given["carbon:secrets"])["kind"] == "generated"


def test_images_that_a_release_brings_are_named_by_digest(checkout: Path) -> None:
    _change(checkout, "local", images={"kafka": "localhost/kafka:1"})
    images = json.loads(settings.configuration("local")["carbon:images"])
    assert images.pop("kafka") == "localhost/kafka:1"
    assert all("@sha256:" in reference for reference in images.values())


def test_what_needs_no_cluster_gets_none() -> None:
    brought = {"carbon:images", "carbon:cluster", "carbon:secrets"}
    assert not brought & settings.configuration("bootstrap").keys()


def test_a_stack_is_chosen_by_name(checkout: Path) -> None:
    assert settings.chosen("local") == ("local",)
    assert settings.chosen("all") == settings.stacks()
    with pytest.raises(UsageError) as refused:
        settings.chosen("production")
    assert "prod" in refused.value.remedy
