"""Published images: a digest is what the registry says, and stays the same in every registry."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.cluster.registry import Registry
from tools.errors import ToolError, UsageError
from tools.image_build import builders, building, catalogue, context, publishing
from tools.image_build.builders import Builder, Request
from tools.image_build.catalogue import Spec

OCI = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Served:
    """A registry that answers on this machine; `asked` has what it was asked."""

    host: str
    handler: type[Any]
    asked: list[str] = field(default_factory=list[str])

    def add(self, path: str, tag: str, content: bytes) -> str:
        """Put an image with one layer into it; its digest."""
        blobs = [content, b"{}"]
        held = [{"digest": _sha(blob), "size": len(blob)} for blob in blobs]
        manifest = json.dumps({"schemaVersion": 2, "config": held[1], "layers": held[:1]}).encode()
        self.handler.blobs.update({_sha(blob): blob for blob in blobs})
        for name in (tag, _sha(manifest)):
            self.handler.manifests[path, name] = (OCI, manifest)
        return _sha(manifest)


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Starts registries; with a password, one that asks for it."""
    servers: list[ThreadingHTTPServer] = []

    def start(password: str = "") -> Served:
        expected = f"Basic {base64.b64encode(f'AWS:{password}'.encode()).decode()}"

        class Own(Registry):
            blobs: ClassVar[dict[str, bytes]] = {}
            manifests: ClassVar[dict[tuple[str, str], tuple[str, bytes]]] = {}
            uploads: ClassVar[dict[str, bytes]] = {}

            def parse_request(self) -> bool:
                if not super().parse_request():
                    return False
                if password and self.headers.get("Authorization") != expected:
                    self._answer(401)
                    return False
                served.asked.append(f"{self.command} {self.path}")
                return True

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on the test's output."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
        servers.append(server)
        served = Served(f"127.0.0.1:{server.server_port}", Own)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return served

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@dataclass
class Engine(Builder):
    """A builder whose every build differs, as those of real engines do."""

    registry: Served
    needs_debian = False
    built: list[str] = field(default_factory=list[str])

    def has(self, ref: str) -> bool:
        return True

    def load(self, archive: Path) -> None:
        raise AssertionError("what was built is there")

    def build(self, request: Request) -> None:
        self.built.append(request.ref)

    def save(self, ref: str, archive: Path, log: Path) -> None:
        archive.write_text(ref)

    def prune(self, unused: Callable[[str], bool]) -> None:
        raise AssertionError("nothing is pruned here")

    def push(self, ref: str, to: str, log: Path) -> None:
        path, _, tag = to.partition("/")[2].partition(":")
        self.registry.add(path, tag, f"{ref} build {len(self.built)}".encode())


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Served]) -> Engine:
    """A checkout with the images `one` and `two`, and `IMAGE_REGISTRY` set to a registry that is empty."""
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\n")
    specs = {name: Spec(name, dockerfile, dict[str, context.Content]) for name in ("one", "two")}
    made = Engine(serve())
    monkeypatch.setattr(builders, "choose", lambda: made)
    monkeypatch.setattr(catalogue, "SPECS", specs)
    monkeypatch.setattr(building, "SPECS", specs)
    monkeypatch.setenv("CARBON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("IMAGE_REGISTRY", f"{made.registry.host}/team")
    return made


def test_an_image_is_named_by_the_digest_that_the_registry_gave_it(engine: Engine) -> None:
    images = publishing.publish(["one", "two"])
    assert list(images) == ["one", "two"]
    for name, reference in images.items():
        repository, _, digest = reference.partition("@")
        tag = building.tags([name])[name].ref.rpartition(":")[2]
        assert repository == f"{engine.registry.host}/team/{name}:{tag}"
        assert digest == _sha(engine.registry.handler.manifests[f"team/{name}", tag][1])


def test_what_the_registry_has_is_not_built_again(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publishing.publish(["one"])
    monkeypatch.setenv("CARBON_CACHE", str(tmp_path / "another machine's"))
    second = publishing.publish(["one", "two"])
    assert second["one"] == first["one"]
    assert [ref.rpartition("/")[2].partition(":")[0] for ref in engine.built] == ["one", "two"]


def test_publishing_needs_a_registry(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGE_REGISTRY")
    with pytest.raises(UsageError, match="IMAGE_REGISTRY"):
        publishing.publish(["one"])


def test_promoted_images_have_the_same_digests(engine: Engine, serve: Callable[..., Served]) -> None:
    images = publishing.publish(["one", "two"])
    other = serve()
    promoted = publishing.promote(images, f"{other.host}/staging/")
    assert promoted == publishing.renamed(images, f"{other.host}/staging")
    for name, reference in promoted.items():
        digest = images[name].partition("@")[2]
        assert reference == images[name].replace(f"{engine.registry.host}/team", f"{other.host}/staging")
        kind, body = other.handler.manifests[f"staging/{name}", digest]
        assert kind == OCI
        assert _sha(body) == digest
        parts = json.loads(body)
        for part in [parts["config"], *parts["layers"]]:
            assert _sha(other.handler.blobs[part["digest"]]) == part["digest"]


def test_what_was_promoted_is_not_copied_again(engine: Engine, serve: Callable[..., Served]) -> None:
    images, other = publishing.publish(["one"]), serve()
    publishing.promote(images, other.host)
    engine.registry.asked.clear()
    other.asked.clear()
    assert publishing.promote(images, other.host)
    assert engine.registry.asked == []
    assert [asked.split()[0] for asked in other.asked] == ["HEAD"]


def test_another_image_under_the_same_tag_is_not_taken_for_ours(
    engine: Engine, serve: Callable[..., Served]
) -> None:
    images, other = publishing.publish(["one"]), serve()
    tag = images["one"].partition("@")[0].rpartition(":")[2]
    other.add("one", tag, b"somebody else's")
    with pytest.raises(ToolError, match="was to be there"):
        publishing.promote(images, other.host)


@pytest.mark.parametrize("reference", ["host/one:v1", "host/one@sha256:" + "0" * 64, "one"])
def test_only_what_has_tag_and_digest_is_promoted(reference: str) -> None:
    with pytest.raises(UsageError):
        publishing.promote({"one": reference}, "elsewhere")


def test_the_password_is_the_one_of_docker_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Served]
) -> None:
    private, open_to_all = serve(password="token-7f3a"), serve()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    digest = private.add("team/one", "v1", b"layer")
    images = {"one": f"{private.host}/team/one:v1@{digest}"}
    with pytest.raises(ToolError) as refused:
        publishing.promote(images, open_to_all.host)
    assert refused.value.remedy == f"docker login {private.host}"
    auth = base64.b64encode(b"AWS:token-7f3a").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {private.host: {"auth": auth}}}))
    assert publishing.promote(images, open_to_all.host) == {"one": f"{open_to_all.host}/one:v1@{digest}"}


def test_a_missing_image_is_named(serve: Callable[..., Served]) -> None:
    empty, target = serve(), serve()
    images = {"one": f"{empty.host}/team/one:v1@sha256:{'0' * 64}"}
    with pytest.raises(ToolError, match="404") as failed:
        publishing.promote(images, target.host)
    assert "team/one" in failed.value.remedy


def _sha(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
