"""A client of the platform's Redis, for workloads whose group installs `redis`."""

from __future__ import annotations

from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from workloads.kit.settings import RedisSettings


def connected(url: str, password_file: Path | None, timeout_seconds: float) -> redis.Redis:
    """A client that connects when it is first used and gives up after `timeout_seconds`.

    A connection that the server closed meanwhile is made anew once; the library's own three tries, with
    seconds between them, would hold up whoever asks.
    """
    return redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        url,
        credential_provider=_Password(password_file) if password_file else None,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 1),
    )


def of(settings: RedisSettings) -> redis.Redis | None:
    """A client as the settings have it; None where they name no server."""
    if settings.redis_url is None:
        return None
    return connected(settings.redis_url, settings.redis_password_file, settings.redis_timeout_seconds)


class _Password(redis.CredentialProvider):
    """The file's content at each connect, so that the password may change."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get_credentials(self) -> tuple[str]:
        return (self._file.read_text().strip(),)
