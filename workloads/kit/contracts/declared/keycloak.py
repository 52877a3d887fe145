"""keycloak: who people and programs are; and the job that makes its realm from what is declared."""

from __future__ import annotations

from typing import Final

from workloads.kit.contracts import ports
from workloads.kit.contracts.declaration import Declaration, Reach

ADMIN_PASSWORD, PEOPLE_KEY = "admin-password", "people-key"
"""The password of Keycloak's own administrator, and what people's first passwords follow from."""

KEYCLOAK: Final = Declaration(
    name="keycloak",
    about="who people and programs are (OpenID Connect)",
    kind="server",
    third_party=True,
    role="keycloak",
    secrets=(ADMIN_PASSWORD, PEOPLE_KEY),
    port=ports.KEYCLOAK,
    metrics=ports.METRICS,
    reach=Reach(scheme="http", about="people and programs: sign-in, accounts", slot=14),
)

KEYCLOAK_PREPARE: Final = Declaration(
    name="keycloak-prepare",
    about="brings Keycloak's realm to what is declared",
    kind="job",
    part_of=KEYCLOAK.section,
    secrets=(ADMIN_PASSWORD, PEOPLE_KEY),
    calls=(KEYCLOAK.name,),
)
