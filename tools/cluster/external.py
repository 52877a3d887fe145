"""A cluster that exists, named by `$KUBE_CONTEXT`: used as it is, never made, changed or removed."""

import os
import shutil
from collections.abc import Iterable

from tools import console, image_build, proc
from tools.errors import MissingPrerequisite, UsageError
from tools.image_build import Image

CONTEXT = "KUBE_CONTEXT"
REGISTRY = "IMAGE_REGISTRY"


def context() -> str | None:
    """The context to use instead of a node of our own; None without one."""
    return os.environ.get(CONTEXT) or None


def load_images(images: Iterable[Image]) -> None:
    """Bring images to where the cluster finds them.

    They are pushed when `$IMAGE_REGISTRY` is set, which their references then name, else loaded by kind or
    k3d, whichever the context belongs to.
    Raises UsageError or MissingPrerequisite when there is no way, CommandFailed when one fails.
    """
    if os.environ.get(REGISTRY):
        image_build.push(images)
        return
    loader = _loader()
    for image in images:
        with console.step(f"Loading {image.ref}"):
            proc.output([*loader, image.archive])


def _loader() -> list[str]:
    """The command that loads the archive that is put after it."""
    name = context()
    if name is None:
        raise UsageError(f"{CONTEXT} is not set", remedy="Name a context of your kubeconfig.")
    if name.startswith("kind-"):
        program, command = "kind", ["load", "image-archive", f"--name={name.removeprefix('kind-')}"]
    elif name.startswith("k3d-"):
        program, command = "k3d", ["image", "import", f"--cluster={name.removeprefix('k3d-')}"]
    else:
        raise UsageError(
            f"no way is known to bring images into the cluster of {CONTEXT}={name}",
            remedy=f"Set {REGISTRY} to a registry that this machine may push to and the cluster pulls from.",
        )
    if not shutil.which(program):
        raise MissingPrerequisite(
            f"{CONTEXT}={name} names a cluster of {program}, which is not on PATH",
            remedy=f"Install {program}, or set {REGISTRY} to a registry that the cluster pulls from.",
        )
    return [program, *command]
