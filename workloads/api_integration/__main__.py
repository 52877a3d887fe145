"""`python -m workloads.api_integration`: gunicorn in this process's place; with `withdraw TAG`, what an
operator does by hand. Exits 2 on a bad setting or argument, 1 where it could not be done."""

from __future__ import annotations

import argparse
import sys

from workloads.api_integration import withdrawal
from workloads.api_integration.settings import ApiIntegrationSettings
from workloads.kit.settings import load
from workloads.kit.web.start import start


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workloads.api_integration", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    withdraw = commands.add_parser("withdraw", help="let no answer with a tag be given any more")
    withdraw.add_argument(
        "tag", help="all, a provider, provider/route, or parameter:value such as country:DE"
    )
    withdraw.add_argument("--by", required=True, help="who does it")
    withdraw.add_argument("--reason", required=True, help="why")
    given = parser.parse_args()
    settings = load(ApiIntegrationSettings)
    if given.command == "withdraw":
        sys.exit(withdrawal.run(settings, given.tag, by=given.by, reason=given.reason))
    start("workloads.api_integration", settings.metrics_dir)


if __name__ == "__main__":
    main()
