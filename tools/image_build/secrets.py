"""The host's own way to the Python package index, lent to a build as secrets: no image keeps any of it."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from tools.errors import UsageError

PIP_CONFIG = "pip.conf"
CERTIFICATES = "ca.crt"

_MOUNTED = "/run/secrets"
_LENT = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
"""pip's options that say how to reach an index; the others are the host's own business."""
_SECTIONS = ("global", "install")
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


@contextmanager
def lent() -> Iterator[dict[str, Path]]:
    """Secret's id → a file that its owner alone can read, there until the context ends."""
    with tempfile.TemporaryDirectory(prefix="carbon-build-") as scratch:
        config = Path(scratch) / PIP_CONFIG
        found: dict[str, Path] = {PIP_CONFIG: config}
        if bundle := certificates(os.environ):
            found[CERTIFICATES] = bundle
        config.touch(mode=0o600)
        config.write_text(pip_config(os.environ, with_certificates=bundle is not None), encoding="utf-8")
        yield found


def pip_config(environment: Mapping[str, str], *, with_certificates: bool) -> str:
    """A pip.conf with what pip's own files and `PIP_*` say here about the index; the environment wins."""
    options: dict[str, str] = {}
    for file in _config_files(environment):
        options |= _read(file)
    for option in _LENT:
        for spelling in (f"default-{option}", option):
            if value := environment.get(f"PIP_{spelling.upper().replace('-', '_')}"):
                options[option] = value
    if with_certificates:
        options["cert"] = f"{_MOUNTED}/{CERTIFICATES}"
    writer = ConfigParser(interpolation=None)
    writer["global"] = options
    text = StringIO()
    writer.write(text)
    return text.getvalue()


def certificates(environment: Mapping[str, str]) -> Path | None:
    """The authorities that this machine trusts."""
    named = [environment.get(name) for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")]
    return next((Path(name) for name in (*named, *_BUNDLES) if name and Path(name).is_file()), None)


def _config_files(environment: Mapping[str, str]) -> list[Path]:
    home = Path.home()
    own = environment.get("XDG_CONFIG_HOME") or home / ".config"
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    system = (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"))
    standard = (*system, home / ".pip" / "pip.conf", Path(own) / "pip" / "pip.conf")
    return [file for file in (*standard, *([Path(named)] if named else [])) if file.is_file()]


def _read(file: Path) -> dict[str, str]:
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
    except Error as error:
        raise UsageError(f"pip cannot read its {file}: {error}", remedy="Repair the file.") from None
    sections = [parser[name] for name in _SECTIONS if parser.has_section(name)]
    return {
        option.removeprefix("default-"): value
        for section in sections
        for option, value in section.items()
        if option.removeprefix("default-") in _LENT
    }
