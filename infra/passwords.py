"""The platform's secrets, wherever a stack keeps them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from infra import names as paths
from infra.manifests import postgres
from infra.manifests.resources.external_secrets import Remote, SecretValue
from infra.names import Names
from infra.settings.secrets import ExternalSecretsSettings, GeneratedSecrets, Secrets
from workloads.kit.contracts.platform import egress_clients, roles, secrets


@dataclass(frozen=True, kw_only=True)
class Passwords:
    """Contents, or where they stand.

    Args:
        superuser: PostgreSQL's.
        redis: of its one user.
        roles: by database role.
        sources: files of price-pipeline's sources: name → content.
        egress: by workload, at the egress proxy.
        own: made up for a workload: `<section>-<name>`.
    """

    superuser: SecretValue = field(repr=False)
    redis: SecretValue = field(repr=False)
    roles: Mapping[str, SecretValue] = field(repr=False)
    sources: Mapping[str, SecretValue] = field(repr=False)
    egress: Mapping[str, SecretValue] = field(repr=False)
    own: Mapping[str, SecretValue] = field(repr=False)


def passwords(
    settings: Secrets, names: Names | None, *, running: Collection[str], more_roles: Sequence[str] = ()
) -> Passwords:
    """The secrets of a stack.

    Args:
        names: of what AWS holds; None on a cluster elsewhere.
        running: names of what the stack runs: of what it does not, there are none.
        more_roles: database roles besides those.

    Raises:
        pulumi.RunError: they are to come from AWS, and the stack has nothing there.
    """
    wanted = (*roles(running), *more_roles)
    match settings:
        case GeneratedSecrets():
            return Passwords(
                superuser=settings.postgres_password.get_secret_value(),
                redis=settings.redis_password.get_secret_value(),
                roles={role: settings.roles[role].get_secret_value() for role in wanted},
                sources={name: secret.get_secret_value() for name, secret in settings.sources.items()},
                egress={name: secret.get_secret_value() for name, secret in settings.egress.items()},
                own={name: secret.get_secret_value() for name, secret in settings.own.items()},
            )
        case ExternalSecretsSettings():
            if names is None:
                raise pulumi.RunError(
                    "carbon:secrets.kind is external, and the stack has no carbon:aws. "
                    "Remedy: add that section, or choose kind generated."
                )
            at = _At(names, settings.refresh_interval)
            return Passwords(
                superuser=at(paths.database_secret(postgres.SUPERUSER), paths.PASSWORD),
                redis=at(paths.REDIS, paths.PASSWORD),
                roles={role: at(paths.database_secret(role), paths.PASSWORD) for role in wanted},
                sources={name: at(paths.source_secret(name), paths.VALUE) for name in settings.sources},
                egress={
                    name: at(paths.egress_secret(name), paths.PASSWORD) for name in egress_clients(running)
                },
                own={name: at(paths.own_secret(name), paths.PASSWORD) for name in secrets(running)},
            )


@dataclass(frozen=True, slots=True)
class _At:
    names: Names
    refresh: str

    def __call__(self, purpose: str, field_name: str) -> Remote:
        return Remote(self.names.secret(purpose), field_name, self.refresh)
