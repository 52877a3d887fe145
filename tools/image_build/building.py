"""Build what is missing: bases first, the rest two at a time."""

import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools import cached, console
from tools.errors import ToolError, UsageError
from tools.image_build import builders, context
from tools.image_build.builders import Builder, Request
from tools.image_build.catalogue import DEBIAN, SPECS, Spec
from tools.image_build.image import Image
from tools.paths import cache_dir

LOCAL = "localhost/carbon"
"""Repository of the images of this machine: under this name nobody can ever pull something else."""
AT_ONCE = 2
KEPT = 3
"""Archives an image, the newest: for another branch or clone, which would have to build them again."""

_TAG_LENGTH = 16


class Interrupted(Exception):
    """Another build has failed, so this one is not continued."""


class Plan:
    """The images of this checkout, with the tags that their contents give them."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self._tags: dict[str, str] = {}
        self._files: dict[str, context.Files] = {}

    def image(self, name: str) -> Image:
        """The image as it is to be; its archive may not be there yet."""
        tag, fixed = self.tag(name), SPECS[name].ref
        local = fixed or f"{LOCAL}/{name}:{tag}"
        registry = os.environ.get("IMAGE_REGISTRY", "").rstrip("/")
        ref = f"{registry}/{name}:{tag}" if registry and not fixed else local
        return Image(name, ref, cache_dir() / "images" / f"{name}-{tag}.tar", local)

    def tag(self, name: str) -> str:
        """A hash of all that the image is made from."""
        if name not in self._tags:
            self._tags[name] = self.tag_of(name, self.files(name))
        return self._tags[name]

    def tag_of(self, name: str, files: context.Files) -> str:
        """The tag that the image would have, made from these files."""
        spec = SPECS[name]
        bases = [f"{argument}={base}:{self.tag(base)}" for argument, base in self.bases(spec).items()]
        return context.digest(files, name, spec.target, *sorted(bases))[:_TAG_LENGTH]

    def files(self, name: str) -> context.Files:
        """The context's files, the Dockerfile among them."""
        if name not in self._files:
            self._files[name] = SPECS[name].context()
        return self._files[name]

    def bases(self, spec: Spec) -> dict[str, str]:
        """Build argument → name of the image that it names."""
        made = {argument: base for argument, base in spec.bases.items() if base != DEBIAN}
        return dict(spec.bases) if self.builder.needs_debian else made

    def below(self, name: str) -> set[str]:
        """The images that this one is built on, directly or not."""
        direct = set(self.bases(SPECS[name]).values())
        return direct.union(*(self.below(base) for base in direct))


def build(names: Iterable[str]) -> dict[str, Image]:
    """Build the images whose archives are missing.

    Raises:
        UsageError: there is no image of that name.
        MissingPrerequisite: there is neither a docker engine nor root for buildah.
        CommandFailed: a build failed; carries its log and what to do.
    """
    wanted = _known(names)
    plan = Plan(builders.choose())
    images = {name: plan.image(name) for name in wanted}
    missing = {name for name, image in images.items() if not image.archive.is_file()}
    if missing:
        below: set[str] = set().union(*(plan.below(name) for name in missing))
        with (
            console.step(f"Building {len(missing)} image{'s' if len(missing) > 1 else ''}"),
            _scratch() as scratch,
        ):
            for name in (name for name in missing | below if not plan.image(name).archive.is_file()):
                _stage(plan, name, scratch)
            for name in (name for name in SPECS if name in below):
                _make(plan, name, scratch, as_base=True)
            _make_all(plan, [name for name in SPECS if name in missing - below], scratch)
    return images


def tags(names: Iterable[str]) -> dict[str, Image]:
    """The images as they are to be, built or not; builds nothing but what the base image is made from."""
    plan = Plan(builders.choose())
    return {name: plan.image(name) for name in _known(names)}


def write_context(name: str, directory: Path) -> None:
    """Write an image's context and Dockerfile to a directory, for `docker build` by hand."""
    (name,) = _known([name])
    context.write(SPECS[name].context(), directory)


def _known(names: Iterable[str]) -> list[str]:
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in SPECS]:
        raise UsageError(f"There is no image {unknown[0]!r}.", remedy=f"The images are: {', '.join(SPECS)}.")
    return wanted


