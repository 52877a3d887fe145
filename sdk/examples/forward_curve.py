"""What if a plant is away in a week of winter? A curve, a scenario of it, and what a position gains.

python forward_curve.py --megawatts 1400
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from statistics import fmean

from carbon_client import Client
from carbon_client.models import CurvesBody, Outage, Position, Product, Quote, Scenario

QUOTES = [
    Quote(period="2027-01", price=82.0),
    Quote(period="2027-02", bid=77.5, ask=78.5),
    Quote(period="2027-Q1", price=74.0),
    Quote(period="2027-Q1", profile="peak", price=89.0),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megawatts", type=float, default=1400.0)
    given = parser.parse_args()
    outage = Outage(megawatts=given.megawatts, per_gigawatt=2.5, of=Product(period="2027-W05"))
    body = CurvesBody(
        quotes=QUOTES,
        resolution="P1D",
        scenarios=[Scenario(name="outage", steps=[outage])],
        positions=[Position(period="2027-02", megawatts=10.0, price=76.0)],
    )
    with Client() as client:
        made = client.curves(body)
    curves: dict[str, list[float]] = defaultdict(list)
    for row in made.items:
        curves[row.curve].append(row.price)
    for name, prices in curves.items():
        print(f"{name}: {len(prices)} days, {min(prices):.2f} to {max(prices):.2f}, mean {fmean(prices):.2f}")
    for quote in made.quotes:
        print(f"  {quote.period} {quote.profile}: the curve has {quote.mean:.3f}, {quote.off:.3f} off")
    for one in made.positions:
        print(f"  {one.megawatts:g} MW of {one.period} by {one.curve}: {one.profit:,.0f}")


if __name__ == "__main__":
    main()
