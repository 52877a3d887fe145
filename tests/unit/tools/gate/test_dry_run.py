"""What the check makes of an API server's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.gate import dry_run
from tools.gate.apiclient import Answer
from tools.gate.model import RELEASE, Finding, Resource, StackPreview


@dataclass
class Server:
    """Answers as it is told, and remembers what it was asked to make."""

    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    made: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    tried: list[str] = field(default_factory=list[str])

    def apply_all(self, manifests: Sequence[Mapping[str, Any]], *, dry_run: bool = False) -> list[Answer]:
        names = [m["metadata"]["name"] for m in manifests]
        if dry_run:
            self.tried += names
        else:
            assert not self.tried, "a namespace is made before anything is tried in it"
            self.made += manifests
        return [self.answers.get(name, Answer(ok=True)) for name in names]


def preview(*objects: Mapping[str, Any], releases: Sequence[Mapping[str, Any]] = ()) -> StackPreview:
    made = [
        Resource(f"urn:{o['metadata']['name']}", "kubernetes:core/v1:X", "x", custom=True, inputs=o)
        for o in objects
    ]
    made += [Resource("urn:release", RELEASE, "release", custom=True, inputs=r) for r in releases]
    return StackPreview("prod", tuple(made))


def config(name: str, namespace: str = "default") -> dict[str, Any]:
    about = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about}


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"a": "b"}}}


def judge(server: Server, stack: StackPreview) -> list[Finding]:
    return list(dry_run.judge(server, stack))


def test_a_refused_object_is_an_error_in_the_servers_words() -> None:
    server = Server({"bad": Answer(ok=False, message=".data: expected map")})
    (finding,) = judge(server, preview(config("good"), config("bad")))
    assert (finding.check, finding.severity, finding.subject) == ("api-server", "error", "urn:bad")
    assert finding.message == ".data: expected map"
    assert server.tried == ["good", "bad"]


def test_a_warning_of_the_server_is_a_warning() -> None:
    server = Server({"old": Answer(ok=True, warnings=("v1beta1 is deprecated",))})
    (finding,) = judge(server, preview(config("old")))
    assert (finding.severity, finding.message) == ("warning", "v1beta1 is deprecated")


def test_namespaces_are_made_as_declared_and_tried_too() -> None:
    server = Server()
    own = namespace("carbon")
    assert judge(server, preview(own, config("a", "carbon"))) == []
    assert server.made == [own]
    assert server.tried == ["carbon", "a"]


def test_a_namespace_that_no_one_makes_is_an_error_and_its_objects_are_tried_all_the_same() -> None:
    server = Server({"b": Answer(ok=False, message="no")})
    found = judge(server, preview(namespace("carbon"), config("a", "karbon"), config("b", "karbon")))
    assert [(f.subject, f.message) for f in found] == [
        ("urn:a", "the stack makes no namespace 'karbon'"),
        ("urn:b", "the stack makes no namespace 'karbon'"),
        ("urn:b", "no"),
    ]


def test_a_release_may_make_the_namespace() -> None:
    release = {"chart": "x", "namespace": "keda", "createNamespace": True}
    assert judge(Server(), preview(config("a", "keda"), releases=[release])) == []
    assert judge(Server(), preview(config("a", "keda"), releases=[{**release, "createNamespace": False}]))


def test_definitions_of_another_version_than_the_chart_installs_are_named() -> None:
    kinds = {("external-secrets.io", "ExternalSecret"), ("keda.sh", "ScaledObject"), ("", "Pod")}
    (line,) = dry_run.of_another_version(kinds)
    assert line.startswith("ExternalSecret: checked against")
    assert "chart external-secrets" in line
