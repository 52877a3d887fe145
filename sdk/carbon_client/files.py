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
        BadInput: the target is a folder, or cannot be written.
    """
    try:
        if not target.name or target.is_dir():
            raise BadInput(f"path: {target} is a folder: give the file's name as well")
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        file = part.open("xb")
    except OSError as error:
        raise _unwritable(target, error) from None
    except ValueError as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"path: {str(target)!r} names no file: {error}") from None
    try:
        with file:
            yield file
        part.replace(target)
    except OSError as error:
        raise _unwritable(target, error) from None
    finally:
        part.unlink(missing_ok=True)


def _unwritable(target: Path, error: OSError) -> BadInput:
    return BadInput(
        f"path: {target} cannot be written: {error.strerror or error}: give another, or make room"
    )
