"""Files that are packed, as the files that they hold."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import IO, cast

from workloads.price_pipeline.sources import SourceError

_ENCRYPTED = 0x1
_SHOWN = 10
_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")

FAULTS = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError)
"""What reading a packed file raises where it is spoilt, or packed in a way that is not known here."""


def unpacked(file: IO[bytes], where: str, members: str = "*") -> Iterator[tuple[str, IO[bytes]]]:
    """The files that `file` holds, by their names, each open until the next is asked for: itself where it is
    not packed. Packed is what begins so, whatever its name.

    Args:
        members: pattern of the names of those of an archive that are wanted.

    Raises:
        SourceError: an archive is encrypted, or has no file that is wanted.
        FAULTS: from here and from reading what is given.
    """
    start = file.read(4)
    file.seek(0)
    if start.startswith(_GZIP):
        with gzip.open(file) as content:
            yield where, cast(IO[bytes], content)
    elif start in _ZIP:
        with zipfile.ZipFile(file) as archive:
            held = [member for member in archive.infolist() if not _beside(member)]
            if not held:
                raise SourceError(f"{where} is a zip archive without a file in it")
            wanted = [member for member in held if fnmatchcase(member.filename, members)]
            if not wanted:
                names = ", ".join(repr(member.filename) for member in held[:_SHOWN])
                raise SourceError(f"{where} has no file {members!r}, but {names}: correct `members`")
            if any(member.flag_bits & _ENCRYPTED for member in wanted):
                raise SourceError(f"{where} is a zip archive with a password: there is no setting for it")
            for member in sorted(wanted, key=lambda member: member.filename):
                with cast(zipfile.ZipExtFile, archive.open(member)) as content:
                    name = f"{where}:{member.filename}"
                    inner = content.peek(4)[:4]
                    if inner.startswith(_GZIP) or inner in _ZIP:
                        raise SourceError(f"{name} is an archive in an archive: unpack the outer one")
                    yield name, cast(IO[bytes], content)
    else:
        yield where, file


def _beside(member: zipfile.ZipInfo) -> bool:
    """Whether it is no file of the archive's: a folder, or what an archiver adds of its own."""
    name = member.filename.rsplit("/", 1)[-1]
    return member.is_dir() or member.filename.startswith("__MACOSX/") or name.startswith(".")
