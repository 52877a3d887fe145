"""The packages of market-connectors: what is asked for is what is pinned, beside the shared base."""

from __future__ import annotations

from tools import environments
from tools.image_build import requirements


def test_what_is_asked_for_is_pinned_with_hashes_and_the_base_is_not_pinned_again() -> None:
    pinned = environments.MARKETS.read_text(encoding="utf-8")
    asked = [
        line for line in environments.MARKETS.with_suffix(".in").read_text().splitlines() if "==" in line
    ]

    assert asked
    missing = [line for line in asked if f"\n{line} " not in f"\n{pinned}"]
    assert missing == [], "make requirements.txt anew, as requirements.in says"
    assert requirements.packages(pinned) & requirements.packages(requirements.base().decode()) == set()
    for block in pinned.replace(" \\\n    --hash", " --hash").splitlines():
        assert " --hash=sha256:" in block
