"""Images: a tag says what is in the image, and nothing is built twice."""

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools import console
from tools.errors import CommandFailed, MissingPrerequisite, UsageError
from tools.image_build import build, builders, building, catalogue, context
from tools.image_build.builders import Builder, Request
from tools.image_build.catalogue import Spec


@dataclass
class Recorder(Builder):
    """Stands in for docker and buildah: an image is a file that holds its context."""

    needs_debian = False
    storage: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    built: list[Request] = field(default_factory=list[Request])
    loaded: list[Path] = field(default_factory=list[Path])
    broken: set[str] = field(default_factory=set[str])
    gate: Callable[[], object] = lambda: None

    @property
    def names(self) -> list[str]:
        """The images that were built, in alphabetical order."""
        return sorted(_name(request.ref) for request in self.built)

    def has(self, ref: str) -> bool:
        return ref in self.storage

    def load(self, archive: Path) -> None:
        self.loaded.append(archive)

    def build(self, request: Request) -> None:
        self.gate()
        if _name(request.ref) in self.broken:
            raise CommandFailed(["build", request.ref], 1, log=request.log)
        assert all(reference in self.storage for reference in request.arguments.values())
        self.storage[request.ref] = {p: f.read_bytes() for p, f in context.read(request.context).items()}
        self.built.append(request)

    def save(self, ref: str, archive: Path, log: Path) -> None:
        archive.write_text(ref)

    def prune(self, unused: Callable[[str], bool]) -> None:
        assert not unused("localhost/another/image:1")
        self.storage = {ref: files for ref, files in self.storage.items() if not unused(ref)}

    def push(self, ref: str, to: str, log: Path) -> None:
        raise AssertionError("nothing is pushed here")


def _name(ref: str) -> str:
    return ref.rpartition("/")[2].partition(":")[0]


