"""`python -m workloads.keycloak_prepare`.

Exit codes: 0 the realm is as declared, 1 it could not be made so, 2 a setting or a secret is wrong.
"""

from __future__ import annotations

import sys
from typing import Any

import structlog

from workloads.keycloak_prepare.admin import Admin, Away, Refused
from workloads.keycloak_prepare.reconcile import Reconciler
from workloads.keycloak_prepare.settings import RealmSettings
from workloads.kit import log
from workloads.kit.contracts.declared.keycloak import KEYCLOAK_PREPARE
from workloads.kit.settings import load

_log: Any = structlog.get_logger(__name__)


def main() -> int:
    log.configure(KEYCLOAK_PREPARE.name)
    settings = load(RealmSettings)
    try:
        admin = Admin(settings.keycloak_url, settings.admin_password)
        reconciler = Reconciler(admin, settings.realm, settings.people_key)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}: mount the section's secrets there", file=sys.stderr)
        return 2
    try:
        admin.wait(settings.keycloak_wait_seconds)
        reconciler.run()
    except Away as error:
        _log.error("keycloak_away", error=str(error))
        return 1
    except Refused as error:
        print(f"Keycloak: {error}", file=sys.stderr)
        return 1
    _log.info("realm_as_declared", changes=reconciler.changes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
