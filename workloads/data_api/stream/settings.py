"""Settings of the stream."""

from __future__ import annotations

from pydantic import Field

from workloads.kit.settings import KafkaSettings


class StreamSettings(KafkaSettings):
    """How many clients, how far behind one may be, and for how long a quiet line stays quiet."""

    stream_clients: int = Field(default=1_000, ge=1)
    """Clients of a worker; one more is answered 503."""
    stream_heartbeat_seconds: float = Field(default=15.0, gt=0)
    stream_life_seconds: float = Field(default=300.0, gt=0)
    """How long a connection holds: what its tenant may have is asked when it begins."""
    stream_buffer_bytes: int = Field(default=262_144, ge=4_096)
    """What waits for a client at most, beside what the system's socket holds; one that is further behind is
    sent what it has not had from Kafka, as it takes it."""
    stream_patience_seconds: float = Field(default=10.0, gt=0)
    """How long such a client, or one that comes back, may take nothing; then it is cut off."""
    stream_replay_seconds: float = Field(default=120.0, gt=0)
    """How long it may take to be where the others are."""
    stream_replay_messages: int = Field(default=200_000, ge=0)
    """How many messages of the past a client may ask to be sent again."""
    stream_replays: int = Field(default=4, ge=1)
    """Clients of a worker that are sent the past at once; the others wait their turn."""
