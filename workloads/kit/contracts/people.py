"""Names that the issuer of people's and programs' tokens shares with those who take them.

A stack may have another issuer; these are of the platform's own, Keycloak, whose realm
`workloads/keycloak_prepare` makes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Annotated, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workloads.kit.contracts.entitlements import Role

REALM: Final = "carbon"
PATH: Final = f"/realms/{REALM}"
"""Of the issuer, below where Keycloak answers."""

AUDIENCE: Final = "carbon-data-api"
"""What tokens for data-api are for."""
HUB_CLIENT: Final = "hub"
DASHBOARDS_CLIENT: Final = "dashboards"
"""Public clients, with a proof key, through which people sign in to the hub and to Superset."""

TENANT_CLAIM: Final = "tenant"
ROLES_CLAIM: Final = "roles"

SIGNED_IN: Final = "/hub/signed-in"
DASHBOARDS_SIGNED_IN: Final = "/oauth-authorized/platform"
"""Paths to which a browser comes back from the issuer."""

OPERATOR, ANALYST = "operator", "analyst"
"""Roles of those who run the platform and of those who look at all of it; they are in no tenant."""

STRONG: Final = ("admin", OPERATOR)
"""Roles of administrators: they sign in with a second factor."""

SECOND_FACTORS: Final = ("mfa", "otp", "hwk")
"""What a token's `amr` says of one."""

_CLIENTS: Final = frozenset(
    {HUB_CLIENT, DASHBOARDS_CLIENT, "account", "account-console", "admin-cli", "broker", "realm-management",
     "security-admin-console"}
)  # fmt: skip
"""Clients of the realm, most of them Keycloak's own: a program is a client, too."""

PersonName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,38}[a-z0-9]$")]
PlatformRole = Annotated[str, Field(pattern=f"^({OPERATOR}|{ANALYST})$")]


def tenant_role(name: str) -> str:
    """Role of a tenant's people at the dashboards."""
    return f"tenant-{name}"


class Person(BaseModel):
    """Who may sign in. The first password is made up, and theirs to change."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    tenant: str | None = Field(None, description="Tenant that the person is of; none for the platform's own.")
    roles: list[Role | PlatformRole] = Field(description="viewer, developer, admin; operator, analyst.")


class Program(BaseModel):
    """A program that gets tokens with its own secret."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    tenant: str = Field(description="Tenant that it is of.")
    roles: list[Role] = Field(description="viewer, developer.")


class RealmFacts(BaseModel):
    """What a stack decides of the realm.

    Attributes:
        hub, dashboards: where people reach data-api and Superset, without a path; None: the stack has none.
        tenants: names.
        people, programs: by name.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    hub: str
    dashboards: str | None = None
    tenants: list[str] = Field(default_factory=list[str])
    people: dict[PersonName, Person] = Field(default_factory=dict[str, Person])
    programs: dict[PersonName, Program] = Field(default_factory=dict[str, Program])

    @model_validator(mode="after")
    def _names_of_one(self) -> Self:
        if taken := sorted(set(self.programs) & {*self.people, *_CLIENTS}):
            raise ValueError(
                f"programs: {', '.join(taken)} is the name of a person, or of a client that the realm has: "
                "take another"
            )
        return self


def first_password(key: str, name: str) -> str:
    """First password of a person, or secret of a program: 120 bits that follow from the stack's own key, so
    that who holds the key can tell it again, and nobody else.

    Args:
        key: the secret `people-key` of the section `keycloak`.
    """
    made = hmac.new(key.encode(), f"first password of {name}".encode(), hashlib.sha256).digest()
    return base64.b32encode(made[:15]).decode().lower()
