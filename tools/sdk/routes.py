"""`carbon_client/routes.py`: a method for each route of the document, for both clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tools.sdk.schema import Schema, annotation, name, wrapped

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_EVENTS: Final = "text/event-stream"

_UNSEEN: Final = frozenset({"cursor", "after"})
"""Parameters that a client gives by itself, to go on."""
_NAMES: Final = {"limit": "page_size"}
"""Parameters that a client's user names otherwise: `limit` is that of a page, and all pages are iterated."""
_METHODS: Final = {"downloads": "download", "ask_download_job": "download_job"}
"""The same of operations."""
_BY_HAND: Final = ("/v1/downloads/jobs", "/v1/downloads/files", "/v1/scenarios")
"""Routes for which the clients have methods of their own, but for a question that makes a file."""

_HEAD: Final = '''"""The API's routes as methods.

{left}
Made from its OpenAPI document by `python -m tools sdk generate`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from carbon_client import models
from carbon_client.base import When
from carbon_client.events import Event
from carbon_client.pages import AsyncPages, P, Pages, R

T = TypeVar("T")


class Routes(ABC):
    """What a `Client` asks. Times have a zone; what is not given is as the API has it by default.

    What comes in pages is `Pages`: it is asked when it is iterated. `page_size` is the rows of one page.
    """

    @abstractmethod
    def _pages(self, path: str, page: type[P], row: type[R], given: Mapping[str, Any]) -> Pages[P, R]: ...

    @abstractmethod
    def _given(self, path: str, body: msgspec.Struct, kind: type[T]) -> T: ...

    @abstractmethod
    def _said(self, path: str, names: Mapping[str, str], body: msgspec.Struct, kind: type[T]) -> T: ...

    @abstractmethod
    def _file(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path: ...

    @abstractmethod
    def _job(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path: ...

    @abstractmethod
    def _events(self, path: str, given: Mapping[str, Any]) -> Generator[Event, None, None]: ...
'''
_ASYNC: Final = '''

class AsyncRoutes(ABC):
    """What an `AsyncClient` asks: as `Routes`, where the parameters are described."""

    @abstractmethod
    def _pages(
        self, path: str, page: type[P], row: type[R], given: Mapping[str, Any]
    ) -> AsyncPages[P, R]: ...

    @abstractmethod
    async def _given(self, path: str, body: msgspec.Struct, kind: type[T]) -> T: ...

    @abstractmethod
    async def _said(self, path: str, names: Mapping[str, str], body: msgspec.Struct, kind: type[T]) -> T: ...

    @abstractmethod
    async def _file(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path: ...

    @abstractmethod
    async def _job(self, path: str, target: Path | str, given: Mapping[str, Any]) -> Path: ...

    @abstractmethod
    def _events(self, path: str, given: Mapping[str, Any]) -> AsyncGenerator[Event, None]: ...
'''


@dataclass(frozen=True)
class _Route:
    """Attributes:
    kind: pages of rows, one answer to a body, what is said of something that has a name, a file, one that is
        made first, or a stream of events; None of what no method is for.
    """

    path: str
    operation: Schema
    kind: Literal["pages", "given", "said", "file", "job", "events"] | None
    page: str = ""
    row: str = ""

    @property
    def method(self) -> str:
        """Its name in Python."""
        called: str = self.operation["operationId"]
        return _METHODS.get(called, called)

    @property
    def parameters(self) -> list[Schema]:
        """Those that a caller gives, the ones that have to be given first. A client takes JSON by itself."""
        unseen = _UNSEEN if self.kind in ("file", "job") else _UNSEEN | {"format"}
        shown = [one for one in self.operation.get("parameters", ()) if one["name"] not in unseen]
        return sorted(shown, key=lambda one: not one["required"])


def text(document: Schema) -> str:
    """The module."""
    routes = [
        _route(document, path, *one) for path, all_ in document["paths"].items() for one in all_.items()
    ]
    left = dict.fromkeys(one.path for one in routes if one.kind is None and not one.path.startswith(_BY_HAND))
    said = f"No method is for {', '.join(left)}" if left else "Each route has its method"
    shown = [one for one in routes if one.kind is not None]
    sync = "".join(f"\n{_method(one, asynchronous=False)}" for one in shown)
    asynchronous = "".join(f"\n{_method(one, asynchronous=True)}" for one in shown)
    return _HEAD.replace("{left}", f"{said}.") + sync + _ASYNC + asynchronous


