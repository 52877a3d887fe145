"""Each workload's facts are declared once, agree with each other, and the code does nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from infra.settings.stack import PLATFORM
from infra.workloads import ROOMS
from workloads.analytics_consumer.settings import AnalyticsSettings
from workloads.customer_consumer.settings import CustomerConsumerSettings
from workloads.data_quality.settings import IndicatorQualitySettings, PriceQualitySettings
from workloads.indicator_consumer.settings import IndicatorSettings
from workloads.kit.contracts import tables, topics
from workloads.kit.contracts.declaration import Declaration
from workloads.kit.contracts.declared.market_connectors import MARKET_JOBS
from workloads.kit.contracts.declared.migrations import TOPICS
from workloads.kit.contracts.declared.price_pipeline import INJECT_ID, PRICE_PIPELINE
from workloads.kit.contracts.declared.services import KAFKA
from workloads.kit.contracts.platform import (
    CLIENTS,
    DECLARED,
    GRANTS,
    METRICS_GRANTS,
    ROLES,
    flows,
    running,
)
from workloads.kit.contracts.tables import READ
from workloads.kit.settings import KafkaConsumerSettings
from workloads.prediction_consumer.settings import PredictionSettings

ROOT = Path(__file__).resolve().parents[3]
WORKLOADS = ROOT / "workloads"
DECLARATIONS = WORKLOADS / "kit" / "contracts" / "declared"
OURS = [one for one in DECLARED.values() if not one.third_party]


def test_every_workload_that_reaches_kafka_has_rights_there_and_no_other_does() -> None:
    connected = {source for source, target, _ in flows() if target == KAFKA.name}
    # The job that declares topics runs where no rights are checked; elsewhere an operator declares them.
    assert set(CLIENTS) == connected - {TOPICS.name}


def test_names_are_those_of_declared_topics_and_tables() -> None:
    declared = {topic.name for topic in topics.DECLARED}
    for use in CLIENTS.values():
        assert {*use.reads, *use.writes} <= declared
    known = {value for name, value in vars(tables).items() if name.isupper() and isinstance(value, str)}
    granted = (*GRANTS.values(), *METRICS_GRANTS.values())
    assert {table for by_table in granted for table in by_table} <= known
    assert {table for by_table in METRICS_GRANTS.values() for table in by_table} <= tables.OF_METRICS


def test_what_is_called_is_declared_and_says_at_which_port() -> None:
    for one in DECLARED.values():
        for called in one.calls:
            assert DECLARED[called].port, f"{one.name} calls {called}"


def test_slots_on_this_machine_are_each_ones_own() -> None:
    taken = [
        one.reach.slot + n for one in DECLARED.values() if one.reach for n in range(one.reach.replicas or 1)
    ]
    assert len(taken) == len(set(taken))


def test_what_is_absent_leaves_no_path() -> None:
    running = set(DECLARED) - {"model-server"}
    assert {name for source, target, _ in flows(running) for name in (source, target)} <= running
    assert flows(running) == [flow for flow in flows() if "model-server" not in flow]


def test_a_role_has_the_rights_of_all_who_log_in_as_it() -> None:
    for one in DECLARED.values():
        for table, rights in one.tables.items():
            assert one.role is not None
            grants = METRICS_GRANTS if table in tables.OF_METRICS else GRANTS
            assert set(rights) <= set(grants[one.role][table])
    assert {*GRANTS, *METRICS_GRANTS} <= set(ROLES)


def test_rights_without_a_role_are_refused() -> None:
    with pytest.raises(ValueError, match=r"demo: rights on job_runs need a role"):
        Declaration(name="demo", about="", kind="job", tables={tables.JOB_RUNS: READ})


def test_figures_at_a_port_that_nobody_opens_are_refused() -> None:
    with pytest.raises(ValueError, match="demo: metrics=1234"):
        Declaration(name="demo", about="", kind="server", port=8080, metrics=1234)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("analytics-consumer", AnalyticsSettings),
        ("customer-consumer", CustomerConsumerSettings),
        ("data-quality", PriceQualitySettings),
        ("data-quality-indicators", IndicatorQualitySettings),
        ("indicator-consumer", IndicatorSettings),
        ("prediction-consumer", PredictionSettings),
    ],
)
def test_consumers_use_their_declared_group_and_ids(name: str, settings: type[KafkaConsumerSettings]) -> None:
    use, group = CLIENTS[name], DECLARED[name].group
    assert settings.model_fields["kafka_group"].default == group
    # `kit.sink` names a member's producer after group and pod.
    assert f"{group}.some-pod".startswith(use.transactional_ids)
    assert topics.dead_letter(use.reads[0]) in use.writes


def test_no_client_may_take_anothers_ids() -> None:
    """A producer with another's id would fence it off. The prices' writers share just the injected ones."""
    for name, one in CLIENTS.items():
        for other_name, other in CLIENTS.items():
            if name == other_name:
                continue
            shared = {i for i in one.transactional_ids if i.startswith(other.transactional_ids)}
            assert shared <= {INJECT_ID}


def test_every_transactional_producer_takes_a_declared_id() -> None:
    """By name, from its declaration; a member of a group has its group's."""
    found = {
        path.relative_to(WORKLOADS).as_posix(): ast.unparse(node.args[1])
        for path in WORKLOADS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "TransactionalProducer"
    }
    assert found.pop("kit/sink.py").startswith("f'{self._settings.kafka_group}.")
    assert found.pop("kit/skip.py").startswith("f'{group}.")
    # Of what a clock tells beside the loop: group, and a part that no pod has as its name.
    assert found.pop("data_quality/tell.py") == "transactional_id"
    # Of what is recorded; its callers name theirs: keys, reviews.
    assert found.pop("kit/audit.py") == "transactional_id"
    assert found == {
        "customer_metrics/imports.py": "CUSTOMER_IMPORT_ID",
        "model_training/runs/send.py": "FORECAST_ID",
        "price_pipeline/ingest.py": "PIPELINE_ID",
        "price_pipeline/inject.py": "INJECT_ID",
        "price_pipeline/job.py": "job.name",
        "price_pipeline/letters.py": "LETTERS_ID",
        "price_pipeline/withdraw.py": "LETTERS_ID",
        "price_pipeline/replay.py": "REPLAY_ID",
        "warehouse_etl/job.py": "WAREHOUSE_ID",
    }
    for one in (PRICE_PIPELINE, *MARKET_JOBS.values()):
        assert one.name in CLIENTS[one.name].transactional_ids


