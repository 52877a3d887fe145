"""A turn that one question holds at a time."""

from __future__ import annotations

import pytest

from workloads.data_api.alone import Alone
from workloads.data_api.problems import Refused


def fail(alone: Alone) -> None:
    with alone.turn():
        raise ZeroDivisionError


def test_a_second_question_is_refused_while_the_first_is_answered() -> None:
    alone = Alone("/v1/curves", 0.01)
    with alone.turn(), pytest.raises(Refused, match="another question") as refused:
        fail(alone)
    assert refused.value.status == 503


def test_the_next_has_its_turn_though_the_first_failed() -> None:
    alone = Alone("/v1/curves", 0.01)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail(alone)
