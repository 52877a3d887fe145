"""A download job in a cluster: its file is made by the worker's pod, and its link works without a key."""

from __future__ import annotations

from typing import Any

import httpx

from tools import access, kube, paths, pilots
from tools.wait import until
from workloads.kit.contracts.declared.data_api import DATA_API, DOWNLOAD_WORKER

JOBS = "/v1/downloads/jobs"


def test_a_file_is_made_whole_though_its_worker_is_killed_and_any_part_of_it_is_to_be_had(
    platform: str,
) -> None:
    worker = f"deployment/{DOWNLOAD_WORKER.name}"
    kube.kubectl("rollout", "status", worker, "-n", platform, "--timeout=300s", timeout=310)
    api = access.where(access.by_name(DATA_API.name))
    name, _, value = pilots.file(paths.state_dir()).read_text().strip().partition(": ")
    client = httpx.Client(base_url=api, headers={name: value}, timeout=30)

    def ended(job: str) -> dict[str, Any] | None:
        found = client.get(f"{JOBS}/{job}").json()
        return found if found["state"] not in ("queued", "running") else None

    asked = client.post(JOBS, params={"symbol": "BRENT-M", "end": "1990-01-01T00:00:00Z"})
    assert asked.status_code == 202, asked.text
    job = asked.json()
    # Whichever state it is in then: there is one file in the end.
    label = f"app.kubernetes.io/name={DOWNLOAD_WORKER.name}"
    kube.kubectl("delete", "pod", "-n", platform, "-l", label, "--grace-period=0", "--force")
    try:
        done = until(lambda: ended(job["id"]), "the file to be made", limit=300)
        assert done is not None
        assert done["state"] == "done", done
        whole = httpx.get(f"{api}{done['link']}", timeout=30)
        assert whole.status_code == 200, whole.text
        assert len(whole.content) == done["bytes"]
        assert len(whole.text.splitlines()) == done["rows"] + 1 > 10
        part = httpx.get(f"{api}{done['link']}", headers={"Range": "bytes=100-"}, timeout=30)
        assert (part.status_code, part.content) == (206, whole.content[100:])
        altered = done["link"].replace("expires=", "expires=1")
        assert httpx.get(f"{api}{altered}", timeout=30).status_code == 403
    finally:
        client.delete(f"{JOBS}/{job['id']}")
    assert httpx.get(f"{api}{done['link']}", timeout=30).status_code == 403
