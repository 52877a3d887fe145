"""schemathesis against data-api as its container runs it, over a feature store with a few rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.fixture_models import artifact, echoing
from tests.services.access import add_key, entitle
from tests.services.clients import MigratedDatabase
from tests.services.outcomes import add_predictions, add_prices
from tests.services.servers import Process, free_ports, until
from tools.embedded.process import START_SECONDS
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.entitlements import SCOPES

OPENAPI: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
GRAPHQL: Final = ("not_a_server_error", "response_schema_conformance")
"""Checks of each kind of document. What GraphQL answers as an error is one of ours unless its `code` says
that the question was wrong."""
_SECONDS: Final = 7200


@dataclass(frozen=True, slots=True)
class Served:
    """Args:
    url: of the API, without a slash at its end.
    key: of an administrator of a tenant that gets everything.
    """

    url: str
    key: str
    process: Process

    def status(self, path: str) -> int:
        """Of a GET; 0 where nobody answers."""
        asked = Request(self.url + path, headers={"Authorization": f"Bearer {self.key}"})
        try:
            with urlopen(asked, timeout=30) as answer:
                return answer.status
        except HTTPError as error:
            return error.code
        except (URLError, OSError):
            return 0


@contextmanager
def served(database: MigratedDatabase, directory: Path) -> Iterator[Served]:
    """The API, with prices, predictions and their outcomes of one symbol."""
    prices = echoing(3, 300)
    days = add_prices(database, "SYN-A", prices, start=datetime(2020, 1, 1, tzinfo=UTC))
    add_predictions(database, artifact("SYN-A"), 4, days[-9:], prices)
    products = ("hub", "api", "downloads", "quality")
    entitle(database, pilot_one={"products": products, "requests_per_minute": 10_000_000})
    (port,) = free_ports(1)
    given = {"PORT": str(port), "WORKERS": "1", "METRICS_DIR": str(directory / "metrics")}
    process = Process(
        [sys.executable, "-m", "workloads.data_api"],
        directory / "api.log",
        os.environ | database.env(DATA_API.role or "") | given,
    )
    key = add_key(database, "pilot-one", scopes=tuple(SCOPES["admin"]))
    made = Served(f"http://127.0.0.1:{port}", key, process)
    try:
        until(
            lambda: made.status("/v1/skill?symbol=SYN-A") == 200, "it answers", 4 * START_SECONDS, every=0.5
        )
        yield made
    finally:
        process.stop()


def run(
    api: Served,
    schema: Path,
    url: str,
    directory: Path,
    *,
    checks: Sequence[str],
    cases: int,
    seed: int,
    phases: str,
) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what it says, and its report.

    Args:
        cases: of each operation.
    """
    config = directory / "schemathesis.toml"
    config.write_text(
        f'headers = {{ Authorization = "Bearer {api.key}" }}\n'
        # Overload, and a database that is away or slow: the document says so.
        '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 503]\n'
    )
    report = directory / "report.json"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(schema)]
    command += ["--url", url, "--checks", ",".join(checks), "--max-examples", str(cases)]
    command += [
        "--seed",
        str(seed),
        "--phases",
        phases,
        "--report",
        "json",
        "--report-json-path",
        str(report),
    ]
    command += ["--suppress-health-check", "all", "--continue-on-failure", "--request-timeout", "60"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=directory
    )
    return (
        done.returncode,
        done.stdout + done.stderr,
        json.loads(report.read_text()) if report.exists() else {},
    )
