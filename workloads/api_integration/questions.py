"""A caller's question: checked against the table, and brought into the one form that is its key."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from workloads.kit.contracts.providers import PROVIDERS, Parameter, Provider, Route, placed

ALL: Final = "all"
"""Tag that every answer has."""


class Invalid(Exception):
    """A question that is none. `field` is at fault, `remedy` says what it has to be."""

    def __init__(self, field: str, value: str | None, detail: str, remedy: str, *, status: int = 422) -> None:
        super().__init__(f"{field}: {detail}")
        self.field, self.value, self.detail, self.remedy, self.status = field, value, detail, remedy, status


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a provider, all its parameters given, in one spelling.

    Args:
        text: the same for whatever means the same; holds no key.
        key: `text` as a short name.
        path: at the provider.
        query: parameters besides those in the path, without the provider's key.
        tags: under which its answer can be withdrawn.
    """

    provider: str
    route: str
    text: str
    key: str
    path: str
    query: Mapping[str, str]
    tags: tuple[str, ...]

    @property
    def of(self) -> Provider:
        """The table's row of its provider."""
        return PROVIDERS[self.provider]

    @property
    def how(self) -> Route:
        """The table's row of its route."""
        return self.of.routes[self.route]


def question(provider: str, route: str, given: Mapping[str, list[str]]) -> Question:
    """The question that a request asks.

    Raises:
        Invalid: there is no such provider, route or parameter, or a value is not what it has to be.
    """
    how = _route(provider, route)
    if unknown := [name for name in given if name not in how.parameters]:
        remedy = f"there are {', '.join(how.parameters)}" if how.parameters else "give none"
        raise Invalid(unknown[0], None, "there is no such parameter", remedy)
    values = {
        name: _value(name, how.parameters[name], given.get(name, [])) for name in sorted(how.parameters)
    }
    within = placed(how.path)
    query = dict(how.constants)
    query |= {(how.parameters[name].upstream or name): v for name, v in values.items() if name not in within}
    text = f"{provider}/{route}" + (f"?{urlencode(values)}" if values else "")
    return Question(
        provider=provider,
        route=route,
        text=text,
        # The constants decide the answer as well: a table that changes them asks anew.
        key=hashlib.sha256(f"{text} {sorted(how.constants.items())}".encode()).hexdigest()[:32],
        path=how.path.format(**{name: quote(values[name], safe="") for name in within}),
        query=query,
        tags=(
            ALL,
            provider,
            f"{provider}/{route}",
            *(f"{name}:{values[name]}" for name in how.tags),
        ),
    )


def _route(provider: str, route: str) -> Route:
    if provider not in PROVIDERS:
        raise Invalid("provider", provider, "there is none", f"there are {', '.join(PROVIDERS)}", status=404)
    routes = PROVIDERS[provider].routes
    if route not in routes:
        raise Invalid("route", route, f"{provider} has none", f"it has {', '.join(routes)}", status=404)
    return routes[route]


def _value(name: str, parameter: Parameter, given: list[str]) -> str:
    if len(given) > 1:
        raise Invalid(name, ", ".join(given), f"it is given {len(given)} times", "give it once")
    if not given or not given[0].strip():
        if parameter.default is None:
            raise Invalid(name, None, "it is missing", f"it is: {parameter.about}")
        return parameter.default
    text = " ".join(given[0].split())
    match parameter.kind:
        case "number":
            return _number(name, parameter, text)
        case "integer":
            return _integer(name, parameter, text)
        case "list":
            return _list(name, parameter, text)
        case "text":
            return _text(name, parameter, text)


def _number(name: str, parameter: Parameter, text: str) -> str:
    remedy = f"give a number from {parameter.low:g} to {parameter.high:g}, such as 52.52"
    if not re.fullmatch(r"[+-]?(\d{1,9}(\.\d{0,30})?|\.\d{1,30})", text, re.ASCII):
        raise Invalid(name, text, "it is no number", remedy)
    value = float(text)
    if not math.isfinite(value) or not parameter.low <= value <= parameter.high:
        raise Invalid(name, text, "it is out of range", remedy)
    return f"{round(value, parameter.decimals) + 0.0:g}"  # + 0.0: there is no minus zero


def _integer(name: str, parameter: Parameter, text: str) -> str:
    remedy = f"give a whole number from {parameter.low:g} to {parameter.high:g}"
    if not re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII):
        raise Invalid(name, text, "it is no whole number", remedy)
    if not parameter.low <= int(text) <= parameter.high:
        raise Invalid(name, text, "it is out of range", remedy)
    return str(int(text))


def _list(name: str, parameter: Parameter, text: str) -> str:
    asked = {item.strip() for item in text.split(",") if item.strip()}
    unknown = sorted(asked - set(parameter.choices))
    if not asked or unknown:
        shown = ", ".join(unknown) if asked else text
        raise Invalid(name, shown, "there is no such choice", f"there are {', '.join(parameter.choices)}")
    return ",".join(sorted(asked))


def _text(name: str, parameter: Parameter, text: str) -> str:
    spelt = {"upper": text.upper(), "lower": text.lower(), "as-is": text}[parameter.case]
    # ß would become SS, and the Kelvin sign a k: another question than the one that was asked.
    text = spelt if spelt.isascii() == text.isascii() else text
    if not re.fullmatch(parameter.pattern, text):
        raise Invalid(name, text, f"it does not match {parameter.pattern}", f"it is: {parameter.about}")
    return text
