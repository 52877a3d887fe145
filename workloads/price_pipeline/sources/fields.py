"""Rows whose fields are found by their paths, as those of JSON and XML are."""

from __future__ import annotations

from collections.abc import Callable

from workloads.kit.contracts.sources.row_config import Tabled
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, table
from workloads.price_pipeline.sources.xml_document import Ambiguous


class Fields:
    """Of one reading; remembers whether any row had a field of a price, or of whether it is withdrawn."""

    def __init__(self, config: Tabled) -> None:
        self._config = config
        self._terms = table.market_terms(config)
        self._priced = table.priced(config.columns)
        self._telling = [*self._priced, *([config.columns.status] if config.columns.status else [])]
        self._seen = 0
        self._found = False

    def prices(self, get: Callable[[str], object], kept: bytes) -> list[RawRow]:
        """The prices of a row, of which `kept` are the bytes."""
        columns = self._config.columns
        self._seen += 1
        self._found = self._found or any(_has(get, path) for path in self._telling)
        try:
            return list(table.split(self._config, self._terms, get, kept))
        except LookupError as error:
            return list(table.malformed(columns, self._terms, kept, f"has no field {error}"))
        except Ambiguous as error:
            return list(table.malformed(columns, self._terms, kept, f"cannot be read: {error}"))

    def malformed(self, kept: bytes, problem: str) -> list[RawRow]:
        """The prices of a row that could not be taken apart."""
        return list(table.malformed(self._config.columns, self._terms, kept, problem))

    def require(self, where: str) -> None:
        """SourceError where no row had the field of any price: then `columns` are wrong."""
        if self._seen and not self._found:
            names = ", ".join(map(repr, self._priced))
            raise SourceError(f"{where}: of {self._seen} rows none has a field {names}: correct `columns`")


def _has(get: Callable[[str], object], path: str) -> bool:
    try:
        get(path)
    except LookupError:
        return False
    except Ambiguous:
        pass
    return True
