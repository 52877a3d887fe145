"""Whether a client may go on from the place that it gives back."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from confluent_kafka import KafkaException

from workloads.data_api.stream.places import BadPlace, Place

_AHEAD_SECONDS: Final = 2.0
"""How long a client may wait for its worker to be where it was already."""


class NotReady(Exception):
    """The brokers have not said yet where the topics end, or this worker is far from there."""


class Topics(Protocol):
    """What is needed of `Follower`."""

    first: Place

    def ends(self) -> Place: ...


class Resume:
    """Judges places by where this worker is and by what the brokers have.

    Args:
        most: messages of the past that a client may ask to be sent again.
        closing: set when nobody is to wait any more.
    """

    def __init__(self, topics: Topics, most: int, closing: threading.Event) -> None:
        self._topics, self._most, self._closing = topics, most, closing

    def judge(self, place: Place, there: Place) -> None:
        """Waits a moment where another worker gave the place out, which is a little further.

        Args:
            there: where this worker is; it goes on meanwhile.

        Raises:
            NotReady: this worker is too far behind.
            BadPlace: the topics do not have what comes after it, or too much of it.
        """
        until = time.monotonic() + _AHEAD_SECONDS
        while _is_ahead(place, there):
            if time.monotonic() >= until or self._closing.wait(0.02):
                raise self._why_ahead(place)
        if any(offset < self._topics.first[key] for key, offset in place.items()):
            raise BadPlace("what came after it is older than what is kept")
        if (behind := messages_between(place, there)) > self._most:
            raise BadPlace(f"{behind} messages came since, more than {self._most}")

    def _why_ahead(self, place: Place) -> NotReady | BadPlace:
        try:
            ends = self._topics.ends()
        except KafkaException:
            return NotReady()
        if _is_ahead(place, ends):
            return BadPlace("it is ahead of what there is: the topics were made anew since")
        return NotReady()


def messages_between(place: Place, there: Place) -> int:
    """How far a place is behind another, in offsets."""
    return sum(max(there[key] - offset, 0) for key, offset in place.items())


def _is_ahead(place: Place, there: Place) -> bool:
    return any(offset > there[key] for key, offset in place.items())
