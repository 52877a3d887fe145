"""CSV: the lines as the database writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from workloads.data_api.downloads.forms import Block, File, batches

_ROWS: Final = 512
"""Of a block: some 64 KiB."""


def blocks(rows: Iterator[bytes], file: File) -> Iterator[Block]:
    """As `forms.Blocks`."""
    head = ",".join(one.name for one in file.columns).encode() + b"\n" if file.named else b""
    for batch in batches(rows, _ROWS):
        yield Block(head + b"".join(batch), len(batch))
        head = b""
    if head:
        yield Block(head, 0)
