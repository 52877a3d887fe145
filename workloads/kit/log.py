"""Logs: one JSON object a line on stdout, from structlog, the libraries' `logging` and `warnings` alike.

Every line is drawn through `kit.scrub` when it is finished, with its traceback. What goes to stderr past all
loggers (a library's own handler, Python's last words) is drawn through it as well.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from types import TracebackType
from typing import Any, TextIO, cast

import structlog

from workloads.kit import scrub
from workloads.kit.contracts import env


class _Scrubbed(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return scrub.scrub(super().format(record))


class _ScrubbedStream:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(scrub.scrub(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _ScrubbedHandler(logging.StreamHandler):  # type: ignore[type-arg]
    def handleError(self, record: logging.LogRecord) -> None:
        # logging's own prints the record's arguments as they are.
        sys.stderr.write(f"a line of {record.name} could not be written: {traceback.format_exc(limit=1)}")


def configure(workload: str) -> None:
    """Set up logging for a process; every line carries `workload`. The level is `LOG_LEVEL`, else INFO."""
    level = logging.getLevelNamesMapping().get(os.environ.get(env.LOG_LEVEL, "INFO").upper(), logging.INFO)
    scrub.hide_mounted()
    if not isinstance(sys.stderr, _ScrubbedStream):
        sys.stderr = cast("TextIO", _ScrubbedStream(sys.stderr))
    # MLflow would give its loggers a handler of their own.
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")

    def named(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        event["workload"] = workload
        return event

    shared: list[structlog.types.Processor] = [
        named,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = _ScrubbedHandler(sys.stdout)
    handler.setFormatter(
        _Scrubbed(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(True)
    # They tell of every request and every connection at INFO.
    for chatty in ("httpx", "httpcore", "alembic.runtime.plugins"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An exception that ends the process or a thread: Python itself would print it as it is."""
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("uncaught").critical("uncaught", exc_info=(kind, error, trace))