@dataclass
class Checkout:
    """A base, two images on it that have the same files, and one with a name of its own."""

    root: Path
    builder: Recorder
    requirements: bytes = b"numpy==2.4.6 --hash=sha256:00\n"

    def specs(self) -> tuple[Spec, ...]:
        dockerfile = self.root / "Dockerfile"

        def code() -> context.Files:
            return context.tree(self.root / "code", "code")

        return (
            Spec("base", dockerfile, lambda: {"requirements.txt": self.requirements}),
            Spec("one", dockerfile, code, {"BASE_IMAGE": "base"}),
            Spec("two", dockerfile, code, {"BASE_IMAGE": "base"}),
            Spec("alone", dockerfile, dict, ref="registry.example.org/alone:v1"),
        )

    def refs(self) -> dict[str, str]:
        return {name: image.ref for name, image in building.tags(catalogue.SPECS).items()}

    def changed(self, change: Callable[[], object]) -> set[str]:
        """The images whose archives are others after a change."""
        before = {name: image.archive for name, image in building.tags(catalogue.SPECS).items()}
        change()
        after = building.tags(catalogue.SPECS)
        return {name for name, archive in before.items() if after[name].archive != archive}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setenv("CARBON_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("IMAGE_REGISTRY", raising=False)
    root = tmp_path / "checkout"
    (root / "code").mkdir(parents=True)
    (root / "code" / "main.py").write_text("print(1)\n")
    (root / "code" / "run.sh").write_text("exit\n")
    (root / "Dockerfile").write_text("FROM scratch\n")
    made = Checkout(root, Recorder())
    monkeypatch.setattr(builders, "choose", lambda: made.builder)
    specs = {spec.name: spec for spec in made.specs()}
    monkeypatch.setattr(catalogue, "SPECS", specs)
    monkeypatch.setattr(building, "SPECS", specs)
    return made


def test_a_tag_changes_with_a_files_content(checkout: Checkout) -> None:
    assert checkout.changed(lambda: (checkout.root / "code/main.py").write_text("print(2)\n")) == {
        "one",
        "two",
    }


def test_a_tag_changes_when_content_moves_between_files(checkout: Checkout) -> None:
    code = checkout.root / "code"
    assert checkout.changed(lambda: (code / "main.py").rename(code / "other.py")) == {"one", "two"}


def test_a_tag_changes_when_a_file_becomes_executable(checkout: Checkout) -> None:
    assert checkout.changed(lambda: (checkout.root / "code/run.sh").chmod(0o755)) == {"one", "two"}


def test_a_tag_changes_with_the_dockerfile(checkout: Checkout) -> None:
    changed = checkout.changed(lambda: (checkout.root / "Dockerfile").write_text("FROM scratch\nUSER 1\n"))
    assert changed == set(catalogue.SPECS)


def test_a_tag_changes_with_the_base_and_its_requirements(checkout: Checkout) -> None:
    def require() -> None:
        checkout.requirements = b"numpy==2.4.7 --hash=sha256:11\n"

    assert checkout.changed(require) == {"base", "one", "two"}


def test_a_tag_does_not_change_with_times_modes_caches_or_another_checkout(
    checkout: Checkout, tmp_path: Path
) -> None:
    def touch() -> None:
        code = checkout.root / "code"
        cache = code / "__pycache__"
        cache.mkdir()
        (cache / "main.cpython-311.pyc").write_bytes(b"bytecode")
        (code / ".hidden").write_text("an editor's")
        (code / "main.py").chmod(0o600)
        os.utime(code / "run.sh", (1, 1))
        checkout.root = Path(shutil.move(checkout.root, tmp_path / "elsewhere"))
        shutil.copytree(checkout.root, tmp_path / "checkout")

    assert checkout.changed(touch) == set()


def test_two_images_made_from_the_same_files_have_tags_of_their_own(checkout: Checkout) -> None:
    refs = checkout.refs()
    assert refs["one"].rpartition(":")[2] != refs["two"].rpartition(":")[2]


def test_the_order_of_files_does_not_count_and_their_borders_do() -> None:
    assert context.digest({"a": b"1", "b": b"2"}) == context.digest({"b": b"2", "a": b"1"})
    assert context.digest({"a": b"12", "b": b""}) != context.digest({"a": b"1", "b": b"2"})
    assert context.digest({"a": b""}, "x", "yz") != context.digest({"a": b""}, "xy", "z")


def test_a_registry_changes_the_name_and_not_the_tag(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = checkout.refs()
    monkeypatch.setenv("IMAGE_REGISTRY", "registry.example.org/team/")
    pushed = checkout.refs()
    assert pushed["one"] == local["one"].replace(building.LOCAL, "registry.example.org/team")
    assert pushed["alone"] == "registry.example.org/alone:v1"


def test_nothing_is_built_twice(checkout: Checkout) -> None:
    first = build(["one", "two"])
    assert checkout.builder.names == ["base", "one", "two"]
    checkout.builder.built.clear()
    assert build(["one", "two"]) == first
    assert checkout.builder.names == []


def test_only_what_changed_is_built_again(checkout: Checkout) -> None:
    build(catalogue.SPECS)
    checkout.builder.built.clear()
    (checkout.root / "code" / "main.py").write_text("print(2)\n")
    images = build(catalogue.SPECS)
    assert checkout.builder.names == ["one", "two"]
    assert checkout.builder.storage[images["one"].local]["code/main.py"] == b"print(2)\n"


def test_a_base_that_the_builder_has_lost_is_loaded_from_its_archive(checkout: Checkout) -> None:
    base = build(["base"])["base"]
    checkout.builder.loaded.clear()
    kept = checkout.builder.storage.pop(base.local)
    checkout.builder.load = lambda archive: checkout.builder.storage.update({base.local: kept})
    build(["one"])
    assert checkout.builder.names == ["base", "one"]


def test_a_failed_build_leaves_nothing_and_the_others_stay(checkout: Checkout) -> None:
    checkout.builder.broken.add("two")
    with pytest.raises(CommandFailed) as failure:
        build(["one", "two"])
    assert failure.value.log
    assert failure.value.log.name == "image-two.log"
    assert not building.tags(["two"])["two"].archive.exists()
    checkout.builder.broken.clear()
    checkout.builder.built.clear()
    build(["one", "two"])
    assert "base" not in checkout.builder.names
    assert "two" in checkout.builder.names


def test_two_builds_at_once_build_each_image_once(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, waiting, go_on = threading.Event(), threading.Event(), threading.Event()

    def gate() -> None:
        inside.set()
        assert go_on.wait(30)

    checkout.builder.gate = gate
    monkeypatch.setattr(console.Step, "detail", lambda _, text: waiting.set())
    both = [threading.Thread(target=build, args=(["alone"],)) for _ in range(2)]
    both[0].start()
    assert inside.wait(30)
    both[1].start()
    assert waiting.wait(30)
    go_on.set()
    for thread in both:
        thread.join(30)
    assert checkout.builder.names == ["alone"]


def test_what_a_killed_build_left_is_removed(checkout: Checkout) -> None:
    left = building.cache_dir() / "images" / ".build-left"
    left.mkdir(parents=True)
    (left / "half.tar").write_text("half")
    build(["alone"])
    assert [entry.name for entry in left.parent.iterdir() if entry.name.startswith(".")] == []


def test_of_an_image_that_changes_often_a_few_archives_are_kept(checkout: Checkout) -> None:
    main = checkout.root / "code" / "main.py"
    archives: list[Path] = []
    for number in range(building.KEPT + 2):
        main.write_text(f"print({number})\n")
        archives.append(build(["one"])["one"].archive)
        os.utime(archives[-1], (number + 1, number + 1))
    kept = [archive for archive in archives if archive.exists()]
    assert kept == archives[-building.KEPT :]


def test_pruning_leaves_what_this_checkout_uses(checkout: Checkout) -> None:
    old = build(catalogue.SPECS)
    (checkout.root / "code" / "main.py").write_text("print(2)\n")
    new = build(catalogue.SPECS)
    size = old["one"].archive.stat().st_size + old["two"].archive.stat().st_size
    assert building.prune() == size
    assert all(image.archive.exists() for image in new.values())
    assert set(checkout.builder.storage) == {image.local for image in new.values()}


def test_an_unknown_image_is_named(checkout: Checkout) -> None:
    with pytest.raises(UsageError, match="no image 'three'") as error:
        build(["one", "three"])
    assert "alone" in error.value.remedy
    assert checkout.builder.names == []


def test_without_docker_and_root_the_error_comes_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingPrerequisite, match="no docker engine with buildx answers"):
        builders.choose.__wrapped__()


def test_docker_is_used_where_its_engine_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" = info ] || [ "$1" = buildx ]\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert isinstance(builders.choose.__wrapped__(), builders.Docker)
