"""What operators and charts make of what a stack declares, by the source of the pinned version.

No operator runs here and no chart repository is reached: each function of this package says, for one
maker, the names, labels, accounts, security contexts, images and rights of what it makes, from the declared
object or the values. A maker without one is listed as unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tools.gate.made import charts, cloudnative_pg, strimzi
from tools.gate.made.parts import Manifest
from tools.gate.model import Resource, StackPreview

_OPERATED: Final[Mapping[str, Callable[[Manifest, list[Manifest]], Iterator[Manifest]]]] = {
    "Kafka": strimzi.kafka,
    "Cluster": cloudnative_pg.cluster,
    "Pooler": cloudnative_pg.pooler,
}
"""Kind of a declared object → what its operator makes of it, given all declared objects."""

_RENDERED: Final[Mapping[str, Callable[[Resource], Iterator[Manifest]]]] = {
    "mlflow": charts.mlflow,
    "valkey": charts.valkey,
}
"""Chart → what it renders with a release's values."""

VERSIONS: Final[Mapping[str, str]] = {
    **strimzi.SEEN,
    **cloudnative_pg.SEEN,
    **charts.SEEN,
}
"""Chart → version whose source was read."""


def of(preview: StackPreview) -> list[Manifest]:
    """What others make of a stack's objects and releases."""
    declared = [manifest for _, manifest in preview.kubernetes_objects()]
    made: list[Manifest] = []
    for manifest in declared:
        if (maker := _OPERATED.get(manifest.get("kind", ""))) is not None:
            made += maker(manifest, declared)
    for release in preview.helm_releases():
        if (chart := _RENDERED.get(chart_of(release))) is not None:
            made += chart(release)
    return made


def chart_of(release: Resource) -> str:
    """Name of a release's chart."""
    return str(release.inputs.get("chart", "")).rstrip("/").rsplit("/", 1)[-1]
