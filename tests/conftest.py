"""Of all tests: where a run has a limit (`TEST_MINUTES`), what is not begun by then is skipped, and told."""

from __future__ import annotations

import os
import time

import pytest

from tools.checks import UNTIL


def pytest_runtest_setup(item: pytest.Item) -> None:
    del item
    if time.time() > float(os.environ.get(UNTIL, "inf")):
        pytest.skip("not begun within the time that all tests may take (TEST_MINUTES)")
