"""Reading a stack's configuration, and saying what is wrong with it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from infra.settings.base import NAMESPACE
from infra.settings.bases import BASE, ROOT, ConfigLayers, SettingsError, layered
from infra.settings.stack import GIVEN_AT_RUN_TIME, PLATFORM, STACK, StackSettings
from workloads.kit.contracts.sources.http_config import HIDDEN


def parse(config: Mapping[str, str], *, file: str, root: Path = ROOT) -> StackSettings:
    """Settings from a stack's configuration, laid over the bases that it names.

    Args:
        config: full key → value as the engine hands it over: text, or JSON for what has a structure.
        file: the stack file, from the root of the checkout, for messages.
        root: of the checkout, which has the bases.

    Raises:
        SettingsError: a base is unknown, a key is unknown or missing, or a value is refused.
    """
    prefix = f"{NAMESPACE}:"
    own = {key.removeprefix(prefix): _value(v) for key, v in config.items() if key.startswith(prefix)}
    layers = layered(own, file=file, root=root)
    sections = layers.merged()
    names = _names(PLATFORM)
    platform = {name: sections.pop(name) for name in names if name in sections}
    try:
        return STACK.model_validate(sections | ({"platform": platform} if platform else {}))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise SettingsError("\n".join(_problem(p, layers) for p in problems)) from None


def _value(text: str) -> Any:
    if not text:
        return None  # What the engine makes of a null in place of a section.
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _problem(error: ErrorDetails, layers: ConfigLayers) -> str:
    holders, models, path = _walk([str(part) for part in error["loc"]])
    key, file = ".".join(path), layers.blamed(path) if path else layers.files[-1].file
    section = path[0] if path else ""
    match error["type"]:
        case "missing" if section in GIVEN_AT_RUN_TIME:
            said = "is missing"
            remedy = "`make up` makes it for the local stack, a release brings it for the others"
        case "missing":
            below = "".join(f", or in {layer.file}" for layer in layers.files[-2::-1])
            said, remedy = "is missing", f"set it{below}; stacks/schema.json says what it may hold"
        case "union_tag_not_found":
            kinds = ", ".join(kind for model in models for kind in [_kind(model)] if kind)
            said, remedy = "has no kind", f"add `kind:`, one of {kinds}"
        case "extra_forbidden":
            more = [BASE] if len(path) == 1 else []
            known = sorted({*more, *(name for model in holders for name in _names(model))} - {"platform"})
            near = difflib.get_close_matches(path[-1], known, n=1)
            said = "is not a setting"
            remedy = (
                f"write {near[0]} if that was meant"
                if near
                else f"remove it, or use one of {', '.join(known)}"
            )
        case _:
            message = error["msg"].removeprefix("Value error, ")
            if not path:
                return f"{file}: {NAMESPACE}:{message}."
            said, remedy = message, "correct the value as stacks/schema.json says"
            key += f"{_shown(error['input'], path)}:"
    return f"{file}: {NAMESPACE}:{key} {said}. Remedy: {remedy}."


def _shown(value: Any, path: Sequence[str]) -> str:
    """A refused value, where it is one and no secret, nor a source's that may be a key."""
    hidden = path[0] == "secrets" or ("sources" in path and not HIDDEN.isdisjoint(path))
    return f" = {json.dumps(value)}" if not hidden and isinstance(value, str | int | float) else ""


def _walk(parts: Sequence[str]) -> tuple[list[type[BaseModel]], list[type[BaseModel]], list[str]]:
    """Models that have the last part as a setting, models that it may be, the path as a stack file has it.

    A problem's location also names what no file holds: the platform, and the kind that a union picked.
    """
    models: list[type[BaseModel]] = [STACK]
    holders: list[type[BaseModel]] = models
    path: list[str] = []
    for part in parts:
        kinds = [model for model in models if len(models) > 1 and _kind(model) == part]
        if kinds:
            models = kinds
            continue
        holders = models
        field = next((_field(model, part) for model in models if _field(model, part) is not None), None)
        if part != "platform":
            path.append(part)
        if part == "platform" or (field is None and holders == [STACK]):
            holders = [STACK, PLATFORM]
        if field is not None:
            models = _models(field)
    return holders, models, path


def _field(model: type[BaseModel], name: str) -> Any:
    found = next((f for n, f in model.model_fields.items() if name in (n, f.alias)), None)
    return found.annotation if found else None


def _kind(model: type[BaseModel]) -> str | None:
    kind = model.model_fields.get("kind")
    return cast("str", get_args(kind.annotation)[0]) if kind else None


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that a field's value may be of, or hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, Annotated, list, dict, tuple):
        return [model for inner in get_args(annotation) for model in _models(inner)]
    return []


def _names(model: type[BaseModel]) -> list[str]:
    return [f.alias or n for n, f in model.model_fields.items()]
