"""Each stack made, changed, relabelled and deleted by the real engine, with the stand-in providers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.gate import life
from tests.gate.life import Outcome
from tools.gate import engine, settings

LIKE_PROD = frozenset({"dev", "staging"})
"""Of prod's program and base, with other values: they live where `LIFECYCLE=all` asks for every stack."""

STACKS = tuple(s for s in settings.stacks() if os.environ.get("LIFECYCLE") == "all" or s not in LIKE_PROD)

MEANT_TO_BE_REPLACED = ("Job ",)
"""Titles start so of what another version of itself takes the place of: a job runs once."""

State = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Change:
    """A setting that an operator changes, and what that touches.

    Attributes:
        at: the section, then the keys below it.
        updated: titles of what is updated in place; all else is left alone.
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
    "dev": MODEL_SERVER,
    "dr": Change(
        ("carbon:aws", "buckets", "mlflow", "noncurrent_days"),
        60,
        frozenset({"BucketLifecycleConfiguration buckets-mlflow"}),
    ),
    "local": Change(("carbon:redis", "resources", "memory_limit"), "256Mi", frozenset({"Deployment redis"})),
    "prod": MODEL_SERVER,
    "staging": MODEL_SERVER,
}


@dataclass(frozen=True)
class Story:
    """What happened to a stack: made, one setting changed, everything labelled anew, deleted."""

    made: Outcome
    changed: Outcome
    relabelled: Outcome
    before: State
    deleted: Outcome
    after: State


@pytest.fixture(scope="module")
def stories(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Story]]]:
    """The story of each stack that is asked for, a few at a time."""
    asked = {
        str(item.callspec.params["stack"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module and hasattr(item, "callspec")
    }
    with ThreadPoolExecutor(max_workers=engine.AT_ONCE) as pool:
        yield {stack: pool.submit(_lived, stack) for stack in sorted(asked)}


@pytest.fixture
def story(stack: str, stories: Mapping[str, Future[Story]]) -> Story:
    return stories[stack].result()


each_stack = pytest.mark.parametrize("stack", STACKS)


@each_stack
def test_a_stack_is_made(story: Story) -> None:
    assert not story.made.failed
    assert set(story.made.done.values()) == {life.MADE}


@each_stack
def test_a_changed_setting_updates_what_it_is_about_and_nothing_else(stack: str, story: Story) -> None:
    assert not story.changed.failed
    assert story.changed.named(life.UPDATED) == CHANGES[stack].updated
    assert set(story.changed.done.values()) == {life.UPDATED, life.SAME}


@each_stack
def test_another_owner_replaces_nothing(story: Story) -> None:
    """Labels and tags of everything change at once."""
    assert not story.relabelled.failed
    assert story.relabelled.named(life.UPDATED)
    replaced = story.relabelled.named(life.REPLACED)
    assert [title for title in replaced if not title.startswith(MEANT_TO_BE_REPLACED)] == []


@each_stack
def test_destroying_ends_empty_save_for_what_is_protected(story: Story) -> None:
    assert not story.deleted.failed
    assert story.after.keys() == _kept(story.before)


def _lived(stack: str) -> Story:
    committed = settings.configuration(stack)
    with engine.project(stack) as project:
        project.configure(committed)
        made = life.up(project)
        project.configure(_with(committed, CHANGES[stack].at, CHANGES[stack].to))
        changed = life.up(project)
        project.configure(_with(committed, ("carbon:labels", "owner"), "somebody-else"))
        relabelled = life.preview(project)
        before = life.state(project)
        deleted = life.destroy(project, "--exclude-protected")
        return Story(made, changed, relabelled, before, deleted, life.state(project))


def _with(configuration: Mapping[str, str], at: tuple[str, ...], value: Any) -> dict[str, str]:
    section, *keys = at
    content = json.loads(configuration.get(section, "{}"))
    inner = content
    for key in keys[:-1]:
        inner = inner.setdefault(key, {})
    inner[keys[-1]] = value
    return {**configuration, section: json.dumps(content)}


def _kept(state: State) -> set[str]:
    """What is protected, what it and its provider depend on, and the components that hold it."""
    kept: set[str] = set()
    todo = [urn for urn, resource in state.items() if resource.get("protect")]
    while todo:
        urn = todo.pop()
        if urn in state and urn not in kept:
            kept.add(urn)
            provider = state[urn].get("provider", "").rpartition("::")[0]
            todo += [state[urn].get("parent", ""), provider, *state[urn].get("dependencies", ())]
    return kept
