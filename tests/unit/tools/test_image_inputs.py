"""What goes into images beside the checkout's files: requirements, the way to the package index, archives."""

import json
import stat
import tarfile
from pathlib import Path

import pytest

from tools.errors import UsageError
from tools.image_build import oci, requirements, secrets

LOCKED = """\
scipy==1.17.1 ; python_version < "3.13" \\
    --hash=sha256:aa
scipy==1.18.1 ; python_version == "3.13" \\
    --hash=sha256:bb
Flask_Cors==6.0.5 \\
    --hash=sha256:cc \\
    --hash=sha256:dd
numpy==2.4.6 \\
    --hash=sha256:ee
"""


def test_requirements_leave_out_what_is_present_and_keep_every_hash() -> None:
    left = requirements.without(LOCKED, {"numpy"})
    assert left.count("scipy==") == 2
    assert left.count("--hash") == 4
    assert "numpy" not in left
    assert left.endswith("\n")


def test_package_names_are_compared_as_the_index_does() -> None:
    assert requirements.packages(LOCKED) == {"scipy", "flask-cors", "numpy"}
    assert "Flask_Cors" not in requirements.without(LOCKED, {"flask-cors"})


def test_requirements_do_not_depend_on_their_order() -> None:
    blocks = LOCKED.split("numpy==")
    turned = f"numpy=={blocks[1]}{blocks[0]}"
    assert requirements.without(turned, ()) == requirements.without(LOCKED, ())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_pips_settings_for_the_index_are_lent_and_the_environment_wins(home: Path) -> None:
    config = home / "mine.conf"
    config.write_text(
        "[global]\nindex-url = one\ntrusted-host = here\n[install]\nproxy = p\ntarget = /somewhere\n"
    )
    lent = secrets.pip_config(
        {"PIP_CONFIG_FILE": str(config), "PIP_INDEX_URL": "two", "PIP_DEFAULT_TIMEOUT": "9", "PIP_USER": "1"},
        with_certificates=True,
    )
    lines = set(lent.splitlines())
    assert {"index-url = two", "trusted-host = here", "proxy = p", "timeout = 9"} <= lines
    assert "cert = /run/secrets/ca.crt" in lines
    assert "target" not in lent
    assert "user" not in lent


def test_a_percent_sign_in_an_address_is_kept(home: Path) -> None:
    assert "index-url = a%40b" in secrets.pip_config({"PIP_INDEX_URL": "a%40b"}, with_certificates=False)


def test_a_broken_pip_configuration_is_named(home: Path) -> None:
    config = home / "broken.conf"
    config.write_text("index-url = without a section\n")
    with pytest.raises(UsageError, match=r"broken\.conf"):
        secrets.pip_config({"PIP_CONFIG_FILE": str(config)}, with_certificates=False)


def test_the_lent_configuration_is_its_owners_alone_and_goes_away(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "with-a-password")
    with secrets.lent() as files:
        config = files[secrets.PIP_CONFIG]
        assert "with-a-password" in config.read_text()
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    assert not config.exists()


def test_the_certificates_that_the_environment_names_come_first(tmp_path: Path) -> None:
    own = tmp_path / "own.crt"
    own.write_text("authority")
    assert secrets.certificates({"SSL_CERT_FILE": str(own)}) == own
    assert secrets.certificates({"SSL_CERT_FILE": str(tmp_path / "absent")}) != tmp_path / "absent"


def test_an_archive_says_the_images_name_and_holds_every_blob(tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    (layout / "blobs" / "sha256").mkdir(parents=True)
    (layout / "blobs" / "sha256" / "00").write_bytes(b"layer")
    (layout / "oci-layout").write_text("{}")
    (layout / "index.json").write_text(json.dumps({"manifests": [{"digest": "sha256:00"}]}))
    archive = tmp_path / "image.tar"
    oci.pack(layout, archive, "localhost/carbon/x:1")
    with tarfile.open(archive) as packed:
        assert sorted(packed.getnames()) == ["blobs/sha256/00", "index.json", "oci-layout"]
        index = packed.extractfile("index.json")
        assert index
        (entry,) = json.load(index)["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == "localhost/carbon/x:1"
