"""The gate's own API server: it runs, it judges, and it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.gate import apiserver, crds, typecheck
from tools.gate.apiclient import ApiServer
from tools.paths import ROOT
from tools.wait import until

TOPIC = {
    "apiVersion": "kafka.strimzi.io/v1",
    "kind": "KafkaTopic",
    "metadata": {"name": "prices", "namespace": "default"},
    "spec": {"partitions": 3, "replicas": 3},
}


def admission_policy(name: str, expression: str) -> dict[str, Any]:
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["deployments"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": expression}]},
    }


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with apiserver.running() as running:
        running.install(crds.find([("kafka.strimzi.io", "KafkaTopic")]))
        yield running


def config(name: str = "it", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        **more,
    }


def test_a_dry_run_makes_nothing_and_a_real_one_does(server: ApiServer) -> None:
    def listed() -> list[str]:
        found = json.loads(server.kubectl("get", "configmaps", "-n", "default", "-o", "json"))
        return [item["metadata"]["name"] for item in found["items"]]

    assert server.apply(config("tried"), dry_run=True).ok
    assert "tried" not in listed()
    assert server.apply(config("made")).ok
    assert "made" in listed()


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        pytest.param(config(dta={"a": "b"}), ".dta: field not declared in schema", id="unknown field"),
        pytest.param(config(data={"a": 1}), ".data.a: expected string", id="wrong type"),
        pytest.param(config("Up"), "lowercase RFC 1123", id="invalid value"),
        pytest.param(
            config() | {"kind": "ConfigMapp"}, 'no matches for kind "ConfigMapp"', id="unknown kind"
        ),
        pytest.param(config() | {"metadata": {}}, "metadata.name", id="no name"),
        pytest.param(TOPIC | {"spec": {"partitions": 0}}, "partitions", id="custom resource"),
        pytest.param(
            TOPIC | {"apiVersion": "kafka.strimzi.io/v1beta2"}, "no matches for kind", id="version not served"
        ),
        pytest.param(
            admission_policy("broken", "object.spec.replicas >"),
            "compilation failed",
            id="CEL that does not compile",
        ),
    ],
)
def test_what_the_api_does_not_take_is_refused_in_its_words(
    server: ApiServer, manifest: dict[str, Any], words: str
) -> None:
    answer = server.apply(manifest, dry_run=True)
    assert not answer.ok
    assert words in answer.message


def test_a_custom_resource_that_fits_its_definition_is_taken(server: ApiServer) -> None:
    assert server.apply(TOPIC, dry_run=True).ok


def test_answers_stand_in_the_order_of_the_objects(server: ApiServer) -> None:
    manifests = [config(f"n{number}", **({"x": 1} if number % 3 == 0 else {})) for number in range(20)]
    answers = server.apply_all(manifests, dry_run=True)
    assert [answer.ok for answer in answers] == [number % 3 != 0 for number in range(20)]


def test_what_the_server_warns_of_is_passed_on(server: ApiServer) -> None:
    restricted = {"pod-security.kubernetes.io/warn": "restricted"}
    strict = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": restricted}}
    assert server.apply(strict).ok
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "it", "image": "it:1"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "it", "namespace": "strict"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": pod},
    }
    answer = server.apply(deployment, dry_run=True)
    assert answer.ok
    assert 'would violate PodSecurity "restricted:latest"' in answer.warnings[0]


def test_an_expression_that_asks_for_a_field_that_the_kind_does_not_have_is_found(server: ApiServer) -> None:
    good, bad, broken = (
        admission_policy("good", "object.spec.replicas > 1"),
        admission_policy("bad", "object.spec.replcas > 1"),
        admission_policy("broken", "object.spec.replicas >"),
    )
    with typecheck.checking(server) as check:
        ((), (found,), ()) = check([good, bad, broken])
        assert found.startswith("spec.validations[0].expression: ")
        assert "undefined field 'replcas'" in found
        # Another stack's policy of the same name is looked at anew.
        assert check([admission_policy("bad", "object.spec.replicas > 2")]) == [[]]


def test_nobody_but_its_owner_may_read_its_token(server: ApiServer) -> None:
    assert server.kubeconfig.stat().st_mode & 0o077 == 0
    assert server.kubeconfig.parent.stat().st_mode & 0o077 == 0


def test_its_processes_and_files_end_with_the_block() -> None:
    with apiserver.running() as running:
        home = running.kubeconfig.parent
        assert len(processes(home)) == 2
    assert processes(home) == []
    assert not home.exists()


def test_its_processes_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import time\nfrom tools.gate import apiserver\n"
        "with apiserver.running() as s:\n    print(s.kubeconfig, flush=True)\n    time.sleep(600)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout
    home = Path(owner.stdout.readline().strip()).parent
    assert len(processes(home)) == 2
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    until(lambda: not processes(home), "the end of etcd and kube-apiserver", limit=20, every=0.05)


def processes(home: Path) -> list[int]:
    """The processes whose command line names a directory."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(home) in command:
                found.append(int(entry.name))
    return found
