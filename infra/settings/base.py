"""What all parts of a stack's configuration are made from."""

from __future__ import annotations

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from workloads.kit.contracts import public

NAMESPACE: Final = "carbon"
"""Prefix of the configuration keys: `carbon:<section>`."""

_QUANTITY: Final = {"m": 1, "": 1000, "k": 10**6, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
"""Units of CPU in thousandths, of memory in bytes."""

_LARGER: Final = {"m": "", "": "k", "Ki": "Mi", "Mi": "Gi", "Gi": "Ti"}
"""Unit → the next, in which the API server writes what is whole in it."""


def _quantity(text: str) -> float:
    number = re.match(r"[0-9]+", text)
    assert number is not None, "the pattern asks for digits"
    return int(number[0]) * _QUANTITY[text[number.end() :]]


def _canonical(text: str) -> str:
    amount = _quantity(text)
    unit = given = text.lstrip("0123456789")
    while (larger := _LARGER.get(unit)) is not None and amount and amount % _QUANTITY[larger] == 0:
        unit = larger
    if unit != given:
        better = f"{round(amount / _QUANTITY[unit])}{unit}"
        raise ValueError(f"write {better}: the API server does, and each refresh would see a change")
    return text


def _pinned(reference: str) -> str:
    name = reference.rsplit("/", 1)[-1]
    if "@sha256:" not in name and (":" not in name or name.endswith(":latest")):
        raise ValueError("an image is named by a tag other than latest, or by its digest")
    return reference


def _no_secret_name(name: str) -> str:
    if re.search(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|API_KEY", name) and not name.endswith("_FILE"):
        raise ValueError("secrets do not go into environment variables: workloads read them from files")
    return name


def _public(name: str) -> str:
    if name not in public.WORKLOADS:
        raise ValueError(f"no public workload is called so: there are {', '.join(sorted(public.WORKLOADS))}")
    return name


Cpu = Annotated[str, Field(pattern=r"^[1-9][0-9]*[mk]?$", examples=["100m", "1"]), AfterValidator(_canonical)]
Memory = Annotated[
    str, Field(pattern=r"^[1-9][0-9]*(Ki|Mi|Gi|Ti)$", examples=["256Mi"]), AfterValidator(_canonical)
]
DnsLabel = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
LabelValue = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")]
Cron = Annotated[str, Field(pattern=r"^(\S+ ){4}\S+$", examples=["0 2 * * *"])]
Image = Annotated[str, Field(min_length=1), AfterValidator(_pinned)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$"), AfterValidator(_no_secret_name)]
Port = Annotated[int, Field(ge=1, le=65535)]

_CHOICES: Final[JsonDict] = {"enum": [*sorted(public.WORKLOADS)]}
PublicWorkload = Annotated[str, AfterValidator(_public), Field(json_schema_extra=_CHOICES)]
"""Name of a workload that a load balancer may stand before."""


class Section(BaseModel):
    """A part of a stack's configuration: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Labels(Section):
    """Who runs the stack and who pays for it: labels of every object."""

    environment: LabelValue = Field(description="Environment that the stack is, label `env`.")
    known_as: DnsLabel | None = Field(
        default=None,
        description="What tenants know the environment as, the start of their namespaces' names; by default "
        "its own name.",
    )
    owner: LabelValue = Field(description="Who answers for it, label `owner`.")
    team: LabelValue = Field(description="Team that operates it, label `team`.")
    product: LabelValue = Field(description="Product that it is part of, label `product`.")
    cost_center: LabelValue = Field(description="Where its cost is booked, label `cost-center`.")


class Quota(Section):
    """What all pods of a namespace may ask for together."""

    cpu: Cpu = Field(description="Sum of CPU requests.")
    memory: Memory = Field(description="Sum of memory requests.")
    memory_limit: Memory = Field(description="Sum of memory limits.")
    pods: int = Field(ge=1, description="Number of pods.")
    claims: int = Field(ge=0, description="Number of volume claims.")


class Resources(Section):
    """What one container asks for and may use."""

    cpu: Cpu = Field(description="CPU that is kept for it.")
    memory: Memory = Field(description="Memory that is kept for it.")
    cpu_limit: Cpu = Field("2", description="CPU that it may use.")
    memory_limit: Memory = Field(description="Memory above which it is killed.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("cpu", "memory"):
            request, limit = getattr(self, name), getattr(self, f"{name}_limit")
            if _quantity(request) > _quantity(limit):
                raise ValueError(f"{name} {request} is above {name}_limit {limit}")
        return self


class Storage(Section):
    """A volume, one a pod."""

    size: Memory = Field(description="Size of the volume.")
    storage_class: str | None = Field(None, description="Storage class; by default the cluster's own.")
    protect: bool = Field(
        False, description="Whether Pulumi refuses to delete or replace what holds the data."
    )
