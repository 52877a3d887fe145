"""Settings, from the environment; a secret is a file that the environment names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from workloads.kit.contracts import env, ports
from workloads.kit.contracts.declared.superset import ADMIN_PASSWORD, GUEST_KEY, SECRET_KEY


class MissingSetting(Exception):
    """A variable is not set, or its file cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """A role of the database, and the file with its password."""

    role: str
    password_file: Path


@dataclass(frozen=True, kw_only=True)
class Oidc:
    """People log in at an OpenID Connect issuer, as a public client with a proof key: no secret is shared.

    Args:
        issuer: URL below which its `.well-known` document is.
        roles: what the claim `roles` of its tokens may say → roles here.
        inside: where it answers within the cluster, if that is another address than the one that people use.
        second_factors: what `amr` says of one; who is to be Admin has one of them. None: it is not asked.
    """

    issuer: str
    client_id: str
    roles: Mapping[str, list[str]] = field(default_factory=dict[str, list[str]])
    inside: str | None = None
    second_factors: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Args:
    own: owner of what Superset keeps of itself.
    reader: what charts' queries log in as.
    secrets_dir: a file a secret of `contracts.declared.superset`.
    tenants: names of those that get a dashboard of their own.
    embedders: origins whose pages may show dashboards to guests, such as https://hub.example.org.
    secure: whether people come over HTTPS, so that cookies may go nowhere else.
    """

    host: str
    port: int
    ca_file: Path | None
    own: Login
    reader: Login
    secrets_dir: Path
    listen: int
    workers: int
    home: Path
    log_level: str
    oidc: Oidc | None = None
    tenants: tuple[str, ...] = ()
    embedders: tuple[str, ...] = ()
    secure: bool = False

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Those of the environment.

        Raises:
            MissingSetting: what has no default is missing.
        """
        have = os.environ if variables is None else variables

        def must(name: str) -> str:
            if not (value := have.get(name)):
                raise MissingSetting(f"{name} is not set")
            return value

        authority, oidc = have.get(env.POSTGRES_CA_FILE), have.get(env.OIDC)
        return cls(
            host=must(env.POSTGRES_HOST),
            port=int(have.get(env.POSTGRES_PORT, ports.POSTGRES)),
            ca_file=Path(authority) if authority else None,
            own=Login(role=must(env.POSTGRES_USER), password_file=Path(must(env.POSTGRES_PASSWORD_FILE))),
            reader=Login(role=must(env.READER_USER), password_file=Path(must(env.READER_PASSWORD_FILE))),
            secrets_dir=Path(have.get(env.SUPERSET_SECRETS_DIR, env.SECRETS_DIR)),
            listen=int(have.get(env.SUPERSET_PORT, ports.SUPERSET)),
            workers=int(have.get(env.WORKERS, "1")),
            home=Path(have.get("SUPERSET_HOME", "/tmp/superset")),  # noqa: S108 the pod's own, empty
            log_level=have.get(env.LOG_LEVEL, "INFO").upper(),
            oidc=Oidc(**json.loads(oidc)) if oidc else None,
            tenants=tuple(json.loads(have.get(env.TENANTS, "[]"))),
            embedders=tuple(json.loads(have.get(env.EMBEDDERS, "[]"))),
            secure=have.get(env.SECURE_COOKIES, "") == "true",
        )

    def secret(self, name: str) -> str:
        """Content of a secret's file.

        Raises:
            MissingSetting: it cannot be read.
        """
        file = self.secrets_dir / name
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise MissingSetting(f"{file}: {error.strerror}") from error

    @property
    def secret_key(self) -> str:
        """What signs sessions and encrypts what the records hold in secret."""
        return self.secret(SECRET_KEY)

    @property
    def guest_key(self) -> str:
        """What signs guests' tokens."""
        return self.secret(GUEST_KEY)

    @property
    def admin_password(self) -> str:
        """Of the person `admin`, where people log in by password."""
        return self.secret(ADMIN_PASSWORD)
