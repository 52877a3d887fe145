"""Which images there are, and which files each is made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tools import charting, connect, graphiql, java, keycloak, toolchain, trino
from tools.cluster import references
from tools.image_build import context, requirements, rootfs
from tools.image_build.context import Files
from tools.paths import ROOT
from workloads.kit.contracts.declared.data_api import DATA_API
from workloads.kit.contracts.declared.market_connectors import MARKET_CONNECTORS
from workloads.kit.contracts.declared.superset import SUPERSET
from workloads.kit.contracts.declared.warehouse_connect import WAREHOUSE_CONNECT
from workloads.kit.contracts.platform import IMAGES

WORKLOADS = ROOT / "workloads"
THIRD_PARTY = ROOT / "tools" / "images"


@dataclass(frozen=True)
class Spec:
    """An image as it is to be built.

    Attributes:
        name: also the last part of its reference.
        dockerfile: an ordinary Dockerfile.
        files: gives what the Dockerfile copies.
        bases: build argument → name of the image that it is set to.
        target: the stage that is built, the last one by default.
        ref: the whole reference of an image whose name others chose.
        is_program: it holds one of the toolchain's programs, which is built first.
    """

    name: str
    dockerfile: Path
    files: Callable[[], Files]
    bases: Mapping[str, str] = field(default_factory=dict[str, str])
    target: str = ""
    ref: str = ""
    is_program: bool = False

    def context(self) -> Files:
        """Everything that the image is built from."""
        return {**self.files(), "Dockerfile": self.dockerfile}


DEBIAN = "debian"
"""The base of all others where no registry is used; docker takes the Dockerfiles' default instead."""

_ON_DEBIAN = {"BASE_IMAGE": DEBIAN}
_ON_BASE = {"BASE_IMAGE": "base", "BUILD_IMAGE": "base-build"}


def _base(name: str, target: str) -> Spec:
    def files() -> Files:
        return {**context.tree(WORKLOADS / "base", ""), "requirements.txt": requirements.base()}

    return Spec(name, WORKLOADS / "base" / "Dockerfile", files, _ON_DEBIAN, target)


_BUILT_ON = {MARKET_CONNECTORS.name: ("price_pipeline",)}
"""Workload → packages of others that it is made with: market-connectors publishes as price-pipeline does."""


def _workload(name: str) -> Spec:
    """The image of one of the platform's own workloads: its package, and its dependency group if any."""
    package = name.replace("-", "_")

    def files() -> Files:
        code = {
            "workloads/__init__.py": WORKLOADS / "__init__.py",
            **context.tree(WORKLOADS / "kit", "workloads/kit"),
        }
        for one in (package, *_BUILT_ON.get(name, ())):
            code |= context.tree(WORKLOADS / one, f"workloads/{one}")
        if not requirements.has_group(name):
            return code
        return {**code, "requirements.txt": requirements.group(name)}

    return Spec(name, WORKLOADS / package / "Dockerfile", files, _ON_BASE)


def _data_api() -> Spec:
    """With the files of uPlot and GraphiQL, which it serves."""
    plain = _workload(DATA_API.name)

    def files() -> Files:
        served = {"charting": charting.directory(), "graphiql": graphiql.directory()}
        more = {to: file for name, at in served.items() for to, file in context.tree(at, name).items()}
        return {**plain.files(), **more}

    return replace(plain, files=files)


_MLFLOW_UNUSED = (
    *("contourpy", "cycler", "docker", "fonttools", "joblib", "kiwisolver", "matplotlib", "narwhals"),
    *("pillow", "pyarrow", "pyparsing", "scikit-learn", "scipy", "skops", "threadpoolctl"),
)
"""What MLflow's client trains, plots and packs models with, which its server does not: half of its image."""


def _mlflow() -> Spec:
    def files() -> Files:
        needed = requirements.group("mlflow", unused=_MLFLOW_UNUSED)
        return {**context.tree(WORKLOADS / "mlflow", ""), "requirements.txt": needed}

    return Spec("mlflow", WORKLOADS / "mlflow" / "Dockerfile", files, _ON_BASE)


def _third_party(
    name: str, more: Callable[[], Files] | None = None, *, on_debian: bool = True, ref: str = ""
) -> Spec:
    """An image from `tools/images/<name>`, and from `more` files."""

    def files() -> Files:
        return {**context.tree(THIRD_PARTY / name, ""), **(more() if more else {})}

    return Spec(name, THIRD_PARTY / name / "Dockerfile", files, _ON_DEBIAN if on_debian else {}, ref=ref)


def _program(name: str, ref: str = "", *, on_debian: bool = False) -> Spec:
    """An image of one of the toolchain's programs, of the same name."""
    spec = _third_party(name, lambda: {name: toolchain.path(name)}, on_debian=on_debian, ref=ref)
    return replace(spec, is_program=True)


def _kafka_jars() -> Files:
    return context.tree(toolchain.kafka_libs(), "libs")


def _trino() -> Files:
    return {"trino.tar": trino.archive(), **context.tree(java.home(), "java")}


def _keycloak() -> Files:
    return {"keycloak.tar": keycloak.archive(), **context.tree(java.home(), "java")}


def _connect() -> Files:
    return context.tree(connect.directory(), "")


_NODE = (
    _third_party("pause", ref=references.PAUSE),
    _program("etcd", references.ETCD),
    _program("kube-apiserver", references.KUBE_APISERVER),
    _program("kube-controller-manager", references.KUBE_CONTROLLER_MANAGER),
    _program("kube-scheduler", references.KUBE_SCHEDULER),
    _program("kube-proxy", references.KUBE_PROXY, on_debian=True),
    _program("coredns", references.COREDNS),
    _program("metrics-server", references.METRICS_SERVER),
    _program("local-path-provisioner", references.LOCAL_PATH_PROVISIONER),
)

_PLATFORM = (
    *(_workload(name) for name, third_party in IMAGES.items() if not third_party and name != DATA_API.name),
    _data_api(),
    _mlflow(),
    _workload(SUPERSET.name),
    _third_party("kafka", _kafka_jars),
    _third_party("postgres"),
    _third_party("redis"),
    _third_party("prometheus"),
    _third_party("alertmanager"),
    _third_party("postgres-exporter"),
    _program("kube-state-metrics"),
    _program("versitygw", on_debian=True),
    _third_party("trino", _trino),
    _third_party("keycloak", _keycloak),
    _third_party(WAREHOUSE_CONNECT.name, _connect),
)

_BASES = (
    _third_party(DEBIAN, rootfs.files, on_debian=False),
    _base("base", "runtime"),
    _base("base-build", "build"),
)

SPECS: Mapping[str, Spec] = {spec.name: spec for spec in (*_BASES, *_NODE, *_PLATFORM)}
"""Every image, each after those that it is built on."""

NODE = tuple(spec.name for spec in _NODE)
"""What the local node itself runs."""
PLATFORM = tuple(spec.name for spec in _PLATFORM)
"""What a stack runs; the names of its settings' `images`."""