@contextmanager
def _scratch() -> Iterator[Path]:
    """A directory for contexts and half-made archives, on the archives' file system.

    Its holder has a lock on it, by which those are known and removed that a killed process left.
    """
    directory = cache_dir() / "images"
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        with cached.exclusive("images"):
            for other in directory.glob(".build-*"):
                with _locked(other) as is_left:
                    if is_left:
                        shutil.rmtree(other)
            scratch = Path(held.enter_context(tempfile.TemporaryDirectory(prefix=".build-", dir=directory)))
            held.enter_context(_locked(scratch))
        yield scratch


@contextmanager
def _locked(directory: Path) -> Iterator[bool]:
    """Lock a directory, and give whether that was possible."""
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


def _stage(plan: Plan, name: str, scratch: Path) -> None:
    """Write an image's context, so that what is changed from now on is not in it."""
    directory = scratch / name / "context"
    directory.mkdir(parents=True)
    context.write(plan.files(name), directory)
    if plan.tag_of(name, context.read(directory)) != plan.tag(name):
        raise ToolError(f"Files of the image {name} changed meanwhile.", remedy="Run the same again.")


def _make_all(plan: Plan, names: list[str], scratch: Path) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(_make, plan, name, scratch, stop=stop) for name in names]
        try:
            done, _ = wait(running, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    for future in done:
        future.result()


def _make(
    plan: Plan, name: str, scratch: Path, *, as_base: bool = False, stop: threading.Event | None = None
) -> None:
    """Build one image unless another process has done so; `as_base`: it must also be there to build on."""
    image, builder = plan.image(name), plan.builder
    if image.archive.is_file() and (not as_base or builder.has(image.local)):
        return
    with (
        console.step(f"Image {name}") as step,
        cached.exclusive(f"image-{name}", lambda: step.detail("waiting for another process")),
    ):

        def on_line(line: str) -> None:
            if stop and stop.is_set():
                raise Interrupted
            step.detail(line)

        if not image.archive.is_file():
            _build(plan, name, scratch / name, on_line)
        elif as_base and not builder.has(image.local):
            builder.load(image.archive)
        step.note(f"{image.archive.stat().st_size / 1e6:.0f} MB")


def _build(plan: Plan, name: str, scratch: Path, on_line: builders.OnLine) -> None:
    spec, image = SPECS[name], plan.image(name)
    log = cached.new_log(f"image-{name}")
    arguments = {argument: plan.image(base).local for argument, base in plan.bases(spec).items()}
    plan.builder.build(Request(scratch / "context", image.local, arguments, spec.target, log, on_line))
    draft = scratch / image.archive.name
    plan.builder.save(image.local, draft, log)
    draft.rename(image.archive)
    archives = sorted(image.archive.parent.glob(f"{name}-{'[0-9a-f]' * _TAG_LENGTH}.tar"), key=_age)
    for old in archives[KEPT:]:
        old.unlink(missing_ok=True)


def _age(archive: Path) -> float:
    """Sorts archives from the newest to the oldest."""
    return -archive.stat().st_mtime


def prune() -> int:
    """Remove what this checkout does not use, once no build runs any more; bytes of the archives removed."""
    images = tags(SPECS).values()
    archives, used = {image.archive for image in images}, {image.local for image in images}
    freed = 0
    with ExitStack() as nothing_builds:
        for name in SPECS:
            nothing_builds.enter_context(cached.exclusive(f"image-{name}"))
        for archive in (cache_dir() / "images").glob("*.tar"):
            if archive not in archives:
                freed += archive.stat().st_size
                archive.unlink()
        builders.choose().prune(lambda ref: ref.startswith(f"{LOCAL}/") and ref not in used)
    return freed


def push(images: Iterable[Image]) -> None:
    """Push images to the registry that their references name.

    Raises:
        UsageError: `IMAGE_REGISTRY` is not set.
        CommandFailed: the registry refused or did not answer.
    """
    if not os.environ.get("IMAGE_REGISTRY"):
        raise UsageError("IMAGE_REGISTRY is not set.", remedy="IMAGE_REGISTRY=registry.example.org/team")
    builder = builders.choose()
    for image in images:
        with console.step(f"Pushing {image.ref}"), cached.exclusive(f"image-{image.name}"):
            if not builder.has(image.local):
                builder.load(image.archive)
            builder.push(image.local, image.ref, cached.new_log(f"push-{image.name}"))
