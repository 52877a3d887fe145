from __future__ import annotations

import json
import subprocess
import sys

_PROGRAM = """
import logging, structlog
from workloads.kit import log
log.configure("price-pipeline")
structlog.get_logger("a").info("published", symbol="WTI", count=3)
logging.getLogger("librdkafka").warning("broker %s down", 1)
structlog.get_logger("a").debug("hidden")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("a").exception("failed")
"""


def test_every_line_is_json_with_the_workload_and_a_time() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["published", "broker 1 down", "failed"]
    assert {line["workload"] for line in lines} == {"price-pipeline"}
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert (lines[0]["symbol"], lines[0]["count"], lines[0]["level"]) == ("WTI", 3, "info")
    assert "ZeroDivisionError" in lines[2]["exception"]
