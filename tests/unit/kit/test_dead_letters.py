"""A dead letter always fits, and says what it was made of."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit.dead_letters import MAX_BYTES, DeadLetter, digest, letter, schema_version

BROKER_LIMIT = 1_000_000
"""librdkafka's message.max.bytes, which is below the brokers' own."""


def size(output: object) -> int:
    headers = sum(len(name) + len(value) for name, value in output.headers)  # type: ignore[attr-defined]
    return len(output.value or b"") + len(output.key or b"") + headers  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [None, b"", b"x" * 10, b"x" * 1_500_000])
@pytest.mark.parametrize("reason", ["short", "long " * 500_000, "\udc80 no UTF-8"])
def test_it_fits_whatever_is_refused_for_whatever_reason(value: bytes | None, reason: str) -> None:
    made = DeadLetter(0, 7, b"k" * 100_000, value, 0, "E", reason, 1).output("prices", "group")
    assert size(made) < BROKER_LIMIT - 10_000
    headers = dict(made.headers)
    assert headers["offset"] == b"7"
    assert headers["reason"].startswith(reason[:5].encode(errors="backslashreplace"))
    if value and len(value) > MAX_BYTES:
        assert headers["original_bytes"] == b"1500000"
        assert headers["original_sha256"].decode() == hashlib.sha256(value).hexdigest()
    else:
        assert made.value == value
        assert "original_bytes" not in headers


@pytest.mark.parametrize("count", [10, 1_500_000])
def test_whole_or_cut_it_has_the_digest_of_what_was_refused(count: int) -> None:
    value = b"ab" * (count // 2)
    made = letter("prices", "k", value, {})
    assert digest(made.value or b"", made.headers) == hashlib.sha256(value).digest()


@given(st.binary())
def test_refused_bytes_are_asked_for_their_version_without_an_error(raw: bytes) -> None:
    assert isinstance(schema_version(raw), str)


@pytest.mark.parametrize(
    ("raw", "version"),
    [
        (b'{"schema_version":7,"x":1}', "7"),
        (b'{"x":' + b"[" * 5000, ""),
        (b'{"schema_version":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
        (b'{"schema_version":' + b"9" * 5000 + b"}", ""),
        (None, ""),
    ],
)
def test_a_nest_or_a_number_without_end_has_no_version(raw: bytes | None, version: str) -> None:
    assert schema_version(raw) == version
