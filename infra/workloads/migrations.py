"""The jobs that bring the database and the brokers to what is declared, before anything else starts.

They are no room: the layer of the data services runs them, and who needs what they make waits for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from infra.manifests import postgres
from infra.manifests.resources.external_secrets import SecretValue
from infra.manifests.services import KafkaAccess, PostgresAccess
from infra.manifests.workload import Workload
from infra.settings.base import Labels
from infra.settings.images import Images
from infra.settings.workloads import Jobs
from infra.workloads.site import base, with_kafka, with_role
from workloads.kit.contracts import env
from workloads.kit.contracts import tenants as of_tenants
from workloads.kit.contracts.declared.migrations import MIGRATIONS, PARTITIONS, TOPICS
from workloads.kit.contracts.entitlements import Entitlement


def upgrade(
    identity: Labels,
    images: Images,
    settings: Jobs,
    database: PostgresAccess,
    *,
    superuser: SecretValue,
    roles: Mapping[str, SecretValue],
    tenants: Mapping[str, Entitlement] | None = None,
    keep_months: Mapping[str, int] | None = None,
) -> Workload:
    """Brings databases, tables, roles and grants to what is declared.

    Args:
        database: it holds a lock for the length of its session, so it goes to the server itself.
        superuser: password of PostgreSQL's superuser.
        roles: password of each role.
        tenants: what each gets.
        keep_months: as for `partitions`.
    """
    own = [role for role in sorted(roles) if not of_tenants.is_role(role)]
    named = {env.ROLES: json.dumps(own), **_kept(keep_months)}
    if tenants:
        gets = {name: entitlement.model_dump() for name, entitlement in tenants.items()}
        named |= {env.TENANTS: json.dumps(list(tenants)), env.ENTITLEMENTS: json.dumps(gets, sort_keys=True)}
    w = base(identity, images, MIGRATIONS, settings, args=["upgrade"], variables=named)
    itself = replace(database, host=database.direct_host)
    return with_role(replace(w, secret_files=dict(roles)), itself, postgres.SUPERUSER, superuser)


def partitions(
    identity: Labels,
    images: Images,
    settings: Jobs,
    database: PostgresAccess,
    *,
    superuser: SecretValue,
    keep_months: Mapping[str, int],
) -> Workload:
    """Makes the feature store's months ahead of time and drops those that are not kept.

    Args:
        database, superuser: as for `upgrade`.
        keep_months: table → months before this one that are kept; of one that is not named all are.
    """
    w = base(identity, images, PARTITIONS, settings, args=["partitions"], variables=_kept(keep_months))
    return with_role(w, replace(database, host=database.direct_host), postgres.SUPERUSER, superuser)


def _kept(keep_months: Mapping[str, int] | None) -> dict[str, str]:
    return {env.KEEP_MONTHS: json.dumps(dict(keep_months), sort_keys=True)} if keep_months else {}


def topics(
    identity: Labels,
    images: Images,
    settings: Jobs,
    kafka: KafkaAccess,
    *,
    replication_factor: int,
    min_in_sync: int,
    retention_ms: Mapping[str, int],
) -> Workload:
    """Brings the topics to what is declared.

    Args:
        retention_ms: by topic, where it is not the declared one.
    """
    variables = {
        env.TOPIC_REPLICATION: str(replication_factor),
        env.TOPIC_MIN_INSYNC: str(min_in_sync),
        env.TOPIC_RETENTION_MS: json.dumps(dict(retention_ms), sort_keys=True),
    }
    w = base(identity, images, TOPICS, settings, args=["topics"], variables=variables)
    return with_kafka(w, kafka)