def _route(document: Schema, path: str, verb: str, operation: Schema) -> _Route:
    answer: Mapping[str, Any] = operation["responses"].get("200", {}).get("content", {})
    if verb == "put" and _JSON in answer and not path.startswith(_BY_HAND):
        return _Route(path, operation, "said", name(answer[_JSON]["schema"]["$ref"]))
    asked = any(one["in"] != "query" for one in operation.get("parameters", ()))
    if verb == "post" and "202" in operation["responses"]:
        return _Route(path, operation, "job")
    if asked or not path.startswith("/v1/") or _PROBLEM in answer:
        return _Route(path, operation, None)
    if _JSON in answer and "$ref" in (schema := answer[_JSON]["schema"]):
        page = name(schema["$ref"])
        fields = document["components"]["schemas"][page]["properties"]
        if verb == "post":
            return _Route(path, operation, "given", page)
        if {"items", "next"} <= fields.keys():
            return _Route(path, operation, "pages", page, name(fields["items"]["items"]["$ref"]))
    elif verb == "get" and answer:
        return _Route(path, operation, "events" if _EVENTS in answer else "file")
    return _Route(path, operation, None)


def _method(route: _Route, *, asynchronous: bool) -> str:
    a, waits = ("Async", "await ") if asynchronous else ("", "")
    parameters = list(_signature(route))
    given = _given(route)
    match route.kind:
        case "pages":
            of = f"models.{route.page}, models.{route.row}"
            returns, awaited = f"{a}Pages[{of}]", False
            call = f'self._pages("{route.path}", {of}, {given})'
        case "given":
            body = name(route.operation["requestBody"]["content"][_JSON]["schema"]["$ref"])
            parameters.insert(0, f"body: models.{body}")
            returns, awaited = f"models.{route.page}", True
            call = f'{waits}self._given("{route.path}", body, models.{route.page})'
        case "said":
            body = name(route.operation["requestBody"]["content"][_JSON]["schema"]["$ref"])
            parameters.append(f"body: models.{body}")
            returns, awaited = f"models.{route.page}", True
            call = f'{waits}self._said("{route.path}", {given}, body, models.{route.page})'
        case "file" | "job":
            parameters.insert(0, "path: Path | str")
            returns, awaited = "Path", True
            call = f'{waits}self._{route.kind}("{route.path}", path, {given})'
        case _:
            returns, awaited = "AsyncGenerator[Event, None]" if a else "Generator[Event, None, None]", False
            call = f'self._events("{route.path}", {given})'
    start = "async def" if asynchronous and awaited else "def"
    head = f"    {start} {route.method}(self, {', '.join(parameters)}) -> {returns}:"
    return f"{head}\n{_described(route, asynchronous)}\n        return {call}\n"


def _signature(route: _Route) -> Iterator[str]:
    """Parameters that have to be given by place or name, and the others by name."""
    named = False
    for one in route.parameters:
        if not one["required"] and not named:
            named = True
            yield "*"
        kind = annotation(one["schema"], time="When", array="list")
        yield f"{_name(one)}: {kind}" + ("" if one["required"] else " | None = None")


def _given(route: _Route) -> str:
    return "{" + ", ".join(f'"{one["name"]}": {_name(one)}' for one in route.parameters) + "}"


def _name(parameter: Schema) -> str:
    called: str = parameter["name"]
    return _NAMES.get(called, called)


def _described(route: _Route, asynchronous: bool) -> str:
    if asynchronous:
        return f'        """As `Client.{route.method}`."""'
    summary = f"{route.operation['summary']}: `{route.path}`."
    told = [(_name(one), _about(one)) for one in route.parameters]
    if route.kind in ("file", "job"):
        told.insert(0, ("path", "The file to write: it is there whole or not at all."))
    if route.kind == "given" or not told:
        return f'        """{summary}"""'
    lines = [f'        """{summary}', "", "        Args:"]
    for called, about in told:
        first, *rest = wrapped(f"{called}: {about}", " " * 12).splitlines()
        lines += [first, *(f"    {line}" for line in rest)]
    return "\n".join([*lines, '        """'])


def _about(parameter: Schema) -> str:
    default = parameter["schema"].get("default")
    said: str = parameter.get("description", "")
    return f"{said} By default {default}." if default is not None else said
