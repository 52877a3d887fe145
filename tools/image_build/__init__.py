"""Build every container image of the platform and of its local node, each once: a tag is its content's hash.

image_build.platform_images()          # what a stack runs: [Image(name, ref, archive), …]
image_build.node_images()              # what the node itself runs: [(reference, archive), …]
image_build.build(["model-server"])    # {"model-server": Image(name, ref, archive)}
image_build.push(images)               # to the registry that IMAGE_REGISTRY names
"""

from pathlib import Path

from tools.image_build.building import build, push
from tools.image_build.catalogue import NODE, PLATFORM
from tools.image_build.image import Image


def platform_images() -> list[Image]:
    """The images that a stack runs, built where they are missing."""
    return list(build(PLATFORM).values())


def node_images() -> list[tuple[str, Path]]:
    """The images that the local node itself runs, as (reference, archive), built where missing."""
    return [(image.ref, image.archive) for image in build(NODE).values()]


__all__ = ["NODE", "PLATFORM", "Image", "build", "node_images", "platform_images", "push"]
