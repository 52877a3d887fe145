"""The OpenAPI document: `python -m workloads.data_api.document` writes it to `openapi.v1.json`.

A change that a client of before would not survive is refused (exit 1): it belongs into a new version, under
a path of its own, beside the old one.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from flask_openapi3.openapi import OpenAPI

from workloads.data_api.answers import CSV, JSON
from workloads.data_api.guard import SCHEME, need
from workloads.data_api.problems import CONTENT_TYPE, Problem

FILE: Final = Path(__file__).parent / "openapi.v1.json"

PRODUCT: Final = "x-product"
SCOPE: Final = "x-scope"
"""What an operation needs of who asks."""

_TOO_LONG: Final = {
    "description": "The address is too long.",
    "content": {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}},
}
"""What every route may say before it is one."""
_PARAMETER: Final = re.compile(r"<(?:[^:>]+:)?([^>]+)>")
_WORDS: Final = frozenset({"title", "description", "default", "examples", "example"})
_BOUNDS: Final = {
    "maximum": 1,
    "maxItems": 1,
    "maxLength": 1,
    "minimum": -1,
    "minItems": -1,
    "minLength": -1,
}
"""Keyword → whether a larger value takes more (1) or less (-1)."""

Schema = Mapping[str, Any]


def of(app: OpenAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an application's routes."""
    made: dict[str, Any] = json.loads(json.dumps(app.api_doc, sort_keys=True))
    needed = {
        (_PARAMETER.sub(r"{\1}", rule.rule), method.lower()): wanted
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if (wanted := need(app, rule.endpoint)) is not None
    }
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            operation["responses"].setdefault("414", _TOO_LONG)
            asked = {one["name"] for one in operation.get("parameters", ())}
            content = operation["responses"].get("200", {}).get("content", {})
            if JSON in content and "format" in asked:
                content[CSV] = {"schema": {"type": "string", "description": f"As {JSON}, a line a row."}}
            if (wanted := needed.get((path, method))) is None:  # nobody may use it
                continue
            operation["security"] = [{SCHEME: []}]
            operation[PRODUCT], operation[SCOPE] = wanted.product, wanted.scope
    return made


