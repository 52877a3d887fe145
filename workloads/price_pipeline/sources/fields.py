"""Rows whose fields are found by their paths, as those of JSON and XML are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from workloads.kit.contracts.sources.row_config import Tabled
from workloads.price_pipeline.rows import RawRow
from workloads.price_pipeline.sources import SourceError, table
from workloads.price_pipeline.sources.xml_document import Ambiguous

_log = structlog.get_logger(__name__)

_SHOWN: Final = 20


class Fields:
    """Of one reading; remembers which of the names that it looks for were nowhere."""

    def __init__(self, config: Tabled) -> None:
        self._config = config
        self._terms = table.market_terms(config)
        self._priced = table.priced(config.columns)
        beside = {name: getattr(config.columns, name) for name in ("status", "currency", "unit", "zone")}
        self._missing = dict.fromkeys(self._priced, "price") | {
            path: name for name, path in beside.items() if path is not None
        }
        self.seen = 0
        """Rows."""
        self._beside: set[str] = set()

    def prices(self, get: Callable[[str], object], kept: bytes) -> list[RawRow]:
        """The prices of a row, of which `kept` are the bytes."""
        columns = self._config.columns
        self.seen += 1
        if self._missing:
            self._missing = {path: name for path, name in self._missing.items() if not _has(get, path)}
        try:
            return list(table.split(self._config, self._terms, get, kept))
        except LookupError as error:
            return list(table.malformed(columns, self._terms, kept, f"has no field {error}"))
        except Ambiguous as error:
            return list(table.malformed(columns, self._terms, kept, f"cannot be read: {error}"))

    def malformed(self, kept: bytes, problem: str) -> list[RawRow]:
        """The prices of a row that could not be taken apart."""
        return list(table.malformed(self._config.columns, self._terms, kept, problem))

    def no_rows(self, beside: set[str]) -> None:
        """Where rows should be there are others, of these names."""
        self._beside |= beside

    def require(self, where: str) -> None:
        """What the whole reading says of names: SourceError where no row had the field of any price, or of
        whether one is withdrawn: then `columns` are wrong. Where some other field was in none, or there were
        no rows, it may be that there was nothing to say there; or a name is wrong, and a warning tells."""
        if not self.seen and self._beside:
            _log.warning(
                "rows_not_found",
                source=self._config.name,
                where=where,
                instead=sorted(self._beside)[:_SHOWN],
                remedy="correct `rows`, unless there was nothing to give",
            )
        if not self.seen or not self._missing:
            return
        status = self._config.columns.status
        if self._missing.keys() >= {*self._priced, *([status] if status else [])}:
            names = ", ".join(map(repr, self._priced))
            raise SourceError(f"{where}: of {self.seen} rows none has a field {names}: correct `columns`")
        _log.warning(
            "fields_not_found",
            source=self._config.name,
            where=where,
            fields=[f"{name} at {path!r}" for path, name in self._missing.items()],
            rows=self.seen,
            remedy="correct `columns`, unless rows leave these out where they have nothing to say",
        )


def _has(get: Callable[[str], object], path: str) -> bool:
    try:
        get(path)
    except LookupError:
        return False
    except Ambiguous:
        pass
    return True
