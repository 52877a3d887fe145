"""Tenants: who they are, what they pay for, and how much they may use."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from infra.settings.aws import Email
from infra.settings.base import DnsLabel, LabelValue, Memory, Quota, Resources, Section
from workloads.kit.contracts.entitlements import (
    ALL_MARKETS,
    HISTORY_DAYS_MOST,
    Entitlement,
    MarketName,
    Product,
)

TenantName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$", examples=["pilot-one"])]
"""It is part of a namespace, of topics and of a database role: up to 30 characters leave room for them."""


def _not_the_clusters(group: str) -> str:
    if group.startswith("system:"):
        raise ValueError(f"group {group} is Kubernetes's own: name one of the identity provider")
    return group


Group = Annotated[
    str, Field(min_length=1, max_length=253, pattern=r"^\S+$"), AfterValidator(_not_the_clusters)
]


class Groups(Section):
    """Groups of the identity provider, as the cluster sees them, that have each role."""

    admin: list[Group] = Field(min_length=1, description="May do what developers may, and share the rights.")
    developer: list[Group] = Field(default=[], description="Run workloads and read their logs.")
    viewer: list[Group] = Field(default=[], description="See everything but secrets.")


class TenantTopic(Section):
    """A topic of a tenant's own."""

    partitions: int = Field(3, ge=1, le=48, description="Partitions.")
    retention_ms: int = Field(
        7 * 24 * 3600 * 1000, ge=60_000, description="Milliseconds that messages are kept."
    )


class TenantKafka(Section):
    """What a tenant may use of Kafka. Rates are a client's, on each broker."""

    topics: dict[DnsLabel, TenantTopic] = Field(
        default={}, description="Topics by name; `tenant.<tenant>.` is put before it."
    )
    producer_bytes_per_second: int = Field(
        default=1_048_576, ge=1024, description="Bytes a second that it may write."
    )
    consumer_bytes_per_second: int = Field(
        default=2_097_152, ge=1024, description="Bytes a second that it may read."
    )
    request_percent: int = Field(
        default=25, ge=1, le=100, description="Share of a request thread's time that it may take, in percent."
    )


class TenantBudget(Section):
    """What a tenant's namespace may cost a month."""

    monthly_usd: int = Field(ge=1, description="Limit in US dollars.")
    emails: list[Email] = Field(min_length=1, description="Who is told.")
    percentages: list[Annotated[int, Field(ge=1, le=1000)]] = Field(
        default=[50, 80, 100], min_length=1, description="Shares of the limit at which they are told."
    )


class EntitlementSettings(Section):
    """What a tenant gets of the data, by whichever of its products."""

    markets: list[MarketName] = Field(
        default=[],
        description=f'Markets that it sees, by name; ["{ALL_MARKETS}"] is all. It sees none by default.',
    )
    history_days: int | None = Field(
        default=30,
        ge=1,
        le=HISTORY_DAYS_MOST,
        description="Days back from now that it sees deliveries of; null is all.",
    )
    delay_minutes: int = Field(
        default=15,
        ge=0,
        le=366 * 24 * 60,
        description="Minutes after its publication that it sees something; 0 is real time.",
    )
    rows_per_month: int | None = Field(
        default=100_000, ge=0, description="Rows that it gets in a calendar month (UTC); null is any number."
    )
    requests_per_minute: int = Field(
        default=60, ge=1, description="Requests of all its credentials together."
    )

    @model_validator(mode="after")
    def _all_or_named(self) -> Self:
        if ALL_MARKETS in self.markets and len(self.markets) > 1:
            others = ", ".join(name for name in self.markets if name != ALL_MARKETS)
            raise ValueError(f'markets has "{ALL_MARKETS}" and {others}: leave one of them out')
        return self


class TenantSettings(Section):
    """A tenant: its namespace is `<labels.environment>-<tenant>`."""

    owner: LabelValue = Field(description="Who answers for it, label `owner`.")
    team: LabelValue = Field(description="Team that works in it, label `team`.")
    department: LabelValue = Field(description="Department that it belongs to, label `department`.")
    cost_center: LabelValue = Field(description="Where its cost is booked, label `cost-center`.")
    products: list[Product] = Field(
        min_length=1, description="What it has; each opens its own network paths, and no other is open."
    )
    entitlements: EntitlementSettings = Field(
        default=EntitlementSettings(), description="What it sees of the data, and how much of it."
    )
    groups: Groups = Field(description="Who may do what in its namespace.")
    quota: Quota = Field(description="What all its pods may ask for together.")
    container: Resources = Field(
        default=Resources(cpu="50m", memory="64Mi", cpu_limit="500m", memory_limit="256Mi"),
        description="What a container gets that asks for nothing.",
    )
    objects: dict[Literal["configmaps", "secrets", "services", "jobs", "cronjobs"], int] = Field(
        default={"configmaps": 50, "secrets": 50, "services": 20, "jobs": 50, "cronjobs": 20},
        description="Number of objects, by kind.",
    )
    storage: Memory = Field("50Gi", description="Sum of the sizes of all volume claims.")
    protect: bool = Field(
        False, description="Whether Pulumi refuses to delete the namespace, with all that is in it."
    )
    kafka: TenantKafka = Field(
        default=TenantKafka(), description="Kafka; used where Kafka knows its clients (kafka.kind strimzi)."
    )
    budget: TenantBudget | None = Field(None, description="What it may cost; used where the stack has cost.")

    @property
    def entitlement(self) -> Entitlement:
        """As the database is told."""
        given = self.entitlements.model_dump()
        return Entitlement.model_validate({**given, "products": self.products})

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.products)) < len(self.products):
            raise ValueError(f"products {', '.join(self.products)} has one twice")
        given = [*self.groups.admin, *self.groups.developer, *self.groups.viewer]
        if len(set(given)) < len(given):
            raise ValueError("groups gives one group two roles: the greater holds what the lesser does")
        return self
