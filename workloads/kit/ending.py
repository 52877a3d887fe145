"""How a job that is told to end does: its run is recorded as failed, and what it had open is closed."""

from __future__ import annotations

import signal


def heed_sigterm() -> None:
    """From now on SIGTERM raises SystemExit in the main thread.

    Process 1 of a container has no default for it: it would go on, and be killed before it said how its run
    ended (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination).
    """
    signal.signal(signal.SIGTERM, _end)


def _end(*_: object) -> None:
    raise SystemExit("ended by SIGTERM: its job's time was over, or its node goes away")
