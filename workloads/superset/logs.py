"""Logs: one JSON object a line, as the platform's own workloads write them."""

from __future__ import annotations

import json
import logging
import logging.config
import sys
from datetime import UTC, datetime
from typing import Any, Final

from workloads.kit import scrub

_QUIET: Final = ("alembic.runtime.migration", "flask_appbuilder", "werkzeug")


class Line(logging.Formatter):
    """A record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return scrub.scrub(json.dumps(line, default=str))


def configure(level: str) -> None:
    """Let every logger of the process write such lines to stdout, without secrets."""
    scrub.hide_mounted()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Line())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class Configurator:
    """What Superset calls to set up its logs."""

    def __init__(self, level: str) -> None:
        self._level = level

    def configure_logging(self, app_config: dict[str, Any], debug_mode: bool) -> None:  # noqa: ARG002
        """Called by Superset once a process."""
        configure(self._level)
