"""Write prices down as they come, and go on where it ended: nothing is lost while it is away.

    python follow.py prices.csv --symbols DE-LU,FR

The place is kept beside the file, after the row is written: killed between the two, it writes that row twice.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
from contextlib import aclosing
from pathlib import Path

from carbon_client import AsyncClient
from carbon_client.models import Price


async def follow(target: Path, symbols: str | None, count: int | None) -> int:
    """Append prices to a file until there are so many; None is for ever."""
    place = target.with_suffix(".place")
    last = place.read_text(encoding="utf-8") if place.exists() else None
    written = 0
    async with AsyncClient() as client:
        stream = client.stream(symbols=symbols, events="prices", last_event_id=last)
        async with aclosing(stream) as events:
            with target.open("a", newline="", encoding="utf-8") as file:
                rows = csv.writer(file)
                async for event in events:
                    if isinstance(event.data, Price):
                        price = event.data
                        rows.writerow([price.delivery_start.isoformat(), price.symbol, price.price])
                        file.flush()
                        written += 1
                    _keep(place, event.id)
                    if written == count:
                        break
    return written


def _keep(place: Path, identity: str) -> None:
    """Beside it first: killed while it writes, the program finds the place before, not half of one."""
    beside = place.with_suffix(".place.new")
    beside.write_text(identity, encoding="utf-8")
    beside.replace(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--symbols")
    parser.add_argument("--count", type=int, help="end after so many prices")
    given = parser.parse_args()
    print(f"{asyncio.run(follow(given.target, given.symbols, given.count))} prices written")


if __name__ == "__main__":
    main()
