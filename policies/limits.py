"""What each stack may use: regions, instance types, registries. Read from `limits.yaml` beside this file.

The file is reviewed apart from the stack files: a stack does not allow itself another region. The pack knows
its stack from the URNs of what it looks at and needs no configuration, wherever it runs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from workloads.kit.contracts.messages import Provenance

FILE: Final = Path(__file__).with_name("limits.yaml")

Registry = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9._-]+)*/$")]
"""Start of an image's name; the slash at its end keeps `example.com.evil.org` out."""

InstanceType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*\.([a-z0-9-]+|\*)$")]


class Limits(BaseModel):
    """What one stack may use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: tuple[str, ...] = Field(description="AWS regions; none if the stack has nothing at AWS.")
    instances: tuple[InstanceType, ...] = Field(description="EC2 instance types, or `family.*`.")
    registries: tuple[Registry, ...] = Field(description="Starts of the names of images that pods run.")
    digests: bool = Field(description="Whether every image must be named by its digest.")
    protect: bool = Field(description="Whether what holds data must be protected from deletion.")
    provenance: tuple[Provenance, ...] = Field(
        default=("market",), min_length=1, description="What published prices may be."
    )


class LimitsError(Exception):
    """The limits cannot be read, or have no entry for a stack; names file, key and remedy."""


def of(stack: str) -> Limits:
    """The limits of a stack. Raises LimitsError."""
    known = _read(FILE)
    if stack not in known:
        raise LimitsError(
            f"policies/{FILE.name}: there is no stack {stack!r}. "
            f"Remedy: add what it may use; there are {', '.join(sorted(known))}."
        )
    return known[stack]


@cache
def _read(file: Path) -> dict[str, Limits]:
    try:
        return TypeAdapter(dict[str, Limits]).validate_python(yaml.safe_load(file.read_text()))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise LimitsError(f"policies/{file.name}: {error}. Remedy: correct the file.") from error
