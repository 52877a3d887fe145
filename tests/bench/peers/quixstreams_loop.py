"""quixstreams: decode a price, write it to another topic. Has an environment of its own (quixstreams.txt).

Decodes as the platform does, typed by msgspec, or with `own_json` as its users do: to an unchecked dict.
Settings: bootstrap, input, output, group, count, batch, guarantee, own_json, reading, writing, state.
Result: seconds.
"""

# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any, Literal

import msgspec
from quixstreams import Application
from quixstreams.checkpointing import Checkpoint


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False, forbid_unknown_fields=True):
    """The platform's message, with the same fields."""

    schema_version: Literal[2] = 2
    source: str
    market: str
    symbol: str
    product: str
    delivery_start: datetime
    delivery_end: datetime
    resolution: str
    published_at: datetime
    price: float
    currency: str
    unit: str
    provenance: Literal["market", "replay", "synthetic"]
    correction: bool = False
    replayed_from: datetime | None = None


def main() -> None:
    given = json.loads(sys.argv[1])
    times = {"started": 0.0, "ended": 0.0}
    decode, encode = msgspec.json.Decoder(Price).decode, msgspec.json.Encoder().encode
    commit = Checkpoint.commit

    def committed(self: Checkpoint, *args: object, **kwargs: object) -> None:
        commit(self, *args, **kwargs)
        times["ended"] = time.perf_counter()

    def work(value: Any) -> Any:
        times["started"] = times["started"] or time.perf_counter()
        return value if given["own_json"] else encode(decode(value))

    Checkpoint.commit = committed
    application = Application(
        broker_address=given["bootstrap"],
        consumer_group=given["group"],
        auto_offset_reset="earliest",
        commit_every=given["batch"],
        commit_interval=1.0,
        processing_guarantee=given["guarantee"],
        consumer_extra_config=given["reading"],
        producer_extra_config=given["writing"],
        auto_create_topics=False,
        use_changelog_topics=False,
        state_dir=given["state"],
        loglevel="WARNING",
    )
    form = "json" if given["own_json"] else "bytes"
    source = application.topic(given["input"], value_deserializer=form, key_deserializer="bytes")
    target = application.topic(given["output"], value_serializer=form, key_serializer="bytes")
    application.dataframe(source).apply(work).to_topic(target)
    application.run(count=given["count"], timeout=120, collect=False)
    if times["ended"] <= times["started"]:
        raise RuntimeError("nothing was committed")
    print(json.dumps({"seconds": times["ended"] - times["started"]}))


if __name__ == "__main__":
    main()
