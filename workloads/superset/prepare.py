"""Brings Superset's records to what is declared: tables, rights, a first person, dashboards, tenants' roles.

Safe to run again: what is there and as declared stays, what is gone from the definitions goes.
"""

# Superset is in an environment of its own.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportMissingModuleSource=false

from __future__ import annotations

import logging
import os
from contextlib import closing
from typing import Any

from workloads.kit.contracts import tables
from workloads.superset import app, connections
from workloads.superset.dashboards import defined
from workloads.superset.dashboards.bundle import bundle
from workloads.superset.settings import Settings

_log = logging.getLogger(__name__)

ADMIN = "admin"
"""The person who owns what is imported; without an issuer it logs in by its generated password."""


def prepare(settings: Settings) -> None:
    """Do all of it, in one process: Superset takes long to start."""
    settings.home.mkdir(parents=True, exist_ok=True)
    _let_migrations_in(settings)
    with app.create().app_context():
        _tables()
        _rights()
        person = _admin(settings.admin_password)
        dashboards = defined(settings.tenants)
        _import(bundle(dashboards), person)

        from workloads.superset import access, stale

        stale.remove(dashboards)
        access.reconcile(dashboards, settings.tenants, settings.embedders)
    _log.info("prepared: %d dashboards", len(dashboards))


def _let_migrations_in(settings: Settings) -> None:
    # Superset's migrations connect by the URI alone, which has no password; libpq takes it from here.
    with closing(connections.connect(settings, settings.own, tables.SUPERSET_DATABASE)) as connection:
        os.environ["PGPASSWORD"] = connection.info.password
    if settings.ca_file is not None:
        os.environ |= {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(settings.ca_file)}


def _tables() -> None:
    import flask_migrate

    flask_migrate.upgrade()
    _log.info("tables are as this version has them")


def _rights() -> None:
    from superset import appbuilder, security_manager

    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()


def _admin(password: str) -> Any:
    from superset import db, security_manager
    from werkzeug.security import check_password_hash

    person = security_manager.find_user(ADMIN)
    if person is None:
        role = security_manager.find_role("Admin")
        person = security_manager.add_user(ADMIN, "Platform", "Admin", "admin@localhost", role, password)
        if not person:
            raise RuntimeError("the first person could not be made: the log above says why")
    elif not check_password_hash(person.password, password):
        security_manager.reset_password(person.id, password)
    db.session.commit()
    return person


def _import(files: dict[str, str], person: Any) -> None:
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.utils.core import override_user

    with override_user(person):
        ImportAssetsCommand(files).run()
    _log.info("imported %d documents", len(files))
