"""Of all tests: where a run has a limit (`TEST_MINUTES`), what is not begun by then is skipped, and told."""

from __future__ import annotations

import pytest

from tools import budget


def pytest_runtest_setup(item: pytest.Item) -> None:
    del item
    if budget.is_over():
        pytest.skip(f"not begun within the time that all tests may take ({budget.MINUTES})")
