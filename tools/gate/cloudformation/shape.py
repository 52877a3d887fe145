"""A resource of the AWS provider, said as CloudFormation's schema of its counterpart has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from tools.gate import marks
from tools.gate.cloudformation.counterparts import NOWHERE, Counterpart

Schema = Mapping[str, Any]

PARAMETER: Final = {"String": "Unknown", "Number": "UnknownNumber", "CommaDelimitedList": "UnknownList"}
"""Type of a parameter of the template → its name: what stands for a value that is not known yet."""

_TAGS: Final = ("tagsAll", "tags")
"""Of the two, the first has all."""


@dataclass
class Shaped:
    """A resource's counterpart.

    Attributes:
        properties: as CloudFormation has them.
        unseen: names of ours that have no place there.
        open: names of theirs whose value is not known yet and cannot be stood in for.
    """

    properties: dict[str, Any] = field(default_factory=dict[str, Any])
    unseen: list[str] = field(default_factory=list[str])
    open: list[str] = field(default_factory=list[str])


def shaped(inputs: Mapping[str, Any], counterpart: Counterpart, schema: Schema) -> Shaped:
    """Say a resource as its counterpart.

    Args:
        inputs: as the provider checked them.
        schema: of the counterpart's type.
    """
    found = Shaped(properties=dict(counterpart.given))
    maker = _Maker(counterpart.names, schema, found)
    target = found.properties
    place: Schema = schema
    if counterpart.within:
        place = maker.property_of(schema, counterpart.within) or {}
        found.properties[counterpart.within] = target = {}
    ours = {key: value for key, value in inputs.items() if not key.startswith("__")}
    if _TAGS[0] in ours:
        ours.pop(_TAGS[1], None)
    maker.fill(target, ours, place, "")
    return found


class _Maker:
    def __init__(self, names: Mapping[str, str], schema: Schema, found: Shaped) -> None:
        self._names = names
        self._definitions = cast("Schema", schema.get("definitions", {}))
        self._found = found

    def fill(self, target: dict[str, Any], ours: Mapping[str, Any], place: Schema, path: str) -> None:
        """Put each of ours into the target, which `place` describes."""
        for key, value in ours.items():
            own = f"{path}{key}"
            theirs = self._names.get(own)
            if theirs == NOWHERE:
                continue
            if theirs is None:
                theirs = self._alike(place, "tags" if key == _TAGS[0] else key)
            if theirs is not None:
                self._put(target, theirs.split("."), value, place, own)
            elif isinstance(value, dict) and any(name.startswith(f"{own}.") for name in self._names):
                self.fill(target, cast("Mapping[str, Any]", value), place, f"{own}.")
            else:
                self._found.unseen.append(own)

    def _put(self, target: dict[str, Any], theirs: list[str], value: Any, place: Schema, own: str) -> None:
        name, *rest = theirs
        inner = self.property_of(place, name)
        if inner is None:
            raise ValueError(f"{own}: its counterpart {name} is not in the schema: correct counterparts.py")
        if not rest:
            made = self._value(value, inner, own)
            if made is not None:
                target[name] = made
            return
        if "array" in _types(inner):
            each = cast("list[Any]", value) if isinstance(value, list) else [value]
            items = self._resolved(inner.get("items", {}))
            listed = cast("list[dict[str, Any]]", target.setdefault(name, [{} for _ in each]))
            for one, element in zip(listed, each, strict=True):
                self._put(one, rest, element, items, own)
            return
        self._put(target.setdefault(name, {}), rest, value, inner, own)

    def _value(self, value: Any, place: Schema, own: str) -> Any:
        types = _types(place)
        if value is None:
            return None
        if value == marks.UNKNOWN:
            return self._unknown(types, place, own)
        if isinstance(value, dict):
            return self._object(cast("dict[str, Any]", value), types, place, own)
        if isinstance(value, list):
            return self._list(cast("list[Any]", value), types, place, own)
        if "array" in types and not types & {"string", "object"}:
            return self._list([value], types, place, own)
        return _scalar(value, types)

    def _object(self, value: dict[str, Any], types: set[str], place: Schema, own: str) -> Any:
        if "array" in types:
            items = self._resolved(place.get("items", {}))
            if {"Key", "Value"} <= set(items.get("properties", {})):
                return [{"Key": key, "Value": self._value(of, {}, own)} for key, of in value.items()]
            return [self._value(value, items, own)]
        if not self._properties(place):
            return {key: self._value(of, {}, own) for key, of in value.items()}
        made: dict[str, Any] = {}
        self.fill(made, value, place, f"{own}.")
        return made

    def _list(self, value: list[Any], types: set[str], place: Schema, own: str) -> Any:
        if types and "array" not in types:
            if len(value) == 1:
                return self._value(value[0], place, own)
            self._found.unseen.append(own)
            return None
        items = self._resolved(place.get("items", {}))
        made = [self._value(one, items, own) for one in value]
        return [one for one in made if one is not None]

    def _unknown(self, types: set[str], place: Schema, own: str) -> Any:
        items = self._resolved(place.get("items", {}))
        if "object" in types or "object" in _types(items) or place.get("format") == "json":
            self._found.open.append(own)  # stood in for or not, what it would hold is not looked at
        if not types or "string" in types or types & {"integer", "number", "boolean"}:
            kind = "Number" if types and "string" not in types else "String"
        elif "array" in types:
            kind = "CommaDelimitedList"
        else:
            return None
        return {"Ref": PARAMETER[kind]}

    def property_of(self, place: Schema, name: str) -> Schema | None:
        """The schema of a property, None where there is none."""
        found = self._properties(place).get(name)
        return None if found is None else self._resolved(found)

    def _alike(self, place: Schema, key: str) -> str | None:
        """The property of the same name, one or several of it, whatever its capitals."""
        known = {name.lower(): name for name in self._properties(place)}
        lower = key.lower()
        return next(
            (known[one] for one in (lower, lower.removesuffix("s"), f"{lower}s") if one in known), None
        )

    def _properties(self, place: Schema) -> dict[str, Schema]:
        return dict(self._all_properties(place))

    def _all_properties(self, place: Schema) -> Iterator[tuple[str, Schema]]:
        for form in ("oneOf", "anyOf", "allOf"):
            for one in place.get(form, ()):
                yield from self._all_properties(self._resolved(one))
        yield from place.get("properties", {}).items()

    def _resolved(self, place: Schema) -> Schema:
        while (ref := place.get("$ref")) is not None:
            place = cast("Schema", self._definitions[str(ref).rpartition("/")[2]])
        return place


def _types(place: Schema) -> set[str]:
    said = place.get("type", ())
    if said:
        return {said} if isinstance(said, str) else set(said)
    return {"object"} if "properties" in place else set()


def _scalar(value: Any, types: set[str]) -> Any:
    if isinstance(value, str):
        if "object" in types and value.lstrip().startswith("{"):
            return json.loads(value)
        if types and types <= {"integer", "number"}:
            return _number(value)
        if types == {"boolean"} and value in ("true", "false"):
            return value == "true"
    elif types == {"string"}:
        return json.dumps(value)
    return value


def _number(value: str) -> Any:
    try:
        return float(value) if "." in value else int(value)
    except ValueError:
        return value
