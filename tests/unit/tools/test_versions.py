"""A version stands in tools/versions.py, in a go.mod, in the pom and in mise.toml: all say the same."""

import re
import tomllib
from xml.etree import ElementTree

import pytest

from tools import kafka, versions
from tools.families import FAMILIES
from tools.paths import ROOT

PINS = {
    ("pulumi", "github.com/pulumi/pulumi/pkg/v3"): f"v{versions.PULUMI}",
    ("pulumi", "github.com/pulumi/pulumi/sdk/v3"): f"v{versions.PULUMI}",
    (
        "pulumi-language-python",
        "github.com/pulumi/pulumi/sdk/python/cmd/pulumi-language-python/v3",
    ): f"-{versions.PULUMI_LANGUAGE_PYTHON_COMMIT}",
    (
        "pulumi-resource-kubernetes",
        "github.com/pulumi/pulumi-kubernetes/provider/v4",
    ): f"-{versions.PULUMI_KUBERNETES_COMMIT}",
    ("kubernetes", "k8s.io/kubernetes"): f"v{versions.KUBERNETES}",
    ("etcd", "go.etcd.io/etcd/server/v3"): f"v{versions.ETCD}",
    ("addons", "github.com/coredns/coredns"): f"v{versions.COREDNS}",
    ("addons", "sigs.k8s.io/kube-network-policies"): f"v{versions.KUBE_NETWORK_POLICIES}",
    (
        "addons",
        "github.com/rancher/local-path-provisioner",
    ): f"v{versions.LOCAL_PATH_PROVISIONER}",
    ("addons", "sigs.k8s.io/metrics-server"): f"v{versions.METRICS_SERVER}",
    ("kube-state-metrics", "k8s.io/kube-state-metrics/v2"): f"v{versions.KUBE_STATE_METRICS}",
    ("versitygw", "github.com/versity/versitygw"): f"v{versions.VERSITYGW}",
    ("kyverno", "github.com/kyverno/kyverno"): f"v{versions.KYVERNO}",
    ("kube-score", "github.com/zegl/kube-score"): f"v{versions.KUBE_SCORE}",
    ("actionlint", "github.com/rhysd/actionlint"): f"v{versions.ACTIONLINT}",
}


def go_mod(family: str) -> str:
    return (ROOT / "tools" / "go" / family / "go.mod").read_text()


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize(("family", "module"), PINS)
def test_go_mod_requires_the_pinned_version(family: str, module: str) -> None:
    required = re.search(rf"^(?:require|\t) ?{re.escape(module)} (\S+)", go_mod(family), re.MULTILINE)
    assert required, f"{family}/go.mod does not require {module}"
    assert required[1].endswith(PINS[family, module])


def test_every_family_is_pinned_and_every_go_mod_is_a_family() -> None:
    names = {family.directory.name for family in FAMILIES}
    assert names == {family for family, _ in PINS}
    assert names == {file.parent.name for file in (ROOT / "tools" / "go").glob("*/go.mod")}


def test_kubernetes_staging_modules_are_those_of_the_release() -> None:
    replaced = re.findall(r"^\tk8s\.io/\S+ => k8s\.io/\S+ (\S+)$", go_mod("kubernetes"), re.MULTILINE)
    assert len(replaced) > 20
    assert set(replaced) == {f"v0.{versions.KUBERNETES.split('.', 1)[1]}"}


@pytest.mark.parametrize("family", sorted({family.directory.name for family in FAMILIES}))
def test_the_pinned_go_builds_every_family(family: str) -> None:
    needed = re.search(r"^go (\S+)$", go_mod(family), re.MULTILINE)
    assert needed
    assert numbers(needed[1]) <= numbers(versions.GO)


def test_mise_names_the_same_versions() -> None:
    tools = tomllib.loads((ROOT / "mise.toml").read_text())["tools"]
    assert tools == {
        "python": versions.PYTHON,
        "poetry": versions.POETRY,
        "go": versions.GO,
        "java": versions.JAVA,
        "maven": versions.MAVEN,
        "pulumi": versions.PULUMI,
        "kubectl": versions.KUBERNETES,
        "etcd": versions.ETCD,
        "actionlint": versions.ACTIONLINT,
    }


def test_the_pom_names_the_pinned_kafka() -> None:
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    dependencies = ElementTree.parse(kafka.POM).iterfind("m:dependencies/m:dependency", space)
    found = {d.findtext("m:artifactId", "", space): d.findtext("m:version", "", space) for d in dependencies}
    assert found["kafka_2.13"] == versions.KAFKA


def test_the_python_packages_match_the_pinned_programs() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["poetry"]["group"]
    infra = groups["infra"]["dependencies"]
    assert infra["pulumi"] == versions.PULUMI
    assert infra["pulumi-kubernetes"] == versions.PULUMI_KUBERNETES