def text(document: Schema) -> str:
    """A document as its file holds it."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def incompatible(old: Schema, new: Schema) -> list[str]:
    """Why a client made for `old` might fail on `new`; empty if it does not.

    Routes, parameters and fields may be added. A parameter may take more than it did and never less, a field
    may be less than it was and never something else.
    """
    reasons: list[str] = []
    operations = (
        (path, method, was) for path, methods in old["paths"].items() for method, was in methods.items()
    )
    for path, method, was in operations:
        now = new["paths"].get(path, {}).get(method)
        if now is None:
            reasons.append(f"{path} is gone")
            continue
        reasons += [f"{path}: {reason}" for reason in _asked(was, now)]
        reasons += [f"{path}: {reason}" for reason in _sent(old, _body(was), new, _body(now), "body")]
        reasons += [
            f"{path}: {name.removeprefix('x-')} {was[name]} is no longer enough"
            for name in (PRODUCT, SCOPE)
            if name in was and was[name] != now.get(name)
        ]
        reasons += [f"{path}: {reason}" for reason in _answered(old, was, new, now)]
    return reasons


def _body(operation: Schema) -> Schema:
    return operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})


def _sent(old: Schema, was: Schema, new: Schema, now: Schema, at: str) -> Iterator[str]:
    """Why what was taken in a body might be no more."""
    was, now = _resolved(old, was), _resolved(new, now)
    if "properties" in was and "properties" in now:
        for name in now.get("required", ()):
            if name not in was.get("required", ()):
                yield f"{at}.{name} has to be given"
        for name, field in was["properties"].items():
            if name not in now["properties"]:
                yield f"{at}.{name} is gone"
            else:
                yield from _sent(old, field, new, now["properties"][name], f"{at}.{name}")
    elif "items" in was and "items" in now:
        yield from _narrowed(at, {"type": was["type"]} | _bounds(was), {"type": now["type"]} | _bounds(now))
        yield from _sent(old, was["items"], new, now["items"], f"{at}[]")
    elif (kind := next((one for one in ("oneOf", "anyOf") if one in was and one in now), None)) is not None:
        known = {json.dumps(one.get("$ref", one), sort_keys=True): one for one in now[kind]}
        for one in was[kind]:
            other = known.get(json.dumps(one.get("$ref", one), sort_keys=True))
            if other is None:
                yield f"{at} takes less than it did"
            else:
                yield from _sent(old, one, new, other, at)
    else:
        yield from _narrowed(at, was, now)


def _bounds(schema: Schema) -> dict[str, Any]:
    return {name: schema[name] for name in _BOUNDS if name in schema}


def _asked(before: Schema, after: Schema) -> Iterator[str]:
    parameters = {one["name"]: one for one in after.get("parameters", ())}
    known = {one["name"]: one for one in before.get("parameters", ())}
    for name, was in known.items():
        if name not in parameters:
            yield f"parameter {name} is gone"
        elif parameters[name]["required"] and not was["required"]:
            yield f"parameter {name} has to be given"
        else:
            yield from _narrowed(f"parameter {name}", was["schema"], parameters[name]["schema"])
    for name in parameters.keys() - known.keys():
        if parameters[name]["required"]:
            yield f"parameter {name} is new and has to be given"


def _narrowed(name: str, was: Schema, now: Schema) -> Iterator[str]:
    if "enum" in now and not set(was.get("enum", (was.get("const"),))) <= set(now["enum"]):
        yield f"{name} takes less than it did"
    for keyword, sign in _BOUNDS.items():
        if keyword in now and (keyword not in was or sign * now[keyword] < sign * was[keyword]):
            yield f"{name} takes less than it did: {keyword} {now[keyword]}"
    for keyword in ("type", "format", "pattern"):
        if was.get(keyword) != now.get(keyword):
            yield f"{name} has another {keyword}"
    if was.get("default") != now.get("default"):
        yield f"{name} means something else where it is not given"


def _answered(old: Schema, before: Schema, new: Schema, after: Schema) -> Iterator[str]:
    for status, was in before["responses"].items():
        now = after["responses"].get(status, {}).get("content", {})
        for kind, content in was.get("content", {}).items():
            if kind not in now:
                yield f"{status} is no longer given as {kind}"
            else:
                yield from _changed(status, old, content["schema"], new, now[kind]["schema"])


def _changed(at: str, old: Schema, was: Schema, new: Schema, now: Schema) -> Iterator[str]:
    was, now = _resolved(old, was), _resolved(new, now)
    if "properties" in was and "properties" in now:
        for name, field in was["properties"].items():
            if name not in now["properties"]:
                yield f"{at}.{name} is gone"
            elif name in was.get("required", ()) and name not in now.get("required", ()):
                yield f"{at}.{name} may be missing"
            else:
                yield from _changed(f"{at}.{name}", old, field, new, now["properties"][name])
    elif "items" in was and "items" in now:
        yield from _changed(f"{at}[]", old, was["items"], new, now["items"])
    elif "anyOf" in was and "anyOf" in now and len(was["anyOf"]) == len(now["anyOf"]):
        for one, other in zip(was["anyOf"], now["anyOf"], strict=True):
            yield from _changed(at, old, one, new, other)
    elif not _alternatives(now) <= _alternatives(was):
        yield f"{at} may be what it was not"


def _resolved(document: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _alternatives(schema: Schema) -> set[str]:
    plain = {name: value for name, value in schema.items() if name not in _WORDS}
    if "anyOf" in plain:
        return set[str]().union(*map(_alternatives, cast("list[Schema]", plain["anyOf"])))
    if "enum" in plain:
        return {json.dumps(value) for value in plain["enum"]}
    return {json.dumps(plain, sort_keys=True)}


def current() -> dict[str, Any]:
    """The document of the routes as they are written now."""
    # Here, since the application shows the document and so needs this module.
    from workloads.data_api.app import create_app
    from workloads.data_api.settings import DataApiSettings
    from workloads.data_api.store import Store

    unused = DataApiSettings(postgres_host="unused", postgres_user="unused")
    return of(create_app(unused, cast("Store", None)))


def main() -> int:
    document = current()
    reasons = incompatible(json.loads(FILE.read_text()), document) if FILE.exists() else []
    for reason in reasons:
        print(f"{FILE.name}: {reason}: give it a new version", file=sys.stderr)
    if not reasons:
        FILE.write_text(text(document))
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
