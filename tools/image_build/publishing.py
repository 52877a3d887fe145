"""Images in a registry: pushed once, then known by their digests, which are the same wherever they run."""

import os
from collections.abc import Iterable, Mapping

from tools import console
from tools.errors import ToolError, UsageError
from tools.image_build import building, registry
from tools.image_build.registry import Reference


def publish(names: Iterable[str]) -> dict[str, str]:
    """Build and push the images that the registry lacks; name → `repository:tag@digest` of all.

    A tag is the hash of what goes into an image: one that the registry has is not built or pushed again.

    Raises:
        UsageError: `IMAGE_REGISTRY` is not set, or there is no image of that name.
        ToolError, CommandFailed: a build failed, or the registry refused or did not answer.
    """
    if not os.environ.get("IMAGE_REGISTRY"):
        raise UsageError("IMAGE_REGISTRY is not set.", remedy="IMAGE_REGISTRY=registry.example.org/team")
    wanted = {name: Reference.parse(image.ref) for name, image in building.tags(names).items()}
    if missing := [name for name, ref in wanted.items() if registry.digest(ref) is None]:
        building.push(building.build(missing).values())
    return {name: str(_by_digest(ref)) for name, ref in sorted(wanted.items())}


def renamed(images: Mapping[str, str], to: str) -> dict[str, str]:
    """What published images are called in another registry; name → reference.

    Args:
        images: name → `repository:tag@digest`, as `publish` returns it.
        to: the registry, `host` or `host/path`.

    Raises:
        UsageError: an image is not named by tag and digest.
    """
    return {name: str(_renamed(name, _complete(name, ref), to)) for name, ref in sorted(images.items())}


def promote(images: Mapping[str, str], to: str) -> dict[str, str]:
    """Copy published images to another registry, digests unchanged; what `renamed` returns.

    What is there already is not copied again.

    Raises:
        UsageError: an image is not named by tag and digest.
        ToolError: a registry refused or did not answer, or has another image under the same tag.
    """
    for name, text in sorted(images.items()):
        source = _complete(name, text)
        _copy(source, _renamed(name, source, to))
    return renamed(images, to)


def _by_digest(reference: Reference) -> Reference:
    found = registry.digest(reference)
    if found is None:
        raise ToolError(f"{reference} was pushed, and is not in the registry.", remedy="Run the same again.")
    return Reference(reference.host, reference.path, reference.tag, found)


def _complete(name: str, text: str) -> Reference:
    reference = Reference.parse(text)
    if not (reference.tag and reference.digest):
        raise UsageError(
            f"{name} is {text!r}, without tag or digest.",
            remedy="Take what `python -m tools images push` printed.",
        )
    return reference


def _renamed(name: str, source: Reference, to: str) -> Reference:
    return Reference.parse(f"{to.rstrip('/')}/{name}:{source.tag}@{source.digest}")


def _copy(source: Reference, target: Reference) -> None:
    with console.step(f"Copying {target.path}") as step:
        there = registry.digest(target)
        if there is None:
            registry.copy(source, target)
            there = registry.digest(target)
        else:
            step.note("there already")
    if there != source.digest:
        raise ToolError(
            f"{target.host}/{target.path}:{target.tag} is {there}, and {source.digest} was to be there.",
            remedy="A tag that has moved was made by something else: find out by what, and delete it.",
        )
