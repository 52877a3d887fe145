"""The local stack, registered once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack import Recorder, Registration, registered


@pytest.fixture(scope="session")
def recorded() -> Recorder:
    return registered()


@pytest.fixture(scope="session")
def registrations(recorded: Recorder) -> dict[str, Registration]:
    return recorded.seen


@pytest.fixture(scope="session")
def objects(registrations: dict[str, Registration]) -> list[dict[str, Any]]:
    """Every Kubernetes object of the stack."""
    found = [r.inputs for r in registrations.values() if r.type.startswith("kubernetes:")]
    assert len(found) > 100
    return found
