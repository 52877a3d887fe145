import stat
from pathlib import Path

import pytest

from tools.cluster import external
from tools.errors import MissingPrerequisite, UsageError
from tools.image_build import Image

ARCHIVE = Path("/images/server.tar")
IMAGE = Image("server", "localhost/server:1", ARCHIVE, "localhost/server:1")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("IMAGE_REGISTRY", raising=False)
    return tmp_path


def put(path: Path, program: str) -> Path:
    """Put a program on PATH that writes its arguments down, a line each, and return that file."""
    calls = path / f"{program}.calls"
    script = path / program
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{calls}"\n')
    script.chmod(stat.S_IRWXU)
    return calls


@pytest.mark.parametrize(
    ("context", "program", "arguments"),
    [
        ("kind-dev", "kind", ["load", "image-archive", "--name=dev", str(ARCHIVE)]),
        ("k3d-dev", "k3d", ["image", "import", "--cluster=dev", str(ARCHIVE)]),
    ],
)
def test_images_are_loaded_by_the_clusters_own_program(
    path: Path, monkeypatch: pytest.MonkeyPatch, context: str, program: str, arguments: list[str]
) -> None:
    monkeypatch.setenv("KUBE_CONTEXT", context)
    with pytest.raises(MissingPrerequisite, match=program) as missing:
        external.load_images([IMAGE])
    assert "IMAGE_REGISTRY" in missing.value.remedy
    calls = put(path, program)
    external.load_images([IMAGE])
    assert calls.read_text().splitlines() == arguments


def test_cluster_of_another_kind_needs_a_registry(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE_CONTEXT", "arn:aws:eks:dev")
    with pytest.raises(UsageError, match="arn:aws:eks:dev") as refused:
        external.load_images([IMAGE])
    assert "IMAGE_REGISTRY" in refused.value.remedy
