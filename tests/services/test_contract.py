"""What data-api says of itself holds whatever it is asked: no fault of its own, answers as documented.

More cases: CONTRACT_CASES=10000 CONTRACT_SEED=2 pytest tests/services/test_contract.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import build_schema

from tests.services import contract
from tests.services.clients import MigratedDatabase
from workloads.data_api import document
from workloads.data_api.graphql_api import document as graphql_document
from workloads.data_api.graphql_api.route import PATH

CASES: Final = int(os.environ.get("CONTRACT_CASES", "300"))
"""Of all operations together, at least."""
SEED: Final = int(os.environ.get("CONTRACT_SEED", "1"))


@pytest.mark.timeout(7200)
@pytest.mark.thorough
def test_it_does_as_its_document_says(database: MigratedDatabase, tmp_path: Path) -> None:
    operations: dict[str, Any] = json.loads(document.FILE.read_text())["paths"]
    each = CASES // len(operations) + 1
    asked(database, tmp_path, document.FILE, "", contract.OPENAPI, each)


@pytest.mark.timeout(7200)
@pytest.mark.thorough
def test_graphql_does_as_its_schema_says(database: MigratedDatabase, tmp_path: Path) -> None:
    query = build_schema(graphql_document.FILE.read_text()).query_type
    assert query is not None
    asked(database, tmp_path, graphql_document.FILE, PATH, contract.GRAPHQL, CASES // len(query.fields) + 1)


def asked(
    database: MigratedDatabase, directory: Path, schema: Path, path: str, checks: Sequence[str], each: int
) -> None:
    """Ask `each` cases of every operation of a schema at a path of the API."""
    with contract.served(database, directory) as api:
        code, told, report = contract.run(
            api, schema, api.url + path, directory, checks=checks, cases=each, seed=SEED, phases="fuzzing"
        )
        assert api.process.running(), api.process.tail()
    assert code == 0, told
    assert report["complete"], told
