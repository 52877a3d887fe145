"""What the SDKs' types say: which inputs a resource has, which it must have, of which type; its outputs."""

from __future__ import annotations

import collections.abc
import enum
import importlib
import importlib.metadata
import inspect
import sys
import threading
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, TypeVar

import pulumi
from pulumi import _types as types  # the SDK's own tables of property names; it has no public reader
from pulumi.runtime import rpc

from tests.standin import wire

A = TypeVar("A")
R = TypeVar("R")

_loading = threading.RLock()


@dataclass(frozen=True)
class Problem:
    """An input that the type does not have, lacks, or has as another type."""

    path: str
    reason: str


def _once(asked: Callable[[A], R]) -> Callable[[A], R]:
    """Remember the answers, and ask one question at a time: the SDKs' modules load when one of their names is
    first used, which is not safe from several calls at once."""
    remembered = cache(asked)

    @wraps(asked)
    def answer(of: A) -> R:
        with _loading:
            return remembered(of)  # pyright: ignore[reportArgumentType]

    return answer


def version(package: str) -> str:
    """The installed SDK's version: a provider's is the same."""
    return importlib.metadata.version(f"pulumi_{package}")


@_once
def resource_class(token: str) -> type[pulumi.Resource] | None:
    """The class of a type token; None for a token that the SDK does not have, such as a custom resource's."""
    package, module, _ = token.split(":")
    importlib.import_module(f"pulumi_{package}")
    for found in rpc._RESOURCE_MODULES.get(f"{package}:{module}", ()):
        info: dict[str, Any] = getattr(found, "mod_info", {})
        if token in info["classes"]:
            with warnings.catch_warnings():
                # A module warns of its former classes when it is imported, whichever is asked for.
                warnings.simplefilter("ignore", DeprecationWarning)
                return getattr(importlib.import_module(info["fqn"]), info["classes"][token])
    return None


@_once
def arguments(token: str) -> type:
    """The class that holds a resource's inputs.

    Raises:
        KeyError: the SDK has no such type.
    """
    resource = resource_class(token)
    if resource is None:
        raise KeyError(token)
    module = sys.modules[resource.__module__]
    for suffix in ("InitArgs", "Args"):
        if found := getattr(module, resource.__name__ + suffix, None):
            return found
    raise KeyError(token)


@_once
def provider_arguments(package: str) -> type:
    """The class that holds a provider's own inputs."""
    return importlib.import_module(f"pulumi_{package}").ProviderArgs


@_once
def inputs(of: type) -> Mapping[str, Any]:
    """Properties of a class of inputs: name on the wire → type."""
    return types.input_type_types(of)


@_once
def outputs(of: type) -> Mapping[str, Any]:
    """Properties of a resource, or of an object in one's outputs: name on the wire → type."""
    return types.resource_types(of) if issubclass(of, pulumi.Resource) else types.output_type_types(of)


@_once
def required(of: type) -> frozenset[str]:
    """The properties of a class of inputs that must be given."""
    names = types.input_type_py_to_pulumi_names(of)
    parameters = inspect.signature(of.__init__).parameters.values()
    return frozenset(names[p.name] for p in parameters if p.default is p.empty and p.name in names)


def problems(given: Mapping[str, Any], of: type, path: str = "") -> Iterator[Problem]:
    """What is wrong with inputs, at any depth. Values that are not known yet are let through.

    Args:
        given: secrets in clear.
        of: the class that holds them.
    """
    known = inputs(of)
    for name, value in given.items():
        if name.startswith("__"):
            continue
        where = f"{path}.{name}" if path else name
        if name in known:
            yield from _mismatches(value, known[name], where)
        else:
            yield Problem(where, f"is not a property of {_called(of)}; it has {', '.join(sorted(known))}")
    for name in sorted(required(of) - given.keys()):
        yield Problem(f"{path}.{name}" if path else name, f"is required by {_called(of)}")


def element(of: Any) -> Any:
    """The type of the elements of a list or a map type; None for another type."""
    origin = typing.get_origin(of)
    if origin in (list, collections.abc.Sequence):
        return typing.get_args(of)[0]
    if origin in (dict, collections.abc.Mapping):
        return typing.get_args(of)[1]
    return None


@_once
def choices(of: Any) -> tuple[Any, ...]:
    """The types that a value may be of, without the SDK's wrappers for values that come later."""
    if typing.get_origin(of) is not typing.Union:
        return (of,)
    return tuple(
        choice
        for part in typing.get_args(of)
        if part is not type(None)
        and typing.get_origin(part) not in (collections.abc.Awaitable, pulumi.Output)
        and not typing.is_typeddict(part)
        for choice in choices(part)
    )


def _mismatches(value: Any, of: Any, path: str) -> Iterator[Problem]:
    if value is None or value == wire.UNKNOWN or wire.is_marked(value):
        return
    found: list[Problem] = []
    for choice in choices(of):
        found = list(_against(value, choice, path))
        if not found:
            return
    yield from found


def _against(value: Any, of: Any, path: str) -> Iterator[Problem]:
    inner = element(of)
    if inspect.isclass(of) and types.is_input_type(of):
        if isinstance(value, dict):
            yield from problems(value, of, path)
        else:
            yield _wrong(path, f"an object ({_called(of)})", value)
    elif inner is not None and typing.get_origin(of) in (list, collections.abc.Sequence):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _mismatches(item, inner, f"{path}[{index}]")
        else:
            yield _wrong(path, "a list", value)
    elif inner is not None:
        if isinstance(value, dict):
            for key, item in value.items():
                yield from _mismatches(item, inner, f"{path}.{key}")
        else:
            yield _wrong(path, "a map", value)
    elif inspect.isclass(of) and issubclass(of, enum.Enum):
        if value not in [member.value for member in of]:
            yield _wrong(path, f"one of {', '.join(str(member.value) for member in of)}", value)
    elif of in _SCALARS and not _SCALARS[of][1](value):
        yield _wrong(path, _SCALARS[of][0], value)


_SCALARS: Mapping[Any, tuple[str, collections.abc.Callable[[Any], bool]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool)),
    int: ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    float: ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    str: ("text", lambda value: isinstance(value, str)),
}


def _wrong(path: str, wanted: str, value: Any) -> Problem:
    kind = "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
    return Problem(path, f"must be {wanted}, and is {kind}")


def _called(of: type) -> str:
    return of.__name__.removesuffix("Args").removesuffix("Init")
