"""The custom resource definitions that the gate's API server gets, at pinned versions.

Most come out of Go modules: `go mod download` verifies them, and the sum that stands here must agree. What
no module carries is committed in `tests/data/crds`. Either is kept in the cache as one JSON file a
definition, so that a run reads only the few that it needs.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools import cached, gobuild, golang, proc, versions
from tools.errors import MissingPrerequisite, ToolError
from tools.paths import ROOT, cache_dir

DATA = ROOT / "tests" / "data" / "crds"

Kind = tuple[str, str]
"""An API group and a kind in it: `("keda.sh", "ScaledObject")`."""


@dataclass(frozen=True)
class Source:
    """Where the definitions of some API groups come from.

    Attributes:
        name: a Go module, or a directory in `tests/data/crds`.
        version: of the software whose definitions they are.
        groups: the API groups.
        chart: the chart that installs them on a real cluster; empty where an add-on does.
        sum: of a module, the hash of its archive as in a go.sum; empty for what is committed.
        path: of a module, where in it they lie.
    """

    name: str
    version: str
    groups: tuple[str, ...]
    chart: str = ""
    sum: str = ""
    path: str = ""


SOURCES = (
    Source(
        "aws-load-balancer-controller", "own-definition", ("elbv2.k8s.aws",), "aws-load-balancer-controller"
    ),
    Source("strimzi", "1.2.0", ("kafka.strimzi.io",), "strimzi-kafka-operator"),
    Source(
        "github.com/aws/karpenter-provider-aws",
        "v1.14.1",
        ("karpenter.k8s.aws", "karpenter.sh"),
        "karpenter",
        "h1:WGtIQTQcxpElYMdWfWuPwaF2+9muR+hYhPZsTtoY8Gs=",
        "pkg/apis/crds",
    ),
    Source(
        "github.com/cert-manager/cert-manager",
        "v1.21.1",
        ("acme.cert-manager.io", "cert-manager.io"),
        "cert-manager",
        "h1:0LttV37Q5c2CBNoHkjuI8sLKTXWZDC2SwQkxrBMKV9w=",
        "deploy/crds",
    ),
    Source(
        "github.com/cloudnative-pg/cloudnative-pg",
        "v1.30.0",
        ("postgresql.cnpg.io",),
        "cloudnative-pg",
        "h1:fnhVq44xXx97MNiuvJsPrX1vSjYbgdyBK5MSGfdHdp0=",
        "config/crd/bases",
    ),
    Source(
        "github.com/cloudnative-pg/plugin-barman-cloud",
        "v0.13.0",
        ("barmancloud.cnpg.io",),
        "plugin-barman-cloud",
        "h1:dcEVsozSmdx5p2LbG1hbkWBvr6LXs1xpCsQiJWpo/ew=",
        "config/crd/bases",
    ),
    Source(
        "github.com/external-secrets/external-secrets",
        "v1.3.2",
        ("external-secrets.io", "generators.external-secrets.io"),
        "external-secrets",
        "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ=",
        "config/crds/bases",
    ),
    Source(
        "github.com/kedacore/keda/v2",
        "v2.20.2",
        ("eventing.keda.sh", "keda.sh"),
        "keda",
        "h1:SR60v8uIcelbveS8n/1jcl8tLdBBIbHMxmdOHw8tKqA=",
        "config/crd/bases",
    ),
    Source(
        "github.com/kubernetes-csi/external-snapshotter/client/v8",
        "v8.6.0",
        ("groupsnapshot.storage.k8s.io", "snapshot.storage.k8s.io"),
        "",
        "h1:FtGewu2k6HWw6evLGXY8JqUZ9eHpti1kd3e4amj+ilA=",
        "config/crd",
    ),
    Source(
        "github.com/kyverno/kyverno",
        "v1.19.0",
        ("policies.kyverno.io",),
        "kyverno",
        "h1:KV42j5lv9lN6WgFlt4X+Mhn0aQD0wLWzlJ/5jdWVdqI=",
        "config/crds/policies.kyverno.io",
    ),
    Source(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.93.1",
        ("monitoring.coreos.com",),
        "kube-prometheus-stack",
        "h1:4Juk8v93RdG1DSGD/mGp+SeQKPmnlLIj2iq3blLZgFY=",
        "example/prometheus-operator-crd",
    ),
    Source(
        "github.com/vmware-tanzu/velero",
        "v1.18.1",
        ("velero.io",),
        "velero",
        "h1:eV+urQYesy7tJLVkGM5fs9s/nfOWKtoFezcY1r8IjJM=",
        "config/crd/v1/bases",
    ),
)


def find(kinds: Iterable[Kind]) -> list[dict[str, Any]]:
    """The definitions of those kinds that have one, each once; other kinds are built in, or unknown.

    Raises:
        ToolError: a module does not have the sum that stands here.
        MissingPrerequisite, CommandFailed: a module had to be fetched and could not be.
    """
    wanted = sorted(set(kinds))
    files = [
        directory(source) / _file_name(group, kind)
        for group, kind in wanted
        for source in SOURCES
        if group in source.groups
    ]
    return [json.loads(file.read_bytes()) for file in files if file.is_file()]


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The group and kind of an object; the core group is the empty string."""
    group, _, _ = str(manifest.get("apiVersion", "")).rpartition("/")
    return (group, str(manifest.get("kind", "")))


