"""How a batch is narrowed down to what cannot be processed, and when it may not be set aside."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.kit.batch import Batch
from workloads.kit.dead_letters import MAX_BYTES, Guard, HandlerFailed, TooManyDeadLetters
from workloads.kit.records import Output, Poison, Record, Transient
from workloads.kit.settings import KafkaConsumerSettings


class Summing:
    """State: the sum of every record so far, which each output carries. Some records make it fail, in one of
    the ways in which a handler can."""

    def __init__(
        self, bad: Collection[int] = (), how: Callable[[Record[int]], Exception] | None = None
    ) -> None:
        self.bad = set(bad)
        self.how = how or (lambda record: OverflowError(f"{record.value} is too much"))
        self.calls = 0
        self.away_at: int | None = None
        self._log: dict[int, int] = {}

    def _apply(self, records: Sequence[Record[int]]) -> list[int]:
        self._log = {at: value for at, value in self._log.items() if at < records[0].offset}
        sums: list[int] = []
        for record in records:
            self._log[record.offset] = record.value
            sums.append(sum(self._log.values()))
        return sums

    def restore(self, records: Sequence[Record[int]]) -> None:
        self._apply(records)

    def forget(self, partitions: Collection[int]) -> None:
        self._log.clear()

    def committed(self, partitions: Collection[int]) -> None:
        pass

    def process(self, batch: Sequence[Record[int]]) -> list[Output]:
        self.calls += 1
        sums = self._apply(batch)
        if self.calls == self.away_at:
            raise Transient("away")
        for record in batch:
            if record.offset in self.bad:
                raise self.how(record)
        return [Output("sums", str(r.offset), b"%d" % total) for r, total in zip(batch, sums, strict=True)]


def record(offset: int, partition: int = 0) -> Record[int]:
    return Record("numbers", partition, offset, None, offset, b"%d" % offset, 0)


def guard(ratio: float = 1.0, failures_max: int = 3) -> Guard:
    return Guard(
        KafkaConsumerSettings(
            kafka_bootstrap="nowhere:1",
            kafka_group="g",
            dead_letter_window=1000,
            dead_letter_max_ratio=ratio,
            handler_failures_max=failures_max,
        )
    )


def batch_of(handler: Summing, count: int, limits: Guard) -> Batch[int]:
    batch: Batch[int] = Batch(handler, limits, lambda: None)
    for offset in range(count):
        batch.add(record(offset))
    return batch


def sums(outputs: Sequence[Output]) -> dict[int, int]:
    return {int(str(output.key)): int(output.value or b"0") for output in outputs}


HOW: dict[str, Callable[[Record[int]], Exception]] = {
    "unexpected": lambda record: OverflowError("too much"),
    "recursion": lambda record: RecursionError(),
    "memory": lambda record: MemoryError(),
    "named": lambda record: Poison(record, "no"),
    "unnamed": lambda record: Poison(None, "one of them"),
}


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(2, 60),
    bad=st.sets(st.integers(0, 59), max_size=8),
    how=st.sampled_from(sorted(HOW)),
    away_at=st.none() | st.integers(1, 30),
)
def test_what_fails_is_set_aside_and_the_rest_is_as_if_nothing_had_failed(
    count: int, bad: set[int], how: str, away_at: int | None
) -> None:
    bad = {offset for offset in bad if offset < count}
    handler = Summing(bad, HOW[how])
    handler.away_at = away_at
    batch = batch_of(handler, count, guard(failures_max=100))
    try:
        outputs = batch.process()
    except Transient:
        outputs = batch.process()
    assert {letter.offset for letter in batch.dead} == bad
    # What was set aside stays in the state, as it is after a restart.
    assert sums(outputs) == {n: sum(range(n + 1)) for n in range(count) if n not in bad}
    # An aborted transaction: the same batch again, now known, gives the same and takes no search.
    before, handler.away_at = handler.calls, None
    assert sums(batch.process()) == sums(outputs)
    assert handler.calls - before <= len(bad) + 1


@pytest.mark.parametrize("bad", [[700], [0, 999], [13, 14, 500]])
def test_a_bad_record_among_many_is_found_in_few_calls(bad: list[int]) -> None:
    handler = Summing(bad)
    batch = batch_of(handler, 1000, guard())
    batch.process()
    assert [letter.offset for letter in batch.dead] == bad
    assert handler.calls <= 2 * len(bad) * math.ceil(math.log2(1000)) + 1


def test_a_batch_that_is_refused_whole_is_given_up_after_few_calls() -> None:
    handler = Summing(range(1000), HOW["unnamed"])
    with pytest.raises(TooManyDeadLetters, match=r"101 of the last 1000 .* 100 are allowed"):
        batch_of(handler, 1000, guard(ratio=0.1)).process()
    assert handler.calls < 250


@pytest.mark.parametrize("count", [4, 1000])
def test_a_handler_that_fails_at_everything_is_to_blame_itself(count: int) -> None:
    handler = Summing(range(count))
    with pytest.raises(HandlerFailed) as raised:
        batch_of(handler, count, guard(ratio=0.1)).process()
    assert isinstance(raised.value.__cause__, OverflowError)
    assert handler.calls < 250


def test_bad_records_one_after_the_other_are_set_aside_until_they_are_too_many_in_a_row() -> None:
    handler = Summing(range(100))
    limits = guard()
    batch: Batch[int] = Batch(handler, limits, lambda: None)

    def one(offset: int) -> int:
        batch.clear()
        batch.add(record(offset))
        batch.process()
        limits.account(len(batch), batch.dead)
        return len(batch.dead)

    assert [one(offset) for offset in range(3)] == [1, 1, 1]
    handler.bad.remove(3)
    assert one(3) == 0
    assert [one(offset) for offset in range(4, 7)] == [1, 1, 1]
    with pytest.raises(HandlerFailed):
        one(7)


def test_a_record_that_makes_a_message_too_large_for_any_broker_is_set_aside() -> None:
    class Growing(Summing):
        def process(self, batch: Sequence[Record[int]]) -> list[Output]:
            made = super().process(batch)
            for output in made:
                if output.key == "5":
                    output.value = b"x" * (MAX_BYTES + 1)
            return made

    batch = batch_of(Growing(), 20, guard())
    assert set(sums(batch.process())) == set(range(20)) - {5}
    assert [(letter.offset, letter.error) for letter in batch.dead] == [(5, "OutputTooLarge")]


def test_a_record_that_the_state_cannot_take_either_is_left_out_of_it() -> None:
    class Narrow(Summing):
        def _apply(self, records: Sequence[Record[int]]) -> list[int]:
            if any(record.offset == 5 for record in records):
                raise RecursionError
            return super()._apply(records)

    batch = batch_of(Narrow(), 10, guard())
    assert sums(batch.process())[9] == sum(range(10)) - 5


def test_what_went_away_with_its_partition_is_neither_processed_nor_set_aside() -> None:
    handler = Summing([3])
    batch = batch_of(handler, 10, guard())
    batch.process()
    batch.drop({0})
    batch.add(record(0, partition=1))
    assert (sums(batch.process()), batch.dead) == ({0: 0}, [])
