"""A turn that one question holds at a time."""

from __future__ import annotations

import pytest

from workloads.data_api.alone import Alone
from workloads.data_api.problems import Refused


def test_a_second_question_is_refused_meanwhile_and_taken_after_the_first_though_that_failed() -> None:
    alone = Alone("/v1/curves", 0.01)
    with pytest.raises(ZeroDivisionError), alone.turn():
        with pytest.raises(Refused, match="another question") as refused, alone.turn():
            pytest.fail("two have the turn")
        assert refused.value.status == 503
        raise ZeroDivisionError
    with alone.turn():
        pass
