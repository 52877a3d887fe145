"""Build every container image of the platform and of its local node, each once: a tag is its content's hash.

image_build.platform_images(names)     # what a stack runs: [Image(name, ref, archive), …]
image_build.node_images()              # what the node itself runs: [(reference, archive), …]
image_build.build(["model-server"])    # {"model-server": Image(name, ref, archive)}
image_build.push(images)               # to the registry that IMAGE_REGISTRY names
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from tools.image_build.building import build, push
from tools.image_build.catalogue import NODE, PLATFORM, SPECS
from tools.image_build.image import Image
from tools.paths import cache_dir
from workloads.kit.contracts.platform import DECLARED

OF_PACKAGES = tuple(name for name in PLATFORM if not SPECS[name].is_program)
"""The images of a stack that need no program of the toolchain: they can be built while it is."""


def platform_images(names: Collection[str]) -> list[Image]:
    """The images of workloads, built where they are missing.

    Args:
        names: of the workloads that a stack runs.
    """
    return list(build(of_workloads(names)).values())


def of_workloads(names: Collection[str]) -> list[str]:
    """Names of the images that workloads run from."""
    wanted = {DECLARED[name].of_image for name in names}
    return [image for image in PLATFORM if image in wanted]


def node_images() -> list[tuple[str, Path]]:
    """The images that the local node itself runs, as (reference, archive), built where missing."""
    return [(image.ref, image.archive) for image in build(NODE).values()]


def are_likely_built(names: Iterable[str]) -> bool:
    """Whether there is some archive of each: quick to say, since no tag is computed."""
    return all(any((cache_dir() / "images").glob(f"{name}-*.tar")) for name in names)


__all__ = [
    "NODE",
    "OF_PACKAGES",
    "PLATFORM",
    "Image",
    "are_likely_built",
    "build",
    "node_images",
    "platform_images",
    "push",
]
