"""Where secrets come from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from infra.settings.base import Section
from workloads.kit.contracts import tables


class GeneratedSecrets(Section):
    """Passwords. The stack file holds them encrypted, pods get them as files."""

    kind: Literal["generated"] = Field(description="Where secrets come from.")
    postgres_password: SecretStr = Field(min_length=16, description="Password of PostgreSQL's superuser.")
    redis_password: SecretStr = Field(min_length=16, description="Password of Redis.")
    roles: dict[str, Annotated[SecretStr, Field(min_length=16)]] = Field(
        description="Password of each database role, by its name."
    )

    sources: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], SecretStr] = Field(
        default={}, description="Secrets of price-pipeline's sources: file name → content."
    )

    @model_validator(mode="after")
    def _every_role(self) -> Self:
        if missing := sorted(set(tables.ROLES) - set(self.roles)):
            raise ValueError(f"passwords are missing for the roles {', '.join(missing)}")
        if unknown := sorted(set(self.roles) - set(tables.ROLES)):
            raise ValueError(f"there are no roles {', '.join(unknown)}")
        return self
