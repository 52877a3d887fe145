"""Users who ask, read, and ask again: many at once, each with a connection of its own, as people do it.

What a server does at its most is a load without pauses (`http_load`); what people notice is how long each
waits while the others ask as well.
"""

from __future__ import annotations

import heapq
import random
import selectors
import time
from collections.abc import Mapping, Sequence

from tests.bench.http_load import Connection, Load
from tests.bench.measure import percentile

_TIMEOUT = 30.0


def met(
    url: str,
    requests: Mapping[str, Sequence[bytes]],
    *,
    users: int,
    seconds: float,
    pause: float,
    seed: int = 1,
) -> dict[str, Load]:
    """What `users` met within `seconds`: for each kind of request, and for all of them as `all`.

    Args:
        requests: by kind; a user asks any of them, each as likely as another.
        pause: seconds between an answer and the user's next question, in the mean.

    Raises:
        RuntimeError: an answer was neither 200 nor 503, or did not come within half a minute.
    """
    chance = random.Random(seed)
    asked = [(kind, one) for kind, of in requests.items() for one in of]
    latencies: dict[str, list[float]] = {kind: [] for kind in requests}
    refused = dict.fromkeys(requests, 0)
    connections = [Connection(url) for _ in range(users)]
    kinds = [""] * users
    started = time.perf_counter()
    due = [(started + chance.uniform(0, pause), user) for user in range(users)]
    heapq.heapify(due)
    waiting = 0
    with selectors.DefaultSelector() as selector:
        for user, one in enumerate(connections):
            selector.register(one.socket, selectors.EVENT_READ, user)
        try:
            while True:
                now = time.perf_counter()
                over = now >= started + seconds
                if over and not waiting:
                    break
                while not over and due and due[0][0] <= now:
                    _, user = heapq.heappop(due)
                    kinds[user], content = chance.choice(asked)
                    connections[user].send(content)
                    waiting += 1
                until = _TIMEOUT if over or not due else max(0.0, due[0][0] - now)
                ready = selector.select(min(until, _TIMEOUT))
                if over and not ready:
                    raise RuntimeError(f"no answer from {url} for {_TIMEOUT:g} s")
                for key, _ in ready:
                    user: int = key.data
                    one = connections[user]
                    if not one.receive():
                        continue
                    waiting -= 1
                    if one.refused:
                        refused[kinds[user]] += 1
                    else:
                        latencies[kinds[user]].append(one.latency)
                    heapq.heappush(due, (time.perf_counter() + chance.expovariate(1 / pause), user))
        finally:
            for one in connections:
                one.socket.close()
    return {
        **{kind: _load(of, refused[kind], seconds) for kind, of in latencies.items()},
        "all": _load([one for of in latencies.values() for one in of], sum(refused.values()), seconds),
    }


def _load(latencies: list[float], refused: int, seconds: float) -> Load:
    if not latencies:
        raise RuntimeError("nothing of one kind was answered: ask for longer")
    latencies.sort()
    p50, p95, p99 = (1000 * percentile(latencies, share) for share in (0.5, 0.95, 0.99))
    count = len(latencies)
    return Load(refused / (count + refused), count / seconds, p50, p95, p99)
