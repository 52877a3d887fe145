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
from workloads.data_api.graphql_api import document as graphql
from workloads.data_api.graphql_api.route import PATH

CASES: Final = int(os.environ.get("CONTRACT_CASES", "300"))
"""Of both documents together, at least."""
SEED: Final = int(os.environ.get("CONTRACT_SEED", "1"))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", ["openapi", "graphql"])
def test_it_does_as_its_document_says(database: MigratedDatabase, tmp_path: Path, kind: str) -> None:
    operations: dict[str, Any] = json.loads(document.FILE.read_text())["paths"]
    count = len(operations) + 8 * (kind == "graphql")
    with contract.served(database, tmp_path) as api:
        schema, url = {
            "openapi": (document.FILE, api.url),
            "graphql": (graphql.FILE, api.url + PATH),
        }[kind]
        code, told, report = contract.run(
            api, schema, url, tmp_path, cases=CASES // count + 1, seed=SEED, phases="fuzzing"
        )
        print(told)
        print(json.dumps(report)[:3000])
        assert api.process.running(), api.process.tail()
    assert code == 0, told