_TOPICS: Final = {topic.name for topic in topics.DECLARED}
_TABLES: Final = {
    value
    for name, value in vars(tables).items()
    if name.isupper() and isinstance(value, str) and "_" in value
}


_WHERE_THEY_STAND: Final = (
    DECLARATIONS,
    DECLARATIONS.parent / "topics.py",
    DECLARATIONS.parent / "tables.py",
    # What was once migrated does not change with a name.
    WORKLOADS / "migrations" / "versions",
)


def test_no_fact_is_written_a_second_place() -> None:
    """A workload's name, role, group or id, a topic or a table that stands elsewhere would drift from its
    declaration. So would a name in an address or a path."""
    facts = _TOPICS | {topics.dead_letter(name) for name in _TOPICS} | _TABLES
    names = [one.name for one in OURS if "-" in one.name]
    addressed = re.compile(rf"/(?:{'|'.join(names)})(?![\w-])")
    facts |= {
        fact
        for one in OURS
        for fact in (
            *(n for n in (one.name, one.of_image) if "-" in n),
            *([one.role] if one.role else []),
            *((*one.kafka.transactional_ids, one.kafka.group or one.name) if one.kafka else ()),
        )
    }
    packages = {one.name.replace("-", "_") for one in OURS}
    found = {
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for directory in ("infra", "policies", "tools", "workloads")
        for path in (ROOT / directory).rglob("*.py")
        if not any(map(path.is_relative_to, _WHERE_THEY_STAND))
        for line, text in _texts(path)
        if (text in facts and text not in packages) or addressed.search(text)
    }
    assert found == set()


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Each string in the code of a module, what describes it left out: line, text."""
    tree = ast.parse(path.read_text())
    described = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.lineno, node.value


def test_what_runs_is_brought_by_a_section_of_the_stack_file() -> None:
    sections = PLATFORM.model_fields.keys()
    brought = {one.name: one.section.partition(".") for one in DECLARED.values()}
    assert {outer for outer, _, _ in brought.values()} <= sections
    for room in ROOMS:
        for one in room.declared:
            outer, _, inner = brought[one.name]
            assert outer == room.section
            assert not inner or not room.settings.model_fields[inner].is_required(), (
                "a stack may be without it"
            )


def test_what_a_section_within_another_brings_runs_where_it_is() -> None:
    assert "price-replay" in running({"price_pipeline": {"replay": {"interval_seconds": 30}}})
    for section in (None, {}, {"replay": None}):
        assert "price-replay" not in running({"price_pipeline": section})
