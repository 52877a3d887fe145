"""Connections to PostgreSQL: with each password that may be the server's while a role's is rotated."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg2

from workloads.kit.contracts import env
from workloads.superset.settings import Login, Settings

_QUERY_SECONDS: Final = 60
"""The longest that a chart's query may take."""

READING: Final = f"-c default_transaction_read_only=on -c statement_timeout={_QUERY_SECONDS}s -c timezone=UTC"
"""Options of a connection that only reads."""


def connect(settings: Settings, login: Login, database: str, options: str = "") -> Any:
    """A connection of a role to a database.

    Raises:
        psycopg2.OperationalError: the server is away, or refuses every password.
    """
    refused: list[psycopg2.OperationalError] = []
    for password in passwords(login.password_file):
        try:
            return psycopg2.connect(
                host=settings.host,
                port=settings.port,
                dbname=database,
                user=login.role,
                password=password,
                options=options,
                application_name="superset",
                connect_timeout=10,
                keepalives_idle=5,
                keepalives_interval=5,
                keepalives_count=2,
                **_verified(settings),
            )
        except psycopg2.OperationalError as error:
            refused.append(error)
    raise refused[0]


def passwords(file: Path) -> list[str]:
    """What the file and those beside it hold, in the order in which they are tried."""
    beside = (file.with_name(f"{file.name}{suffix}") for suffix in env.PASSWORDS)
    found = (one.read_text(encoding="utf-8").strip() for one in beside if one.is_file())
    return list(dict.fromkeys(filter(None, found))) or [""]


def own(settings: Settings, database: str) -> Any:
    """What makes connections to Superset's own records, as SQLAlchemy takes it."""
    return partial(connect, settings, settings.own, database)


def of_charts(
    settings: Settings, uri: Any, parameters: dict[str, Any], *_: Any
) -> tuple[Any, dict[str, Any]]:
    """Superset's `DB_CONNECTION_MUTATOR`: a connection's record names the database alone; where it is and by
    which password one is let in is known here, at the time of each connection."""
    if uri.get_backend_name() != "postgresql":
        return uri, parameters
    creator = partial(connect, settings, settings.reader, uri.database, READING)
    return uri, {**parameters, "creator": creator}


def _verified(settings: Settings) -> dict[str, Any]:
    if settings.ca_file is None:
        return {}
    return {"sslmode": "verify-full", "sslrootcert": str(settings.ca_file)}