def directory(source: Source) -> Path:
    """The directory in the cache with a source's definitions, made if need be."""
    slug = source.name.replace("/", "-")
    return cached.directory(
        cache_dir() / "crds" / f"{slug}-{source.version}-{_key(source)}",
        lock=f"crds-{slug}",
        title=f"Definitions of {source.name} {source.version}",
        fill=lambda out, _: _convert(_fetched(source) if source.sum else DATA / source.name, out),
    )


def definitions(text: str) -> Iterator[dict[str, Any]]:
    """The custom resource definitions among the documents of a YAML file."""
    for document in yaml.load_all(text, Loader=_Loader):
        if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
            yield document


class _Loader(yaml.CSafeLoader):
    """As the safe loader, but a bare `=`, which YAML 1.1 has as a type of its own, is a string."""


_Loader.add_constructor("tag:yaml.org,2002:value", yaml.CSafeLoader.construct_yaml_str)


def _fetched(source: Source) -> Path:
    if not (go := golang.find(versions.GO_WHEEL)):
        raise MissingPrerequisite(
            f"There is no Go here, and {source.name} is fetched with it.", remedy=golang.REMEDY
        )
    # Outside any module, so that no go.mod has a say in which version it is.
    with tempfile.TemporaryDirectory() as elsewhere:
        command = [go, "mod", "download", "-json", f"{source.name}@{source.version}"]
        answer = json.loads(proc.output(command, env=gobuild.go_env(), cwd=Path(elsewhere)))
    if answer["Sum"] != source.sum:
        raise ToolError(
            f"{source.name} {source.version} has the sum {answer['Sum']}, and {source.sum} was expected",
            remedy="Find out where `go env GOPROXY` had it from, or correct tools/gate/crds.py.",
        )
    return Path(answer["Dir"]) / source.path


def _convert(source: Path, out: Path) -> None:
    for file in sorted(source.glob("*.yaml")):
        for definition in definitions(file.read_text(encoding="utf-8")):
            spec = definition["spec"]
            # Nobody is there who could convert between versions, and a dry run stores nothing.
            spec.pop("conversion", None)
            name = _file_name(spec["group"], spec["names"]["kind"])
            (out / name).write_text(json.dumps(definition), encoding="utf-8")


def _file_name(group: str, kind: str) -> str:
    return f"{group}_{kind}.json"


def _key(source: Source) -> str:
    digest = hashlib.sha256(f"{source.sum} {source.path}".encode())
    if not source.sum:
        for file in sorted((DATA / source.name).glob("*.yaml")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
