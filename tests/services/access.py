"""Tenants and keys for tests of data-api."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.services.clients import MigratedDatabase
from workloads.data_api import keys
from workloads.kit.contracts.entitlements import Entitlement
from workloads.migrations import entitlements

ALL: dict[str, Any] = {
    "products": ("hub", "api", "downloads"),
    "markets": ("*",),
    "history_days": None,
    "delay_minutes": 0,
    "rows_per_month": None,
    "requests_per_minute": 100_000,
}
"""What a tenant gets that gets everything."""


def entitle(database: MigratedDatabase, **tenants: dict[str, Any]) -> None:
    """Make these the tenants, by name with `_` for `-`: each with `ALL` but for what is given."""
    with database.admin() as connection:
        entitlements.reconcile(
            connection,
            {
                name.replace("_", "-"): Entitlement.model_validate(ALL | changed)
                for name, changed in tenants.items()
            },
        )


def add_key(
    database: MigratedDatabase,
    tenant: str,
    *,
    scopes: tuple[str, ...] = ("read",),
    expires: timedelta = timedelta(days=1),
    revoked: bool = False,
) -> str:
    """Put a key of a tenant into the table, and give it."""
    key_id, secret = keys.make()
    now = datetime.now(UTC)
    with database.admin() as connection:
        connection.execute(
            "INSERT INTO features.api_keys (id, tenant_id, name, digest, scopes, created_at, created_by,"
            " expires_at, revoked_at) VALUES (%s, %s, 'test', %s, %s, %s, 'test', %s, %s)",
            (
                *(key_id, tenant, keys.digest(secret), list(scopes), now - timedelta(days=2), now + expires),
                now if revoked else None,
            ),
        )
    return keys.text(key_id, secret)


def client(app: Flask, key: str) -> FlaskClient:
    """A client that shows a key with each request."""
    made = app.test_client()
    made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return made


def let_in(database: MigratedDatabase, app: Flask) -> FlaskClient:
    """A client of a tenant that gets everything."""
    entitle(database, pilot_one={})
    return client(app, add_key(database, "pilot-one"))
