"""The schema as text: `python -m workloads.data_api.graphql_api.document` writes it to `schema.v1.graphql`.

A change that a client of before would not survive is refused (exit 1): as of the OpenAPI document.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, cast

from graphql import build_schema, print_schema
from graphql.utilities import (
    DangerousChangeType,
    find_breaking_changes,
    find_dangerous_changes,
)

from workloads.data_api.app import create_app
from workloads.data_api.graphql_api.route import SCHEMA
from workloads.data_api.settings import DataApiSettings
from workloads.data_api.store import Store

FILE: Final = Path(__file__).parents[1] / "schema.v1.graphql"


def current() -> str:
    """The schema as the code has it now."""
    unused = DataApiSettings(postgres_host="unused", postgres_user="unused")
    return print_schema(create_app(unused, cast("Store", None)).extensions[SCHEMA]) + "\n"


def incompatible(old: str, new: str) -> list[str]:
    """Why a client made for `old` might fail on `new`, or be answered otherwise; empty if neither."""
    was, now = build_schema(old), build_schema(new)
    broken = [one.description for one in find_breaking_changes(was, now)]
    return broken + [
        one.description
        for one in find_dangerous_changes(was, now)
        if one.type is DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE
    ]


def main() -> int:
    text = current()
    reasons = incompatible(FILE.read_text(), text) if FILE.exists() else []
    for reason in reasons:
        print(f"{FILE.name}: {reason}: give it a new name, beside the old one", file=sys.stderr)
    if not reasons:
        FILE.write_text(text)
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
