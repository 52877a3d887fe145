"""Keycloak in the cache: what is pinned, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import keycloak, versions
from tools.errors import ToolError


def test_another_archive_than_the_pinned_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CARBON_CACHE", str(tmp_path))

    def copy(_name: str, _pom: Path, out: Path, _step: object) -> None:
        (out / f"keycloak-quarkus-dist-{versions.KEYCLOAK}.tar.gz").write_bytes(b"another")

    monkeypatch.setattr(keycloak.maven, "copy", copy)
    with pytest.raises(ToolError, match="another than the pinned release"):
        keycloak.archive()
    assert not keycloak.present()


def test_the_pom_is_of_the_pinned_version() -> None:
    assert f"<version>{versions.KEYCLOAK}</version>" in keycloak.POM.read_text()
