"""The object store and Trino."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, model_validator

from infra.settings.base import Resources, Section, Storage
from infra.settings.needs import Need
from workloads.kit.contracts.declared.data_api import DOWNLOAD_WORKER
from workloads.kit.contracts.declared.services import OBJECT_STORE, TRINO
from workloads.kit.contracts.declared.warehouse_etl import WAREHOUSE_ETL
from workloads.kit.contracts.platform import DECLARED

_BESIDE_HEAP_MIB = 768
"""What the JVM takes besides its heap: classes, code, threads, buffers of the network."""


class ObjectStoreGateway(Section):
    """S3 over a volume, by versitygw."""

    kind: Literal["gateway"] = Field(description="How objects are kept.")
    resources: Resources = Field(description="Resources of the server.")
    storage: Storage = Field(description="Volume of the buckets, on a file system with extended attributes.")


class ObjectStoreS3(Section):
    """S3 of AWS: the stack's bucket for the warehouse, whose rights Pod Identity gives."""

    kind: Literal["s3"] = Field(description="How objects are kept.")


ObjectStore = Annotated[ObjectStoreGateway | ObjectStoreS3, Discriminator("kind")]


class TrinoServer(Section):
    """SQL over the warehouse's layers and the lake, as one server."""

    heap_mib: int = Field(1024, ge=768, description="Heap, in MiB; queries share two fifths of it.")
    resources: Resources = Field(description="Resources of the server.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        limit, needed = _mib(self.resources.memory_limit), self.heap_mib + _BESIDE_HEAP_MIB
        if limit < needed:
            raise ValueError(
                f"resources.memory_limit {self.resources.memory_limit} is below {needed}Mi, which a heap_mib "
                f"of {self.heap_mib} needs: {_BESIDE_HEAP_MIB} MiB lie beside the heap"
            )
        return self


def needs(
    store: ObjectStore | None, trino: TrinoServer | None, *, filled: bool, downloads: bool
) -> Iterator[Need]:
    """What the two ask of the stack's other sections, and what others ask of the two.

    Args:
        filled: whether the stack has what fills the lake.
        downloads: whether it has what makes files for tenants.
    """
    yield downloads, store, DOWNLOAD_WORKER.section, OBJECT_STORE.section
    yield trino is not None, store, TRINO.section, OBJECT_STORE.section
    yield filled, store, WAREHOUSE_ETL.section, OBJECT_STORE.section
    yield filled, trino, WAREHOUSE_ETL.section, TRINO.section


def clients(names: Collection[str]) -> list[str]:
    """Those of these workloads that call the object store."""
    return sorted(name for name in names if OBJECT_STORE.name in DECLARED[name].calls)


def _mib(memory: str) -> float:
    number = re.match(r"[0-9]+", memory)
    assert number is not None, "the pattern asks for digits"
    units = {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024, "Ti": 1024**2}
    return int(number[0]) * units[memory[number.end() :]]
