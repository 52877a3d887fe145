"""Versions that belong together: the one table, and what refuses a pair that is not in it.

A new version goes in with where it was read and when. What a release has no entry for is not known to work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from infra import charts


@dataclass(frozen=True, kw_only=True)
class Kubernetes:
    """What goes with a version of Kubernetes on EKS.

    Attributes:
        bottlerocket: first release with an image for it.
        al2023: day of the first Amazon Linux image for it, as in its alias; None where it was not looked up.
        karpenter: first release that supports it.
        source: where that was read.
        seen: when.
    """

    bottlerocket: str
    al2023: str | None
    karpenter: str
    source: str
    seen: date


_SEEN: Final = date(2026, 11, 26)
_KARPENTER: Final = "compatibility matrix of Karpenter's 1.14 documentation"

KUBERNETES: Final[Mapping[str, Kubernetes]] = {
    "1.33": Kubernetes(
        bottlerocket="1.39.0",
        al2023="20250528",
        karpenter="1.5",
        source=f"bottlerocket-os/bottlerocket#4477, release calendar of EKS, {_KARPENTER}",
        seen=_SEEN,
    ),
    "1.34": Kubernetes(
        bottlerocket="1.47.0",
        al2023="20251006",
        karpenter="1.6",
        source=f"bottlerocket-os/bottlerocket#4620, release calendar of EKS, {_KARPENTER}",
        seen=_SEEN,
    ),
    "1.35": Kubernetes(
        bottlerocket="1.53.0",
        al2023="20260128",
        karpenter="1.9",
        source=f"bottlerocket-os/bottlerocket#4737, release calendar of EKS, {_KARPENTER}",
        seen=_SEEN,
    ),
    "1.36": Kubernetes(
        bottlerocket="1.61.0",
        al2023=None,
        karpenter="1.13",
        source=f"bottlerocket-os/bottlerocket#4841, {_KARPENTER}",
        seen=_SEEN,
    ),
}
"""Version of Kubernetes → what goes with it."""

KAFKA: Final[Mapping[str, tuple[str, ...]]] = {
    # kafka-versions.yaml of strimzi/strimzi-kafka-operator at 1.2.0, 2026-11-26.
    "1.2.0": ("4.2.0", "4.2.1", "4.3.0", "4.3.1"),
}
"""Version of Strimzi → versions of Kafka that it runs."""


def of_cluster(version: str) -> str:
    """A version of Kubernetes that is in the table, with the pinned Karpenter.

    Raises:
        ValueError: it is not, or Karpenter is too old for it.
    """
    known = KUBERNETES.get(version)
    if known is None:
        raise ValueError(f"{version} is not in the table of infra/versions.py: it has {_listed(KUBERNETES)}")
    if _parts(charts.KARPENTER.app) < _parts(known.karpenter):
        raise ValueError(
            f"{version} needs Karpenter {known.karpenter}, and infra/charts.py pins {charts.KARPENTER.app}: "
            "raise the pin first"
        )
    return version


def of_kafka(version: str) -> str:
    """A version of Kafka that the pinned Strimzi runs.

    Raises:
        ValueError: it does not.
    """
    runs = KAFKA.get(charts.STRIMZI.app, ())
    if version not in runs:
        raise ValueError(f"{version} is none that Strimzi {charts.STRIMZI.app} runs: {_listed(runs)}")
    return version


def has_image(version: str, image: str) -> bool:
    """Whether a release of a node's image (`bottlerocket@v1.53.0`) is there for a cluster's version."""
    return (least := first_image(version, image)) is not None and _parts(image) >= _parts(least)


def first_image(version: str, image: str) -> str | None:
    """The first release of the same kind of image that is there for a cluster's version; None if unknown."""
    known, kind = KUBERNETES.get(version), image.partition("@")[0]
    if known is None:
        return None
    first = known.bottlerocket if kind == "bottlerocket" else known.al2023
    return first and f"{kind}@v{first}"


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.rpartition("@v")[2].split("."))


def _listed(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(names)
