"""A night of training that two pods of an indexed job share, one of which is killed at work."""

from __future__ import annotations

import json
from typing import Any

from infra.manifests import objects
from tools import jobs, kube
from tools.status import query
from tools.wait import until
from workloads.kit.contracts import env, tables
from workloads.kit.contracts.declared.model_training import MODEL_TRAINING

SHARDS = 2


def test_two_pods_train_each_symbol_once_though_one_of_them_is_killed(platform: str) -> None:
    job: dict[str, Any] = jobs.template(MODEL_TRAINING.name)
    job["spec"] = objects.sharded(job["spec"], SHARDS)
    [container] = job["spec"]["template"]["spec"]["containers"]
    # As of another version of the code every symbol has a model to make.
    told = {env.TRAINING_SHARDS: str(SHARDS), env.CODE_VERSION: "shared"}
    container["env"] = [one for one in container["env"] if one["name"] not in told]
    container["env"] += [{"name": name, "value": value} for name, value in told.items()]
    name: str = job["metadata"]["name"]
    kube.kubectl("create", "-f", "-", stdin=json.dumps(job))
    try:
        first = f"job-name={name},batch.kubernetes.io/job-completion-index=0"

        def running() -> str | None:
            pods = kube.get("pods", "-n", platform, "-l", first)["items"]
            return next((p["metadata"]["name"] for p in pods if p["status"]["phase"] == "Running"), None)

        until(lambda: running() is not None, "the first shard to run", limit=300)
        kube.kubectl("delete", "pod", running() or "", "-n", platform, "--grace-period=0", "--force")
        jobs.wait(name, limit=900)
    finally:
        kube.kubectl("delete", "job", name, "-n", platform, "--wait=false", "--ignore-not-found")

    run = f"{MODEL_TRAINING.name}-{name}"
    [row] = query(f"select status, detail from {tables.SCHEMA}.{tables.JOB_RUNS} where run_id = '{run}'")
    found = row["detail"]
    assert row["status"] == "succeeded", found
    assert {index: shard["symbols"] > 0 for index, shard in found["shards"].items()} == {"0": True, "1": True}
    assert set(found["symbols"]) == set(found["names"])
    assert sum(shard["symbols"] for shard in found["shards"].values()) == len(found["names"]) > SHARDS
