"""How often and how long to ask again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from carbon_client.errors import BadInput, CarbonError


@dataclass(frozen=True, slots=True)
class Patience:
    """When to ask again after a failure that may pass: no connection, 429, 502, 503, 504.

    `Retry-After` is kept to; else the waits double, each of a random length so that many clients do not come
    back at once. All that is asked changes nothing, so that asking twice does no harm.

    Args:
        attempts: of one question in all; 1 asks once.
        longest: seconds of one wait; where the API says to wait longer, the error is raised at once.
        stream_attempts: of a stream, in a row without a sign of it.
    """

    attempts: int = 5
    longest: float = 60.0
    stream_attempts: int = 20

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.stream_attempts < 1:
            raise BadInput("patience: attempts and stream_attempts are at least 1")

    def wait(self, attempt: int, error: CarbonError) -> float | None:
        """Seconds to wait after so many attempts of a question, or None to give up."""
        return self._wait(attempt, self.attempts, error, 0.5)

    def wait_stream(self, attempt: int, error: CarbonError, base: float) -> float | None:
        """The same of a stream, whose first wait the API names: `base`, seconds."""
        return self._wait(attempt, self.stream_attempts, error, base)

    def _wait(self, attempt: int, most: int, error: CarbonError, base: float) -> float | None:
        if not error.temporary or attempt >= most:
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.longest else None
        doubled = min(self.longest, base * 2 ** min(attempt - 1, 30))
        return doubled * random.uniform(0.5, 1.0)  # noqa: S311 - not for secrets
