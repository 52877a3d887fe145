"""The programs that turn a context into an image: docker where an engine answers, else buildah."""

import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from tools import console, debian, proc
from tools.errors import CommandFailed, MissingPrerequisite
from tools.image_build import oci, secrets
from tools.paths import cache_dir

OnLine = Callable[[str], None]

_ENGINE_TIMEOUT = 10.0
_DOCKER_CHECKS = (("docker", "info", "--format", "{{.ServerVersion}}"), ("docker", "buildx", "version"))
_REMEDIES = (
    (
        r"Temporary failure resolving|Failed to fetch|Unable to connect|NewConnectionError"
        r"|Could not fetch URL|No matching distribution|i/o timeout|no such host",
        "A package could not be fetched: check the network to the Debian mirror and to the Python package "
        "index, then run the same again.",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "A package differs from poetry.lock: find out where the index had it from.",
    ),
    (r"Version '.*' for '.*' was not found", "Debian's suite has moved on: change the Dockerfile's version."),
    (r"no space left on device", "Free some space: images and their layers take about 8 GB of the cache."),
)
_ISOLATION = {"BUILDAH_ISOLATION": "chroot"}
_OTHERWISE = "Read the log, then run the same command again: the steps that succeeded are kept."


@dataclass(frozen=True)
class Request:
    """An image to build.

    Attributes:
        context: a directory with its Dockerfile and all that this copies.
        arguments: build arguments.
        target: the stage to build, the last one if empty.
        on_line: called with each line of the builder's output.
    """

    context: Path
    ref: str
    arguments: Mapping[str, str]
    target: str
    log: Path
    on_line: OnLine


class Builder(ABC):
    """Builds images and writes them to archives that containerd imports."""

    needs_debian: ClassVar[bool]
    """Whether the base of all images has to be made here, because no registry can be used."""

    @abstractmethod
    def has(self, ref: str) -> bool:
        """Whether images can be built on `ref` now."""

    @abstractmethod
    def load(self, archive: Path) -> None:
        """Make the image in an archive available to be built on."""

    @abstractmethod
    def build(self, request: Request) -> None:
        """Build an image. Raises CommandFailed with the log and what to do."""

    @abstractmethod
    def save(self, ref: str, archive: Path, log: Path) -> None:
        """Write an archive with the image, named, in it."""

    @abstractmethod
    def prune(self, unused: Callable[[str], bool]) -> None:
        """Remove the images whose references are unused, while nothing is being built."""

    @abstractmethod
    def push(self, ref: str, to: str, log: Path) -> None:
        """Push an image to the registry and under the name that the reference `to` says."""


class Docker(Builder):
    """A docker engine; it has its own storage."""

    needs_debian = False

    def has(self, ref: str) -> bool:
        try:
            proc.output(["docker", "image", "inspect", "--format", "{{.Id}}", ref])
        except CommandFailed:
            return False
        return True

    def load(self, archive: Path) -> None:
        proc.output(["docker", "load", "--quiet", "--input", archive])

    def build(self, request: Request) -> None:
        # Without attestations: with them, `docker save` writes an index that some importers refuse.
        command = ["docker", "buildx", "build", "--load", "--progress=plain", "--provenance=false", "--tag"]
        _build(command, request, {})

    def save(self, ref: str, archive: Path, log: Path) -> None:
        proc.run(["docker", "save", "--output", archive, ref], log=log)

    def prune(self, unused: Callable[[str], bool]) -> None:
        refs = proc.output(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]).split()
        for ref in filter(unused, refs):
            proc.output(["docker", "image", "rm", ref])

    def push(self, ref: str, to: str, log: Path) -> None:
        proc.run(["docker", "tag", ref, to], log=log)
        proc.run(["docker", "push", to], log=log)


