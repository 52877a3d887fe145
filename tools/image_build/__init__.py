"""Build every container image of the platform and of its local node, each once: a tag is its content's hash.

image_build.platform_images(names)     # what a stack runs: [Image(name, ref, archive), …]
image_build.node_images()              # what the node itself runs: [(reference, archive), …]
image_build.build(["model-server"])    # {"model-server": Image(name, ref, archive)}
image_build.push(images)               # to the registry that IMAGE_REGISTRY names
"""

from collections.abc import Collection
from pathlib import Path

from tools.image_build.building import build, push
from tools.image_build.catalogue import NODE, PLATFORM
from tools.image_build.image import Image
from workloads.kit.contracts.platform import DECLARED


def platform_images(names: Collection[str]) -> list[Image]:
    """The images of workloads, built where they are missing.

    Args:
        names: of the workloads that a stack runs.
    """
    wanted = {DECLARED[name].of_image for name in names}
    return list(build([image for image in PLATFORM if image in wanted]).values())


def node_images() -> list[tuple[str, Path]]:
    """The images that the local node itself runs, as (reference, archive), built where missing."""
    return [(image.ref, image.archive) for image in build(NODE).values()]


__all__ = ["NODE", "PLATFORM", "Image", "build", "node_images", "platform_images", "push"]
