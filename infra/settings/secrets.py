"""Where secrets come from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, SecretStr, model_validator

from infra.settings.base import Section
from workloads.kit.contracts import tenants
from workloads.kit.contracts.platform import EGRESS_CLIENTS, ROLES, SECRETS

SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]


class GeneratedSecrets(Section):
    """Passwords. The stack file holds them encrypted, pods get them as files."""

    kind: Literal["generated"] = Field(description="Where secrets come from.")
    postgres_password: SecretStr = Field(min_length=16, description="Password of PostgreSQL's superuser.")
    redis_password: SecretStr = Field(min_length=16, description="Password of Redis.")
    roles: dict[str, Annotated[SecretStr, Field(min_length=16)]] = Field(
        description="Password of each database role, by its name."
    )

    sources: dict[SourceName, SecretStr] = Field(
        default={}, description="Secrets of price-pipeline's sources: file name → content."
    )
    egress: dict[str, Annotated[SecretStr, Field(min_length=16)]] = Field(
        default={}, description="Password of each workload at the egress proxy, by the workload's name."
    )
    own: dict[str, Annotated[SecretStr, Field(min_length=16)]] = Field(
        default={}, description="Contents that are made up for a workload, by section and name."
    )

    @model_validator(mode="after")
    def _every_role(self) -> Self:
        if missing := sorted(set(ROLES) - set(self.roles)):
            raise ValueError(f"passwords are missing for the roles {', '.join(missing)}")
        given = {role for role in self.roles if not tenants.is_role(role)}
        if unknown := sorted(given - set(ROLES)):
            raise ValueError(f"there are no roles {', '.join(unknown)}")
        if unknown := sorted(set(self.egress) - set(EGRESS_CLIENTS)):
            raise ValueError(f"egress: no workload that leaves the cluster is called {', '.join(unknown)}")
        if unknown := sorted(set(self.own) - set(SECRETS)):
            raise ValueError(f"own: no workload has {', '.join(unknown)}")
        return self


class ExternalSecretsSettings(Section):
    """Entries of AWS Secrets Manager, which External Secrets copies into the cluster and keeps up to date."""

    kind: Literal["external"] = Field(description="Where secrets come from.")
    refresh_interval: Annotated[str, Field(pattern=r"^[1-9][0-9]*[mh]$")] = Field(
        "15m", description="How often the entries are read: a rotated password is in the cluster after this."
    )
    sources: list[SourceName] = Field(
        default=[],
        description="Secrets of price-pipeline's sources: file names; each is an entry's name, too.",
    )


Secrets = Annotated[GeneratedSecrets | ExternalSecretsSettings, Discriminator("kind")]
