"""A file that is there whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from carbon_client.errors import BadInput


@contextmanager
def whole(target: Path) -> Generator[BinaryIO, None, None]:
    """A new file beside `target`, which takes its name when the block ends well and is gone otherwise.

    Raises:
        BadInput: the target is a folder.
    """
    if target.is_dir():
        raise BadInput(f"path: {target} is a folder: give the file's name as well")
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
