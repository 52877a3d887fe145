"""A training run that several pods share: who has which symbols, and the one record of what all have found.

The pods of an indexed Kubernetes job know their number and have the job's name in their own
(https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode). A shard decides of its own
symbols once it looked at them, among those of all shards; as more is known, a challenger of another shard may
turn out to stand out, and rises. What is decided so is what one pod alone would have decided in the end: the
procedure of `promotion.discoveries` finds no fewer as p-values fall.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import Field, model_validator

from workloads.kit import db
from workloads.kit.contracts.tables import JOB_RUNS, SCHEMA
from workloads.kit.db import Connection
from workloads.kit.registry import Registry
from workloads.kit.settings import NonEmpty, Settings
from workloads.kit.storable import storable
from workloads.model_training import prices
from workloads.model_training.outcomes import Outcome, Passed, decide
from workloads.model_training.settings import TrainingSettings
from workloads.model_training.train import look

_TABLE = sql.Identifier(SCHEMA, JOB_RUNS)
_LOCKED = sql.SQL("SELECT detail FROM {} WHERE run_id = %s FOR UPDATE").format(_TABLE)
_WRITE = sql.SQL("UPDATE {} SET detail = %s WHERE run_id = %s").format(_TABLE)


class ShardSettings(Settings):
    """Into how many shards a run is cut, and which of them this is."""

    training_shards: int = Field(default=1, ge=1)
    job_completion_index: int = Field(default=0, ge=0)
    """Kubernetes says it to each pod of an indexed job."""
    pod_name: NonEmpty = "training-0-own"
    """Of an indexed job: its name, the index and a word of the pod's own."""

    @property
    def run(self) -> str:
        """The job, which all shards of a run have in common."""
        return re.sub(rf"-{self.job_completion_index}-\w+$", "", self.pod_name)

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.job_completion_index >= self.training_shards:
            raise ValueError(
                f"JOB_COMPLETION_INDEX {self.job_completion_index} is none of {self.training_shards} shards:"
                " TRAINING_SHARDS is as many as the job has completions"
            )
        if self.training_shards > 1 and self.run == self.pod_name:
            raise ValueError(
                f"POD_NAME {self.pod_name} does not end in -{self.job_completion_index} and a word, as those"
                " of an indexed job do: by what is before, the shards of a run know each other"
            )
        return self

    def of(self, symbols: Sequence[str]) -> list[str]:
        """Those of the run's symbols that this shard trains: each is of one, and all have as many, or one
        more."""
        return list(symbols[self.job_completion_index :: self.training_shards])


@dataclass
class Record:
    """What the shards of a run have said: `names` of its symbols, as the first of them found, `passed` of
    those that pass by themselves, `symbols` of all that are decided, and of which `shards` are done, or the
    `error` that the newest try of one ended with."""

    names: list[str] = field(default_factory=list[str])
    passed: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    symbols: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    shards: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    seconds: float = 0.0
    fit_seconds: float = 0.0

    def keep(self, one: Passed) -> None:
        """Note that a symbol passes, for the other shards and for a later try of this one."""
        found = {"outcome": one.outcome.detail(), "champion": one.champion, "p_value": one.p_value}
        self.passed[one.outcome.symbol] = found

    def known(self) -> dict[str, Passed]:
        """All that pass so far."""
        return {
            symbol: Passed(Outcome(symbol=symbol, **one["outcome"]), one["champion"], one["p_value"])
            for symbol, one in self.passed.items()
        }

    def add(self, outcomes: Mapping[str, Outcome]) -> None:
        """Note what became of symbols. A later try finds unchanged what the one before it decided."""
        for symbol, one in outcomes.items():
            if one.decision != "unchanged" or not self.has_alias(symbol):
                self.symbols[symbol] = one.detail()

    def is_done(self, shard: str) -> bool:
        """Whether a shard, by its number, has ended well."""
        return shard in self.shards and "error" not in self.shards[shard]

    def decision(self, symbol: str) -> str | None:
        """What became of a symbol; None where no shard has said it."""
        return self.symbols.get(symbol, {}).get("decision")

    def has_alias(self, symbol: str) -> bool:
        """Whether this run made a model of it champion or challenger."""
        return self.decision(symbol) in ("promoted", "challenger")


def train(
    conn: Connection, registry: Registry, settings: TrainingSettings, shard: ShardSettings, job: str
) -> list[Outcome]:
    """Train this shard's symbols and record them in the run's row, which the last shard closes.

    A shard that is tried again finds its models of the first try, and decides of them. One that never ends
    well leaves its symbols as they are and the others as they were decided. As soon as one fails the run has,
    until another try of it ends well: which one is the last no pod knows.
    """
    run = f"{job}-{shard.run}"
    db.begin_run(conn, job, run, shared=True)
    try:
        return _train(conn, registry, settings, shard, run)
    except BaseException as error:
        # A lost database is told nothing: Kubernetes knows how its job ended.
        with suppress(psycopg.Error):
            conn.rollback()
            _fail(conn, run, str(shard.job_completion_index), error)
        raise


def _fail(conn: Connection, run: str, shard: str, error: BaseException) -> None:
    with _record(conn, run) as record:
        if not record.is_done(shard):
            record.shards[shard] = {"error": f"{type(error).__name__}: {error}"}
            db.finish_run(conn, run, "failed", asdict(record))


def _train(
    conn: Connection, registry: Registry, settings: TrainingSettings, shard: ShardSettings, run: str
) -> list[Outcome]:
    with _record(conn, run) as record:
        # A symbol that is new, or a later try, moves none to another shard.
        record.names = names = record.names or sorted(prices.symbols(conn))
    mine = shard.of(names)

    def keep(one: Passed) -> None:
        with _record(conn, run) as record:
            record.keep(one)

    outcomes, _ = look(conn, registry, settings, mine, keep)
    with _record(conn, run) as record:
        known = record.known()
        own = {
            symbol: one.registered_as(outcomes[symbol].version)
            for symbol, one in known.items()
            if symbol in outcomes and outcomes[symbol].version and not record.has_alias(symbol)
        }
        for one in own.values():
            record.keep(one)  # with its version, by which another shard may promote it
        record.add({symbol: one for symbol, one in outcomes.items() if symbol not in own})
        challengers = [symbol for symbol in known if record.decision(symbol) == "challenger"]
        decided = decide(conn, registry, settings, own, names, known=known, challengers=challengers)
        record.add(decided)
        record.shards[str(shard.job_completion_index)] = {
            "symbols": len(outcomes),
            "seconds": round(sum(one.seconds for one in outcomes.values()), 3),
            "fit_seconds": round(sum(one.fit_seconds for one in outcomes.values()), 3),
        }
        record.seconds, record.fit_seconds = (
            round(sum(one.get(what, 0.0) for one in record.shards.values()), 3)
            for what in ("seconds", "fit_seconds")
        )
        if len(record.shards) == shard.training_shards:
            failed = any(one["decision"] == "failed" for one in record.symbols.values())
            failed = failed or not all(map(record.is_done, record.shards))
            db.finish_run(conn, run, "failed" if failed else "succeeded", asdict(record))
    return list((outcomes | {s: one for s, one in decided.items() if s in mine}).values())


@contextmanager
def _record(conn: Connection, run: str) -> Generator[Record]:
    """The run's record, which no other shard writes meanwhile."""
    with conn.transaction():
        [detail] = conn.execute(_LOCKED, (run,)).fetchone() or [{}]
        record = Record(**{name: detail[name] for name in Record.__annotations__ if name in detail})
        yield record
        conn.execute(_WRITE, (Jsonb(storable(asdict(record))), run))
