"""Container images."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import ConfigDict, Field, create_model

from infra.settings.base import Image, Section
from workloads.kit.contracts.platform import IMAGES

_OptionalImage: TypeAlias = Image | None


class Images(Section):
    """Reference of each image, by tag (never latest) or digest.

    Those of the platform's own workloads are always there. Those of its services are only where the platform
    runs the service itself, and not an operator or a chart, which bring their own.
    """

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    def of(self, name: str) -> str:
        """Reference of an image by its name in a stack file.

        Raises:
            ValueError: the stack has none of that name.
        """
        reference: str | None = getattr(self, name.replace("-", "_"), None)
        if reference is None:
            raise ValueError(f"images.{name} is missing: what the stack runs of {name} is made from it")
        return reference


def model(optional: frozenset[str]) -> type[Images]:
    """The section with a field for each declared image.

    Args:
        optional: images of workloads that a stack may be without.
    """
    fields: dict[str, Any] = {}
    for name, third_party in IMAGES.items():
        may_lack = third_party or name in optional
        field = Field(None if may_lack else ..., description=f"Image of {name}.")
        fields[name.replace("-", "_")] = (_OptionalImage if may_lack else Image, field)
    return create_model(Images.__name__, __base__=Images, __doc__=Images.__doc__, **fields)
