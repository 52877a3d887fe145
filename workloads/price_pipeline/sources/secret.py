"""Secrets, which are files."""

from __future__ import annotations

from pathlib import Path

from workloads.kit import scrub
from workloads.price_pipeline.sources import SourceError


def read_secret(file: Path, setting: str) -> str:
    """The secret in `file`, which no log line shows from now on.

    Raises:
        SourceError: it cannot be read; names the setting.
    """
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SourceError(f"{setting} {file}: {error.strerror}") from error
    scrub.hide(secret)
    return secret
