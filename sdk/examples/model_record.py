"""Is the model worth it? Its errors beside those of the last price, counted here and as the API counts them.

python model_record.py WTI
"""

from __future__ import annotations

import argparse
from statistics import fmean

from carbon_client import Client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("symbol")
    given = parser.parse_args()
    with Client() as client:
        outcomes = [row.outcome for row in client.predictions(given.symbol) if row.outcome is not None]
        records = client.skill(given.symbol).all()
    if not outcomes:
        print(f"{given.symbol}: no prediction has an outcome yet")
        return
    error, naive = fmean(one.error for one in outcomes), fmean(one.naive_error for one in outcomes)
    covered = fmean(one.covered for one in outcomes)
    print(f"{given.symbol}: {len(outcomes)} outcomes, error {error:.4f}, of the last price {naive:.4f}")
    print(f"  {covered:.0%} of the intervals held the price that followed")
    for one in records:
        skill = "none" if one.skill is None else f"{one.skill:+.1%}"
        model = f"{one.model_name} v{one.model_version} ({one.model_alias})"
        print(f"  {model}: skill {skill}, {one.outcomes} outcomes")


if __name__ == "__main__":
    main()
