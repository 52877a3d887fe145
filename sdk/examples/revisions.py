"""What was known when? Each revision of a symbol's prices, and how far it moved the one before it.

python revisions.py DE-LU --as-of 2024-03-05T00:00:00Z
"""

from __future__ import annotations

import argparse
from itertools import pairwise

from carbon_client import Client
from carbon_client.models import Price


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("symbol")
    parser.add_argument("--as-of", help="of what was known then; else now")
    given = parser.parse_args()
    known: dict[tuple[str, str, str], list[Price]] = {}
    with Client() as client:
        for row in client.prices(given.symbol, as_of=given.as_of, revisions="all"):
            period = (row.source, row.resolution, row.delivery_start.isoformat())
            known.setdefault(period, []).append(row)
    revised = {period: rows for period, rows in known.items() if len(rows) > 1}
    print(f"{given.symbol}: {len(known)} periods, {len(revised)} of them revised")
    for (source, _, start), rows in revised.items():
        for before, after in pairwise(rows):
            moved = after.price - before.price
            print(f"{start} {source}: {before.price} -> {after.price} ({moved:+.2f}) at {after.published_at}")


if __name__ == "__main__":
    main()
