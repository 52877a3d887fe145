"""The sources file: which sources there are, and how each one's rows become prices."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from workloads.kit.contracts import env
from workloads.kit.contracts.messages import Provenance
from workloads.kit.contracts.sources.http_config import HIDDEN
from workloads.kit.contracts.sources.kinds import Sources


class BadSources(Exception):
    """The sources file cannot be used; one line a problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(path: Path, allowed: Collection[Provenance]) -> Sources:
    """Read a sources file.

    Args:
        allowed: provenance that its prices may be of.

    Raises:
        BadSources: it cannot be read or breaks a rule; one line a problem with its place, value and remedy.
    """
    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSources([f"{path}: cannot be read ({error.strerror}); SOURCES_FILE must name it"]) from None
    except yaml.YAMLError as error:
        raise BadSources([f"{path}: is not YAML: {' '.join(str(error).split())}"]) from None
    try:
        sources = Sources.model_validate(content)
    except ValidationError as error:
        problems = [_problem(path, content, dict(item)) for item in error.errors(include_url=False)]
        raise BadSources(problems) from None
    if refused := sources.of_other_provenance(allowed):
        named = f"{env.PROVENANCE}={','.join(sorted(allowed))}"
        raise BadSources(
            [
                f"{path}: source {source.name!r} is {source.provenance}, and {named} leaves it out. "
                f"Remove it, or add {source.provenance} where nobody takes its prices for a market's"
                for source in refused
            ]
        )
    return sources


def _problem(path: Path, content: object, error: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in error["loc"] if part not in _KINDS) or "the file"
    name = _source_name(content, error["loc"])
    message = re.sub(r"^Value error, ", "", str(error["msg"]))
    value = error.get("input")
    # An unknown key may be a misplaced password.
    plain = (
        isinstance(value, str | int | float | bool)
        and error["type"] != "extra_forbidden"
        and HIDDEN.isdisjoint(error["loc"])
    )
    shown = f" (is {value!r})" if plain else ""
    return f"{path}: {place}{f' of source {name!r}' if name else ''}: {message}{shown}"


def _source_name(content: object, loc: tuple[str | int, ...]) -> str | None:
    match (content, loc):
        case ({"sources": list(rows)}, ("sources", int(index), *_)) if index < len(rows):
            row = rows[index]
            return row.get("name") if isinstance(row, dict) else None
        case _:
            return None


_KINDS = {"csv", "parquet", "sql", "mysql", "http", "s3", "sftp", "synthetic", "replay"}
