"""What data-api says of itself holds whatever it is asked: no fault of its own, answers as documented.

More cases: CONTRACT_CASES=10000 CONTRACT_SEED=2 pytest tests/services/test_contract.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from tests.services import contract
from tests.services.clients import MigratedDatabase
from workloads.data_api import document

CASES: Final = int(os.environ.get("CONTRACT_CASES", "300"))
"""Of all operations together, at least."""
SEED: Final = int(os.environ.get("CONTRACT_SEED", "1"))


@pytest.mark.timeout(7200)
def test_it_does_as_its_document_says(database: MigratedDatabase, tmp_path: Path) -> None:
    operations: dict[str, Any] = json.loads(document.FILE.read_text())["paths"]
    each = CASES // len(operations) + 1
    with contract.served(database, tmp_path) as api:
        code, told, report = contract.run(
            api, document.FILE, api.url, tmp_path, cases=each, seed=SEED, phases="fuzzing"
        )
        assert api.process.running(), api.process.tail()
    assert code == 0, told
    assert report["complete"], told
