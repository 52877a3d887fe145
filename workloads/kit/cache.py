"""A client of Redis, for the workloads that have its library."""

from __future__ import annotations

from pathlib import Path

import redis

from workloads.kit.settings import RedisSettings


class _Password(redis.CredentialProvider):
    """The file's content at each connect, so that the password may change."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get_credentials(self) -> tuple[str]:
        return (self._file.read_text().strip(),)


def client(settings: RedisSettings) -> redis.Redis | None:
    """A client that connects when it is first used; None where the settings name no server."""
    if settings.redis_url is None:
        return None
    password = settings.redis_password_file
    return redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        settings.redis_url,
        credential_provider=_Password(password) if password else None,
        socket_timeout=settings.redis_timeout_seconds,
        socket_connect_timeout=settings.redis_timeout_seconds,
    )
