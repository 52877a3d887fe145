"""Sessions survive the way into bytes and out again."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit import packed
from workloads.kit.revisions import REVISION, Revisions

ORIGINS = [("s", "crude", "market"), ("t", "crude", "synthetic"), ("u", "power", "market")]
TIMES = st.integers(-(2**55), 2**55)


@given(
    st.lists(
        st.tuples(TIMES, TIMES, st.integers(0, 2**62), st.floats(allow_nan=False), st.integers(0, 2), TIMES),
        max_size=30,
    )
)
def test_any_sessions_come_out_as_they_went_in(rows: list[tuple[float, ...]]) -> None:
    sessions: Revisions = np.array(rows, REVISION)
    read, origins = packed.unpack(packed.pack(sessions, ORIGINS))
    for name in ("event", "available", "offset", "price", "known"):
        assert read[name].tolist() == sessions[name].tolist()
    assert [tuple(origins[at]) for at in read["origin"].tolist()] == [
        ORIGINS[at] for at in sessions["origin"].tolist()
    ]


def test_an_even_series_takes_little_more_than_its_prices() -> None:
    sessions: Revisions = np.zeros(1_000, REVISION)
    sessions["event"] = np.arange(1_000) * 3_600_000_000
    sessions["available"] = sessions["known"] = sessions["event"] - 86_400_000_000
    sessions["offset"] = np.cumsum(np.random.default_rng(1).integers(1, 3_000, 1_000))
    sessions["price"] = np.random.default_rng(1).normal(50, 20, 1_000)
    assert len(packed.pack(sessions, ORIGINS)) < 1_000 * (8 + 2) + 300


def test_what_pack_did_not_make_is_refused() -> None:
    made = packed.pack(np.zeros(3, REVISION), ORIGINS)
    for broken in (b"", made[:-5], made.replace(b"crude", b"\xff\xffude")):
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
            packed.unpack(broken)
