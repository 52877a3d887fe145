"""Consumer loops in threads, and a handler that records what the loop asks of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.services.servers import until
from workloads.kit.consumer import ConsumerLoop
from workloads.kit.records import Output, Record
from workloads.kit.settings import KafkaConsumerSettings


class Recorder:
    """Copies each value to `output`, and keeps the order of events: ("restore" | "process" | "forget", …)."""

    def __init__(self, output: str | None = None) -> None:
        self.events: list[tuple[str, Any]] = []
        self.output = output
        self.before: Callable[[Sequence[Record[Any]]], None] = lambda batch: None
        """Called with each batch before it is taken; may raise."""

    def restore(self, records: Sequence[Record[Any]]) -> None:
        self.events.append(("restore", [(r.partition, r.offset) for r in records]))

    def forget(self, partitions: Collection[int]) -> None:
        self.events.append(("forget", sorted(partitions)))

    def committed(self, partitions: Collection[int]) -> None:
        pass

    def process(self, batch: Sequence[Record[Any]]) -> Sequence[Output]:
        self.before(batch)
        self.events.append(("process", [(r.partition, r.offset) for r in batch]))
        return [Output(self.output, r.key, r.raw) for r in batch] if self.output else []

    def seen(self, kind: str) -> list[Any]:
        """Everything of one kind, flat."""
        return [item for event, items in list(self.events) if event == kind for item in items]


class Running:
    """A loop in a thread."""

    def __init__(self, loop: ConsumerLoop[Any]) -> None:
        self.loop = loop
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.code = self.loop.run()

    def wait(self, seconds: float = 60.0) -> int:
        """The exit code, once it ends by itself."""
        self._thread.join(seconds)
        assert self.code is not None, f"the loop still runs after {seconds:g} s"
        return self.code

    def stop(self) -> int:
        self.loop.stop()
        return self.wait()


@contextmanager
def running(
    settings: KafkaConsumerSettings,
    topic: str,
    handler: Recorder,
    *,
    decode: Callable[[bytes], Any] = bytes,
    restore: bool = False,
    transactional: bool = True,
) -> Iterator[Running]:
    """A loop that is ready, and stopped at the end."""
    one = Running(
        ConsumerLoop(settings, topic, decode, handler, restore=restore, transactional=transactional)
    )
    try:
        until(lambda: one.loop.ready()[0] or one.code is not None, "the loop is ready", 60)
        yield one
    finally:
        one.loop.stop()
        one.wait()
