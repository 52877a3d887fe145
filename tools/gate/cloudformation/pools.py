"""Karpenter's node pools, against the instance types that a region has.

No provider and no API server looks at their requirements: a family that the region lacks, or whose machines
are of another architecture or size, is passed over without a word, until the pool has nothing to start.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tools.errors import ToolError
from tools.gate.model import StackPreview
from tools.quotas import vcpus

REMEDY: Final = (
    "Name families of the region, of the pool's architectures and sizes: carbon:services.karpenter."
)
_GRAVITON: Final = re.compile(r"^[a-z]+[0-9]+g|^a1")
"""Families of AWS's own processors: a g after the generation."""


@dataclass(frozen=True)
class Pool:
    """What a pool asks of its machines."""

    subject: str
    families: Sequence[str]
    architectures: Sequence[str]
    least: int
    most: int


def of(preview: StackPreview) -> Iterator[Pool]:
    """The pools of a stack."""
    for urn, manifest in preview.kubernetes_objects():
        if manifest["kind"] == "NodePool":
            asked = manifest["spec"]["template"]["spec"]["requirements"]
            yield Pool(
                urn,
                _values(asked, "karpenter.k8s.aws/instance-family", "In"),
                _values(asked, "kubernetes.io/arch", "In"),
                int(_values(asked, "karpenter.k8s.aws/instance-cpu", "Gte")[0]),
                int(_values(asked, "karpenter.k8s.aws/instance-cpu", "Lte")[0]),
            )


def unavailable(pools: Sequence[Pool], offered: Collection[str]) -> Iterator[tuple[str, str]]:
    """A pool, and a family of it that starts nothing.

    Args:
        offered: instance types that the region has.
    """
    for pool in pools:
        for family in pool.families:
            sizes = [one for one in offered if one.startswith(f"{family}.")]
            architecture = "arm64" if _GRAVITON.match(family) else "amd64"
            if not sizes:
                yield pool.subject, f"instance family {family}: the region has none"
            elif architecture not in pool.architectures:
                yield pool.subject, f"instance family {family} is {architecture}, not {pool.architectures}"
            elif not any(pool.least <= cpus <= pool.most for cpus in _cpus(sizes)):
                yield (
                    pool.subject,
                    f"instance family {family} has no size of {pool.least} to {pool.most} CPUs",
                )


def _cpus(types: Sequence[str]) -> Iterator[int]:
    """CPUs of the types whose size says them: metal does not."""
    for one in types:
        try:
            yield vcpus(one)
        except ToolError:
            continue


def _values(asked: Sequence[Mapping[str, Any]], key: str, operator: str) -> list[str]:
    return next(list(one["values"]) for one in asked if (one["key"], one["operator"]) == (key, operator))
