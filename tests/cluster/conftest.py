"""Live tests work on the instance that `make up` brought up (`$INSTANCE`), and bring nothing up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import kube
from tools.errors import ToolError
from workloads.kit.contracts.namespaces import PLATFORM

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is live; faults come last, since they leave thousands of load messages behind."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
    items.sort(key=lambda item: item.path.name == "test_faults.py")


@pytest.fixture(scope="session")
def platform() -> str:
    """The namespace of a platform that is up."""
    try:
        deployments = kube.get("deployments", "-n", PLATFORM)["items"]
    except ToolError as error:
        pytest.fail(f"no platform to test: run `make up` first ({error.message})")
    assert deployments, "no platform to test: run `make up` first"
    return PLATFORM
