"""Kafka Connect in the cache: what is pinned, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import connect, versions
from tools.errors import ToolError


def test_another_archive_than_the_pinned_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CARBON_CACHE", str(tmp_path))

    def copy(_name: str, _pom: Path, out: Path, _step: object) -> None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"debezium-connector-mariadb-{versions.DEBEZIUM}-plugin.tar.gz").write_bytes(b"another")

    monkeypatch.setattr(connect.maven, "copy", copy)
    with pytest.raises(ToolError, match="another than the pinned release"):
        connect.directory()
    assert not connect.present()


def test_the_pom_is_of_the_pinned_versions() -> None:
    pom = connect.POM.read_text()
    assert pom.count(f"<version>{versions.DEBEZIUM}</version>") == 1
    assert pom.count(f"<version>{versions.KAFKA}</version>") == 3
