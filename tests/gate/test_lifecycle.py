"""Each stack made, left alone, changed and deleted by the real engine, with the stand-in providers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.gate import life
from tools.gate import engine, settings
from tools.gate.engine import Project

MEANT_TO_BE_REPLACED = ("Job ",)
"""Titles start so of what another version of itself takes the place of: a job runs once."""


@dataclass(frozen=True)
class Change:
    """A setting that an operator changes, and what that touches.

    Attributes:
        at: the section, then the keys below it.
        updated: resources of these titles and no others are updated in place; with a `*`, those among others.
    """

    at: tuple[str, ...]
    to: Any
    updated: frozenset[str]


MODEL_SERVER = Change(
    ("carbon:model_server", "resources", "memory_limit"), "3Gi", frozenset({"Deployment model-server"})
)
CHANGES = {
    "bootstrap": Change(
        ("carbon:aws", "state", "noncurrent_days"),
        400,
        frozenset({"BucketLifecycleConfiguration state-bucket"}),
    ),
    "dr": Change(
        ("carbon:aws", "buckets", "mlflow", "noncurrent_days"),
        60,
        frozenset({"BucketLifecycleConfiguration buckets-mlflow"}),
    ),
    "dev": MODEL_SERVER,
    "prod": MODEL_SERVER,
    "staging": MODEL_SERVER,
    "local": Change(("carbon:redis", "resources", "memory_limit"), "256Mi", frozenset({"Deployment redis"})),
}


@pytest.fixture(scope="module", params=settings.stacks())
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project of the stack, made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARBON_STATE", str(tmp_path_factory.mktemp("state")))
        with engine.project(request.param) as project:
            project.configure(settings.configuration(request.param))
            made = life.up(project)
            assert not made.failed
            assert set(made.done.values()) == {life.MADE}
            yield project


def test_what_has_not_changed_is_left_alone(stack: Project) -> None:
    again = life.up(stack)
    assert not again.failed
    assert set(again.done.values()) == {life.SAME}


def test_a_changed_setting_updates_what_it_is_about(stack: Project) -> None:
    change = CHANGES[stack.stack]
    stack.configure(_with(settings.configuration(stack.stack), change.at, change.to))
    changed = life.up(stack)
    assert not changed.failed
    assert changed.named(life.UPDATED) == change.updated
    assert changed.named(life.REPLACED) == changed.named(life.MADE) == changed.named(life.DELETED) == set()


def test_another_owner_replaces_nothing(stack: Project) -> None:
    """Labels and tags of everything change at once."""
    labelled = _with(settings.configuration(stack.stack), ("carbon:labels", "owner"), "somebody-else")
    stack.configure(labelled)
    changed = life.preview(stack)
    assert not changed.failed
    assert changed.named(life.UPDATED)
    unexpected = [t for t in changed.named(life.REPLACED) if not t.startswith(MEANT_TO_BE_REPLACED)]
    assert unexpected == []


def test_destroying_ends_empty_save_for_what_is_protected(stack: Project) -> None:
    stack.configure(settings.configuration(stack.stack))
    before = life.state(stack)
    done = life.destroy(stack, "--exclude-protected")
    assert not done.failed
    assert life.state(stack).keys() == _kept(before)


def _with(configuration: dict[str, str], at: tuple[str, ...], value: Any) -> dict[str, str]:
    section, *keys = at
    content = json.loads(configuration[section])
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return configuration | {section: json.dumps(content)}


def _kept(state: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """What is protected, what that depends on, and the components that hold it."""
    kept: set[str] = set()
    todo = [urn for urn, resource in state.items() if resource.get("protect")]
    while todo:
        urn = todo.pop()
        if urn in state and urn not in kept:
            kept.add(urn)
            todo += [state[urn].get("parent", ""), *state[urn].get("dependencies", ())]
    return kept
