"""How much a tenant and a credential may ask for: requests a minute, rows a month; Redis counts for all pods.

The database's record of usage is what counts; Redis is its quick sum, made anew from it where it was lost.
While Redis is away each worker counts for itself, by the same limits, so that a tenant gets at most as many
times its requests as there are workers; its rows are then those of the record, some seconds old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, cast

import redis
import structlog

from workloads.data_api.identity import Principal
from workloads.data_api.problems import Refused
from workloads.kit.contracts.declared.data_api import DATA_API

_log: Any = structlog.get_logger(__name__)

_PREFIX: Final = DATA_API.name
_REST_SECONDS: Final = 5.0
"""How long a cache that failed is left alone: one request waits for it, not each one."""
_RECORD_SECONDS: Final = 10.0
"""How old a sum of the record may be while Redis is away."""
_MINUTE: Final = 60
_MONTH_SECONDS: Final = 40 * 86_400

# Only where the sum is there: without the record's part it would begin anew.
_ADD: Final = "if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('INCRBY', KEYS[1], ARGV[1]) end"


class Limits:
    """Args:
    used: rows that a tenant has got in the month that begins at an instant, by the record.
    """

    def __init__(self, client: redis.Redis | None, used: Callable[[str, datetime], int]) -> None:
        self._client, self._used = client, used
        self._rests_until = 0.0
        self._own = _Own(used)

    def take(self, principal: Principal) -> None:
        """Count a request. Refused with 429, and when to come back, where a limit is reached."""
        now = datetime.now(UTC)
        counted, rows = self._shared(principal, now) or self._own.counts(principal, now)
        for limit, count, whose in (
            (principal.entitlement.requests_per_minute, counted[0], f"tenant {principal.tenant}"),
            (principal.requests_per_minute, counted[-1], f"key {principal.key}"),
        ):
            if limit is not None and count > limit:
                wait = _MINUTE - int(now.timestamp()) % _MINUTE
                raise _reached(
                    f"{whose} has used its {limit} requests of this minute", "requests", limit, wait
                )
        most = principal.entitlement.rows_per_month
        if most is not None and rows >= most:
            wait = int((_next_month(now) - now).total_seconds()) + 1
            raise _reached(
                f"tenant {principal.tenant} has got its {most} rows of this month", "rows", most, wait
            )

    def add(self, principal: Principal, rows: int) -> None:
        """Count rows that were given out."""
        if rows == 0 or principal.entitlement.rows_per_month is None:
            return
        self._own.add(principal.tenant, rows)
        key = _rows_key(principal.tenant, datetime.now(UTC))
        self._asked(lambda client: client.eval(_ADD, 1, key, str(rows)))

    def _shared(self, principal: Principal, now: datetime) -> tuple[list[int], int] | None:
        """Requests of this minute, the tenant's and the credential's, and rows of this month; None: away."""
        minute = int(now.timestamp()) // _MINUTE
        keys = [f"{_PREFIX}:requests:{principal.tenant}:{minute}"]
        if principal.requests_per_minute is not None:
            keys.append(f"{_PREFIX}:requests:{principal.tenant}:{principal.key}:{minute}")
        monthly = _rows_key(principal.tenant, now)

        def ask(client: redis.Redis) -> list[Any]:
            with client.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.incr(key)
                    pipe.expire(key, 2 * _MINUTE)
                pipe.get(monthly)
                return cast("list[Any]", pipe.execute())

        found = self._asked(ask)
        if found is None:
            return None
        counted, rows = [int(one) for one in found[: 2 * len(keys) : 2]], found[-1]
        if principal.entitlement.rows_per_month is None:
            return counted, 0
        if rows is None:
            rows = self._used(principal.tenant, _month(now))
            self._asked(lambda client: client.set(monthly, rows, nx=True, ex=_MONTH_SECONDS))
        return counted, int(rows)

    def _asked(self, question: Callable[[redis.Redis], Any]) -> Any:
        if self._client is None or time.monotonic() < self._rests_until:
            return None
        try:
            return question(self._client)
        except redis.RedisError as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            _log.warning("limits.away", error=str(error))
            return None


class _Own:
    """What this worker counts itself."""

    def __init__(self, used: Callable[[str, datetime], int]) -> None:
        self._used = used
        self._lock = threading.Lock()
        self._minute = 0
        self._requests: dict[str, int] = {}
        self._rows: dict[str, tuple[float, int]] = {}

    def counts(self, principal: Principal, now: datetime) -> tuple[list[int], int]:
        minute = int(now.timestamp()) // _MINUTE
        with self._lock:
            if minute != self._minute:
                self._minute, self._requests = minute, {}
            names = [principal.tenant, f"{principal.tenant}/{principal.key}"]
            for name in names:
                self._requests[name] = self._requests.get(name, 0) + 1
            counted = [self._requests[name] for name in names]
            read_at, rows = self._rows.get(principal.tenant, (float("-inf"), 0))
        if principal.entitlement.rows_per_month is not None and time.monotonic() - read_at > _RECORD_SECONDS:
            rows = self._used(principal.tenant, _month(now))
            with self._lock:
                self._rows[principal.tenant] = (time.monotonic(), rows)
        return counted, rows

    def add(self, tenant: str, rows: int) -> None:
        with self._lock:
            if (held := self._rows.get(tenant)) is not None:
                self._rows[tenant] = (held[0], held[1] + rows)


def _reached(detail: str, what: str, limit: int, wait: int) -> Refused:
    return Refused(
        429,
        detail,
        field=f"{what}_per_{'minute' if what == 'requests' else 'month'}",
        value=str(limit),
        remedy=f"ask again in {wait} seconds, or ask those who run the platform for more",
        reason="limit",
        headers={"Retry-After": str(wait)},
    )


def _month(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next_month(now: datetime) -> datetime:
    first = _month(now)
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def _rows_key(tenant: str, now: datetime) -> str:
    return f"{_PREFIX}:rows:{tenant}:{now:%Y-%m}"