class Buildah(Builder):
    """buildah as root, without a daemon; its storage is in the cache."""

    needs_debian = True

    def has(self, ref: str) -> bool:
        try:
            proc.output([*_buildah(), "inspect", "--type", "image", ref], env=_ISOLATION)
        except CommandFailed:
            return False
        return True

    def load(self, archive: Path) -> None:
        proc.output([*_buildah(), "pull", "--quiet", f"oci-archive:{archive}"], env=_ISOLATION)

    def build(self, request: Request) -> None:
        command = [*_buildah(), "build", "--layers", "--pull-never", "--network=host", "--tag"]
        _build(command, request, _ISOLATION)

    def save(self, ref: str, archive: Path, log: Path) -> None:
        layout = archive.with_name("layout")
        # Less to write is what makes it fast: a node imports it twice as fast as a plain docker archive.
        command = [*_buildah(), "push", "--quiet", "--compression-format=zstd", ref, f"oci:{layout}:{ref}"]
        proc.run(command, log=log, env=_ISOLATION)
        oci.pack(layout, archive, ref)

    def prune(self, unused: Callable[[str], bool]) -> None:
        # The storage is this cache's own: builds that were killed left containers in it, and every build
        # leaves the images of its stages, without names.
        proc.output([*_buildah(), "rm", "--all"], env=_ISOLATION)
        refs = proc.output([*_buildah(), "images", "--format", "{{.Name}}:{{.Tag}}"], env=_ISOLATION).split()
        for ref in filter(unused, refs):
            proc.output([*_buildah(), "rmi", ref], env=_ISOLATION)
        proc.output([*_buildah(), "rmi", "--prune"], env=_ISOLATION)

    def push(self, ref: str, to: str, log: Path) -> None:
        host = to.split("/", 1)[0]
        # As docker does, a registry on this machine is spoken to without TLS.
        local = re.fullmatch(r"(localhost|127(\.\d+){3})(:\d+)?", host) is not None
        verify = f"--tls-verify={'false' if local else 'true'}"
        command = [*_buildah(), "push", "--quiet", verify, ref, f"docker://{to}"]
        proc.run(command, log=log, env=_ISOLATION)


@cache
def choose() -> Builder:
    """Docker if an engine answers, else buildah.

    Raises:
        MissingPrerequisite: neither can be used; nothing was changed.
    """
    if shutil.which("docker") and all(map(_answers, _DOCKER_CHECKS)):
        return Docker()
    if os.geteuid() != 0:
        checks = " and ".join(f"`{' '.join(check[:2])}`" for check in _DOCKER_CHECKS)
        raise MissingPrerequisite(
            "Images cannot be built: no docker engine with buildx answers, and this is not root.",
            remedy=f"Start docker ({checks} have to succeed), or run the same as root.",
        )
    debian.ensure(debian.IMAGES)
    return Buildah()


def _answers(command: tuple[str, ...]) -> bool:
    try:
        proc.output(command, timeout=_ENGINE_TIMEOUT)
    except CommandFailed:
        return False
    return True


@cache
def _buildah() -> tuple[str, ...]:
    """buildah on its own storage, with the fastest driver that works where the cache is."""
    for driver in ("overlay", "vfs"):
        storage = cache_dir() / "buildah" / driver
        # Mounts of its own: those of a build that fails or is killed go away with it.
        command = ("unshare", "--mount", "--propagation=private", "buildah", "--storage-driver", driver)
        command = (*command, "--root", str(storage / "storage"), "--runroot", str(storage / "run"))
        try:
            proc.output([*command, "info"], env=_ISOLATION)
        except CommandFailed as error:
            failed = error
        else:
            return command
    failed.remedy = "Put the cache on an ordinary file system: CARBON_CACHE=/some/directory"
    raise failed


def _build(command: list[str], request: Request, env: Mapping[str, str]) -> None:
    """Run a build command, which is given up to the option `--tag`."""
    with secrets.lent() as files:
        options = [f"--secret=id={name},src={file}" for name, file in files.items()]
        options += [f"--build-arg={name}={value}" for name, value in request.arguments.items()]
        if request.target:
            options.append(f"--target={request.target}")
        command = [*command, request.ref, *options, str(request.context)]
        try:
            proc.run(command, log=request.log, env=env, on_line=request.on_line)
        except CommandFailed as error:
            text = "\n".join(console.log_tail(request.log))
            found = (words for pattern, words in _REMEDIES if re.search(pattern, text))
            error.remedy = next(found, _OTHERWISE)
            raise
