"""Keycloak in the cache: what is pinned, and what is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tools import java, keycloak, versions
from tools.embedded.keycloak import Keycloak
from tools.embedded.superset import Superset
from tools.errors import ToolError
from workloads.kit.contracts.declared.keycloak import KEYCLOAK
from workloads.kit.contracts.declared.superset import SUPERSET


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


@pytest.mark.parametrize("server", ["keycloak", "superset"])
def test_nobody_else_reads_the_secrets_of_an_embedded_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str
) -> None:
    (unpacked := tmp_path / "unpacked").mkdir()
    monkeypatch.setattr(keycloak, "unpacked", lambda: unpacked)
    monkeypatch.setattr(java, "environment", dict)
    before = os.umask(0o022)
    try:
        if server == "keycloak":
            Keycloak(tmp_path, 5432, tmp_path)
        else:
            Superset(tmp_path, 5432, tmp_path)
    finally:
        os.umask(before)
    names = (KEYCLOAK if server == "keycloak" else SUPERSET).secrets
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o600}


def test_the_pom_is_of_the_pinned_version() -> None:
    assert f"<version>{versions.KEYCLOAK}</version>" in keycloak.POM.read_text()
