"""Rows of a file in XML, which is read whole: a row may look at the elements around it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

from workloads.kit.contracts.sources.store_config import S3Source, SftpSource
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, unpack
from workloads.price_pipeline.sources.fields import Fields
from workloads.price_pipeline.sources.xml_document import XmlDocument

MOST_BYTES: Final = 67_108_864
"""Of a file, unpacked: a tree takes some fourteen times as much memory."""


def rows(config: S3Source | SftpSource, file: IO[bytes], where: str) -> Iterator[RawRow]:
    """The prices of each element at `config.rows` of the file, or of all files that it packs.

    Raises:
        SourceError: it cannot be unpacked, is no XML, has no such elements, or none of them has a price.
    """
    fields, faulty = Fields(config), where
    try:
        for at, content in unpack.unpacked(file, where):
            faulty = at
            if len(text := content.read(MOST_BYTES + 1)) > MOST_BYTES:
                raise SourceError(
                    f"{at} is of more than {MOST_BYTES} bytes, and XML is read whole: have it given in parts"
                )
            document = XmlDocument(text)
            if not (elements := document.rows(config.rows)):
                fields.no_rows(document.beside(config.rows))
            for element in elements:
                yield from fields.prices(element.value, document.raw(element))
    except unpack.FAULTS as error:
        raise SourceError(f"{where} cannot be unpacked: {error}") from error
    except (LookupError, ValueError) as error:
        raise SourceError(f"{faulty} gave no elements at {config.rows!r} ({error})") from None
    fields.require(where)
