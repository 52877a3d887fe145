"""Waits are noted instead of waited for."""

from __future__ import annotations

import carbon_client.async_client
import carbon_client.client
import pytest


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the clients would have waited, in turn."""
    found: list[float] = []

    async def note(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(carbon_client.client, "sleep", found.append)
    monkeypatch.setattr(carbon_client.async_client, "sleep", note)
    return found
