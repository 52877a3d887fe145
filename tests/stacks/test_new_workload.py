"""A workload is added by its own folder, two files, its dependency group and the stack file: nothing else.

The checkout is copied, a small one is added to the copy, and everything that follows from it is looked for.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.paths import ROOT

COPIED = ("infra", "policies", "stacks", "tools", "workloads", "tests/__init__.py", "tests/stack.py")

ADDED = {
    "workloads/gap_watcher/__init__.py": '"""gap-watcher."""\n',
    "workloads/gap_watcher/Dockerfile": "FROM scratch\n",
    "workloads/kit/contracts/declared/gap_watcher.py": """
from workloads.kit.contracts import ports, tables
from workloads.kit.contracts.declaration import Declaration, KafkaUse, Reach
from workloads.kit.contracts.declared.model_server import MODEL_SERVER
from workloads.kit.contracts.tables import READ
from workloads.kit.contracts.topics import COMMODITY_PRICES, dead_letter

GAP_WATCHER = Declaration(
    name="gap-watcher",
    about="sessions that are missing",
    kind="consumer",
    kafka=KafkaUse(
        reads=(COMMODITY_PRICES,),
        writes=("quality-alerts", dead_letter(COMMODITY_PRICES)),
        group="gap-watcher",
        transactional_ids=("gap-watcher.",),
    ),
    role="gap_watcher",
    tables={tables.COMMODITY_PRICES_DAILY: READ},
    calls=(MODEL_SERVER.name,),
    metrics=ports.METRICS,
    reach=Reach(scheme="http", about="gaps", slot=9, port=ports.METRICS),
)
""",
    "infra/workloads/gap_watcher.py": """
from functools import partial

from infra.workloads import consumers
from infra.workloads.consumers import ConsumerSettings
from infra.workloads.room import Room
from workloads.kit.contracts.declared.gap_watcher import GAP_WATCHER

ROOM = Room(
    declared=(GAP_WATCHER,),
    settings=ConsumerSettings,
    deploy=partial(consumers.deploy, GAP_WATCHER),
    optional=True,
)
""",
}
GROUP = '\n[tool.poetry.group.gap-watcher.dependencies]\nhttpx = "0.28.1"\n'
SECTION = """
  carbon:gap_watcher:
    scaler: {kind: hpa, min_replicas: 1, max_replicas: 2}
    resources: {cpu: 10m, memory: 64Mi, memory_limit: 128Mi}
"""

LOOK = """
import json
from infra.schema import schema
from tests.stack import registered
from tools import access
from tools.status import shown
from tools.image_build import requirements
from tools.image_build.catalogue import PLATFORM
from workloads.kit.contracts.platform import CLIENTS, DECLARED, GRANTS, ROLES, flows
from workloads.kit.contracts.declaration import KafkaUse
from infra.manifests.resources import strimzi_clients
from infra.settings import Labels

labels = Labels(environment="e", owner="o", team="t", product="p", cost_center="c")
seen = registered().seen.values()
objects = [r.inputs for r in seen if r.type.startswith("kubernetes:")]
use = CLIENTS.get("gap-watcher", KafkaUse())
print(json.dumps({
    "paths": [f for f in flows() if "gap-watcher" in f],
    "acls": strimzi_clients.user(labels, "gap-watcher", use)["spec"]["authorization"]["acls"],
    "grants": {table: list(rights) for table, rights in GRANTS.get("gap_watcher", {}).items()},
    "roles": list(ROLES),
    "images": list(PLATFORM),
    "group": requirements.has_group("gap-watcher"),
    "schema": list(schema()["properties"]["config"]["properties"]),
    "ports": [e.name for e in access.ENDPOINTS],
    "screen": shown(DECLARED),
    "objects": [[o["kind"], o["metadata"]["name"], o["metadata"].get("labels", {})] for o in objects],
    "environment": {v["name"]: v.get("value") for o in objects if o["kind"] == "Deployment"
        and o["metadata"]["name"] == "gap-watcher"
        for v in o["spec"]["template"]["spec"]["containers"][0]["env"]},
    "scraped": [o["data"]["prometheus.yml"] for o in objects
        if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "prometheus"],
}))
"""


def copy(to: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", "snapshots"))
        else:
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, to / name)
    shutil.copy(ROOT / "pyproject.toml", to)
    return to


def look(at: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    checkout = copy(tmp_path_factory.mktemp("checkout"))
    for name, text in ADDED.items():
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text(text)
    with (checkout / "pyproject.toml").open("a") as file:
        file.write(GROUP)
    with (checkout / "stacks" / "Pulumi.local.yaml").open("a") as file:
        file.write(SECTION)
    return look(checkout)


def test_its_paths_are_open_and_no_other(added: dict[str, Any]) -> None:
    assert sorted(map(tuple, added["paths"])) == [
        ("gap-watcher", "kafka", 9092),
        ("gap-watcher", "model-server", 8080),
        ("gap-watcher", "postgres", 5432),
        ("prometheus", "gap-watcher", 9100),
    ]
    assert ["NetworkPolicy", "gap-watcher"] in [o[:2] for o in added["objects"]]


def test_it_may_do_on_kafka_what_it_declares(added: dict[str, Any]) -> None:
    rights = {(acl["resource"].get("name"), *acl["operations"]) for acl in added["acls"]}
    assert ("commodity-prices", "Read", "Describe") in rights
    assert ("quality-alerts", "Write", "Describe") in rights
    assert ("gap-watcher", "Read", "Describe") in rights
    assert ("gap-watcher.", "Write", "Describe") in rights


def test_its_role_has_what_it_declares(added: dict[str, Any]) -> None:
    assert added["grants"] == {"commodity_prices_daily": ["SELECT"]}
    assert "gap_watcher" in added["roles"]


def test_its_image_is_built_with_its_own_dependencies(added: dict[str, Any]) -> None:
    assert "gap-watcher" in added["images"]
    assert added["group"]


def test_the_stack_files_schema_and_the_screen_know_it(added: dict[str, Any]) -> None:
    assert "carbon:gap_watcher" in added["schema"]
    assert "gap-watcher" in added["screen"]
    assert "gap-watcher" in added["ports"]


def test_it_is_scraped(added: dict[str, Any]) -> None:
    (config,) = added["scraped"]
    jobs = {job["job_name"] for job in json.loads(config)["scrape_configs"]}
    assert "gap-watcher" in jobs


def test_its_pods_run_with_all_that_they_call(added: dict[str, Any]) -> None:
    kinds = {kind for kind, name, _ in added["objects"] if name == "gap-watcher"}
    assert {
        "Deployment",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ServiceAccount",
        "Secret",
    } <= kinds
    (labels,) = [
        labels for kind, name, labels in added["objects"] if (kind, name) == ("Deployment", "gap-watcher")
    ]
    assert labels["app.kubernetes.io/component"] == "consumer"
    told = added["environment"]
    assert told["MODEL_SERVER_URL"] == "http://model-server.carbon.svc.cluster.local:8080"
    assert told["POSTGRES_USER"] == "gap_watcher"
    assert told["KAFKA_BOOTSTRAP"]


def test_a_stack_without_its_section_has_nothing_of_it(tmp_path: Path) -> None:
    checkout = copy(tmp_path)
    for name, text in ADDED.items():
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text(text)
    found = look(checkout)
    assert "gap-watcher" not in [name for _, name, _ in found["objects"]]
    assert "gap-watcher" not in found["scraped"][0]
