"""What the runbooks of backups tell to run, run against an API server that has Velero's objects.

There is no Velero behind it and no node: commands that wait for a pod are looked at, not run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.manifests import namespace
from infra.manifests.resources import velero
from infra.names import Names
from infra.settings import Labels
from infra.settings.recovery import Schedule
from tools import toolchain
from tools.gate import apiserver, crds
from tools.gate.apiclient import ApiServer
from tools.paths import ROOT

BLOCK = re.compile(r"^```sh velero(?: mutating)?\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted((ROOT / "runbooks").glob("Backup*.md"))
NEEDS_PODS = re.compile(r"^kubectl -n velero (?:logs|wait|rollout) ")
IDENTITY = Labels(environment="prod", owner="o", team="t", product="carbon", cost_center="c")
NAMES = Names("prod", "111122223333", "eu-central-1")
DAILY = Schedule(cron="30 3 * * *", every_hours=24, keep_days=30)
KINDS = ("Backup", "BackupStorageLocation", "Schedule")


def data_upload() -> dict[str, Any]:
    """Its definition: nothing of ours is one, so the gate does without."""
    (source,) = [source for source in crds.SOURCES if "velero.io" in source.groups]
    beside = replace(source, path="config/crd/v2alpha1/bases")
    return json.loads((crds.directory(beside) / "velero.io_DataUpload.json").read_bytes())


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with apiserver.running() as running:
        running.install([*crds.find([("velero.io", kind) for kind in KINDS]), data_upload()])
        for manifest in (
            namespace.namespace("velero", IDENTITY),
            velero.backup_location(IDENTITY, NAMES),
            velero.schedule(IDENTITY, "daily", DAILY),
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "velero-server", "namespace": "velero"},
            },
        ):
            answer = running.apply(manifest)
            assert answer.ok, answer.message
        yield running


def run(server: ApiServer, commands: str) -> str:
    names = ["kubectl"]
    environment = os.environ | {"KUBECONFIG": str(server.kubeconfig), "PATH": toolchain.env_path(names)}
    done = subprocess.run(
        ["sh", "-eu", "-c", commands],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_told_runs(server: ApiServer, page: Path) -> None:
    blocks = [found["commands"] for found in BLOCK.finditer(page.read_text())]
    assert blocks
    for block in blocks:
        lines = [line for line in block.splitlines() if not NEEDS_PODS.match(line)]
        if lines:
            run(server, "\n".join(lines))


def test_only_what_the_release_makes_is_waited_for() -> None:
    """Names of the chart's: its deployment, its agent, and the backup that was just made."""
    told: set[str] = set()
    for page in PAGES:
        for block in BLOCK.finditer(page.read_text()):
            for line in block["commands"].splitlines():
                if NEEDS_PODS.match(line):
                    told |= {word.strip('"') for word in line.split() if "/" in word}
    assert told == {"deployment/velero", "daemonset/node-agent", "backup.velero.io/$name"}


def test_a_backup_by_hand_is_what_the_schedule_would_make(server: ApiServer) -> None:
    (block,) = [
        b["commands"]
        for b in BLOCK.finditer((ROOT / "runbooks" / "BackupLate.md").read_text())
        if "by-hand" in b["commands"]
    ]
    made = "\n".join(line for line in block.splitlines() if not NEEDS_PODS.match(line))
    run(server, made.replace("by-hand-$(date +%s)", "by-hand-1"))
    backup = json.loads(server.kubectl("-n", "velero", "get", "backup.velero.io", "by-hand-1", "-o", "json"))
    wanted = velero.schedule(IDENTITY, "daily", DAILY)["spec"]["template"]
    assert backup["spec"].items() >= wanted.items()
    assert backup["metadata"]["labels"]["velero.io/schedule-name"] == "daily"
